"""What is stored is what is served: damaged, missing and later bytes are noticed, large ones are mapped."""

import pytest

SHELLS = ("InThreadShell()", "SubprocessShell()")
each_shell = pytest.mark.parametrize("shell", SHELLS)

STAGE = """
    @use_runner(MemoizingPicklingRunner({shell}, root))
    def work(size):
        with open("runs", "a") as file:
            print(size, file=file)
        return bytes(range(256)) * (size // 256)
"""

CALL = "from stage import *\nassert work({size}) == bytes(range(256)) * ({size} // 256)"
SMALL, LARGE = 1024, 2 << 20


@pytest.fixture(params=SHELLS)
def stage(project, request):
    project.write("stage.py", STAGE.format(shell=request.param))
    return project


def damage(path, how):
    data = bytearray(path.read_bytes())
    if how == "emptied":
        data.clear()
    elif how == "truncated":
        del data[-1]
    elif how == "zeroed":
        data = bytearray(len(data))
    elif how == "extended":
        data += b"more"
    else:
        data[how] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["emptied", "truncated", "zeroed", "extended", 0, 80, 106, 150, 180, 230, -1])
def test_a_damaged_result_is_voided_reported_once_and_computed_anew(stage, how):
    call = CALL.format(size=SMALL)
    assert stage.run("-c", call).stderr == ""
    (result,) = stage.results()
    damage(result, how)
    second = stage.run("-c", call + "\n" + call)
    assert [line for line in second.stderr.splitlines() if line] == [
        line for line in second.stderr.splitlines() if "r0" in line
    ]
    assert second.stderr.count("it is voided and computed anew") == 1
    assert str(result.relative_to(stage.root)) in second.stderr
    assert [path.name for path in stage.results()] == ["r0", "r1"]
    assert stage.run("-c", call).stderr == ""
    assert len(stage.lines("runs")) == 2


@pytest.mark.parametrize("how", ["removed", "emptied", "truncated", "zeroed", 1_000_000])
def test_a_result_whose_payload_is_damaged_or_gone_is_computed_anew(stage, how):
    call = CALL.format(size=LARGE)
    stage.run("-c", call)
    (payload,) = (path for path in stage.root.glob("mops1/blob/*/*") if path.stat().st_size >= LARGE)
    if how == "removed":
        payload.unlink()
    else:
        damage(payload, how)
    second = stage.run("-c", call)
    assert second.stderr.count("it is voided and computed anew") == 1
    assert len(stage.lines("runs")) == 2
    third = stage.run("-c", call)
    assert third.stderr == ""
    assert len(stage.lines("runs")) == 2


def test_a_later_format_is_refused_by_name_and_left_as_it_is(stage):
    from mops.core import envelope

    stage.run("-c", CALL.format(size=SMALL))
    (result,) = stage.results()
    data = bytearray(result.read_bytes())
    data[104:106] = (envelope.FORMAT_VERSION + 1).to_bytes(2, "little")
    data[72:104] = envelope.blake3(data[104:]).digest()
    result.write_bytes(data)
    failed = stage.run("-c", CALL.format(size=SMALL), check=False)
    assert failed.returncode == 1
    assert f"written in format {envelope.FORMAT_VERSION + 1}" in failed.stderr
    assert "pip install -U mops-run" in failed.stderr
    assert "memo: file://" in failed.stderr
    assert result.read_bytes() == data
    assert len(stage.lines("runs")) == 1


@each_shell
def test_a_large_array_comes_back_mapped_and_writable(project, shell):
    project.write(
        "stage.py",
        f"""
        import numpy as np

        @use_runner(MemoizingPicklingRunner({shell}, root))
        def make(megabytes):
            return np.arange(megabytes << 17)
    """,
    )
    project.run("-c", "from stage import make; make(100)")
    program = """
        from stage import make

        def anonymous():
            return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))

        make(1)
        before = anonymous()
        array = make(100)
        print(int(array[-1]), array.nbytes, array.flags.writeable, (anonymous() - before) // 1024)
        array[:5] = -1
        print(make(100)[:5], array[:6])
    """
    first, second = project.script(program).splitlines()
    last, size, writable, megabytes = first.split()
    assert (int(last), int(size), writable) == ((100 << 17) - 1, 100 << 20, "True")
    assert int(megabytes) < 10
    assert second == "[0 1 2 3 4] [-1 -1 -1 -1 -1  5]"


@each_shell
def test_callers_of_one_process_never_share_what_they_may_change(project, shell):
    out = project.script(f"""
        @use_runner(MemoizingPicklingRunner({shell}, root))
        def work(x):
            time.sleep(0.3)
            return [x]

        one, two = work.submit(1), work.submit(1)
        one.result().append("mine")
        print(two.result(), work(1))
    """)
    assert out == "[1] [1]\n"
