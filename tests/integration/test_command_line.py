"""The command line on stores that real calls have made."""

import os
import pty
import shlex
import subprocess
import sys
import textwrap
import time
from importlib import import_module, invalidate_caches
from itertools import count
from pathlib import Path

import pytest

import mops
from mops import InThreadShell, MemoizingPicklingRunner, SubprocessShell, use_runner
from mops.__main__ import main
from mops.adapters.blob_stores.local import LocalBlobStore
from mops.api.records import comparison
from mops.api.worlds import world_of
from mops.core import envelope
from mops.core.blob_layout import memo_from_folder
from mops.core.claim import void
from mops.runtime.inline import drive

_numbers = count(1)

SAMPLE = """
    import os
    import sys

    FACTOR = 2

    class Hostile:
        '''Unpickling it writes a file.'''
        def __init__(self, path):
            self.path = path
        def __reduce__(self):
            return os.open, (self.path, os.O_CREAT)

    def helper(x):
        return x * FACTOR

    def scale(x, by=1):
        return helper(x) * by

    def fail(x):
        raise ValueError(f"{x} is refused\\n\\x1b[31mred\\tand tabbed")

    def hostile(path):
        return Hostile(path)

    def ignore(value):
        return None

    def look():
        sys.hook_of_this_test()

    def large(count):
        return bytes(count)
"""


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "root")


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write, or write anew, a module of a name of its own, and import it."""
    name = f"sample_{os.getpid()}_{next(_numbers)}"
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write_and_import(source=SAMPLE, edit=("", "")):
        path = tmp_path / "code" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(source).replace(*edit))
        invalidate_caches()
        sys.modules.pop(name, None)
        return import_module(name)

    yield write_and_import
    sys.modules.pop(name, None)


@pytest.fixture
def run(capsys, monkeypatch):
    """Run a command in this process, piped: its status, standard output and standard error."""

    def run_command(*arguments):
        monkeypatch.setattr(sys, "argv", ["mops", *arguments])
        capsys.readouterr()
        status = main()
        return status, *capsys.readouterr()

    return run_command


def runner(root, shell=None, **settings):
    return MemoizingPicklingRunner(shell or InThreadShell(), root, **settings)


def rows(text):
    return [line.split("\t") for line in text.splitlines()]


def states(run, root, *arguments):
    status, out, _ = run("ls", root, *arguments)
    assert status == 0
    return [(row[0].partition(":")[2], row[1]) for row in rows(out)]


def blob(root, uri, slot):
    return Path(uri.removeprefix("file://")) / slot


def tree(root):
    return {path: path.read_bytes() for path in Path(root).rglob("*") if path.is_file()}


# ------------------------------------------------------------------------------------------------ ls
def test_ls_prints_one_call_a_line_between_tabs(load, root, run):
    scale = use_runner(runner(root))(load().scale)
    scale(1)
    scale(2, by=3)

    status, out, err = run("ls", root)

    assert (status, err) == (0, "")
    assert [len(row) for row in rows(out)] == [6, 6]
    function, state, when, seconds, size, uri = next(row for row in rows(out) if row[5] == scale.memo_uri(1))
    assert (function, state) == (f"{scale.__module__}:scale", "stored")
    assert when.endswith("Z")
    assert 0 <= float(seconds) < 10
    assert int(size) == blob(root, uri, "r0").stat().st_size - blob(root, uri, "r0").read_bytes().rindex(b"\x80\x05")


def test_ls_says_what_became_of_each_call(load, root, run):
    module = load()
    scale = use_runner(runner(root))(module.scale)
    fail = use_runner(runner(root))(module.fail)
    for number in range(3):
        scale(number)
    drive(void(memo_from_folder(scale.memo_uri(1).partition("/root/")[2]), 0, 0), world_of(root, 10.0).perform)
    damaged = blob(root, scale.memo_uri(2), "r0")
    damaged.chmod(0o600)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(ValueError, match="refused"):
        fail(1)

    _, out, _ = run("ls", root)

    state_of = {row[5]: row[1] for row in rows(out)}
    assert state_of == {
        scale.memo_uri(0): "stored",
        scale.memo_uri(1): "voided",
        scale.memo_uri(2): "unreadable",
        fail.memo_uri(1): "failed",
    }


def test_ls_shows_a_call_while_it_runs_and_that_its_caller_left(load, root, run, monkeypatch):
    seen = []

    def hook():
        seen.append(states(run, root))
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "hook_of_this_test", hook, raising=False)
    look = use_runner(runner(root))(load().look)

    with pytest.raises(KeyboardInterrupt):
        look()

    assert seen == [[("look", "running")]]
    assert states(run, root) == [("look", "stopped")]
    assert "its caller left" in run("inspect", look.memo_uri())[1]


def test_ls_knows_that_a_process_was_killed_in_the_middle_of_a_call(tmp_path, root, run):
    (tmp_path / "dies.py").write_text(
        "import os, sys, mops\n"
        "@mops.use_runner(mops.MemoizingPicklingRunner(blob_root=sys.argv[1]))\n"
        "def dies(): os.kill(os.getpid(), 9)\n"
        "dies()\n"
    )
    subprocess.run([sys.executable, str(tmp_path / "dies.py"), root], check=False)

    assert states(run, root) == [("dies", "interrupted")]


def test_ls_filters_by_pipeline_and_by_function(load, root, run):
    module = load()
    use_runner(runner(root, pipeline_id="a"))(module.scale)(1)
    use_runner(runner(root, pipeline_id="a/b"))(module.helper)(1)
    use_runner(runner(root, pipeline_id="ab"))(module.scale)(1)

    assert states(run, root, "--pipeline", "a") == [("helper", "stored"), ("scale", "stored")]
    assert states(run, root, "--pipeline", "a/b") == [("helper", "stored")]
    assert states(run, root, "--function", "sca*") == [("scale", "stored"), ("scale", "stored")]
    assert states(run, root, "--function", f"{module.__name__}:helper") == [("helper", "stored")]
    assert states(run, root, "--function", "nothing") == []


def test_ls_looks_under_the_default_root_and_says_when_it_is_empty(root, run, monkeypatch):
    monkeypatch.setenv("MOPS_ROOT", root)
    Path(root).mkdir()

    assert run("ls") == (0, "", f"no calls under file://{root}\n")
    for option in ("--pipeline", "--function"):
        assert run("ls", option, "nothing") == (0, "", f"no calls under file://{root} match\n")


@pytest.mark.parametrize("command", ["ls", "summary", "watch"])
def test_a_root_that_is_none_is_an_error(command, root, run, tmp_path, monkeypatch):
    (tmp_path / "a file").write_text("not a folder")

    assert run(command, root) == (1, "", f"error: file://{root} is no blob root: there is no such folder\n")
    uri = f"file://{tmp_path}/a%20file"
    assert run(command, str(tmp_path / "a file")) == (1, "", f"error: {uri} is a file, and no blob root\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(command, "") == (1, "", "error: the blob root is empty\n")


def test_ls_passes_over_what_is_no_memo(load, root, run):
    use_runner(runner(root))(load().scale)(1)
    stray = Path(root, "mops1", "memo", "default", "notes.txt")
    stray.write_text("not ours")
    Path(root, "mops1", "memo", "default", "x", "any", "abc").mkdir(parents=True)
    Path(root, "mops1", "memo", "default", "x", "any", "abc", "r0").write_text("not ours")

    assert states(run, root) == [("scale", "stored")]


@pytest.mark.parametrize(
    "name",
    ["with space:and more", "módulo:naïve.ƒ", f"{'m' * 300}:{'f' * 300}", "..:..", "a/b:c--d@e", "a:[bold]x[/bold]"],
)
def test_names_of_every_kind_come_back_as_they_were_given(load, root, run, name):
    pipeline = "team ä/" + "p" * 300
    named = use_runner(runner(root, pipeline_id=pipeline), name=name, logic_key="v 1")(load().scale)
    named(1)

    _, out, _ = run("ls", root, "--pipeline", pipeline)
    assert [row[0] for row in rows(out)] == [f"{name}@v 1"]
    status, out, _ = run("inspect", named.memo_uri(1))
    assert (status, out.splitlines()[0]) == (0, name)


def test_control_characters_of_stored_text_never_reach_the_output(load, root, run):
    fail = use_runner(runner(root), name="a\x1b[2J:b\tc\nd\u202e")(load().fail)
    with pytest.raises(ValueError, match="refused"):
        fail("\x1b]0;title\x07")

    for command in (("ls", root), ("inspect", fail.memo_uri("\x1b]0;title\x07"))):
        status, out, _ = run(*command)
        assert status == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(out)
    assert [len(row) for row in rows(run("ls", root)[1])] == [6]


# ------------------------------------------------------------------------------------------------ inspect
def test_inspect_tells_who_when_how_long_and_with_what(load, root, run):
    scale = use_runner(runner(root, pipeline_id="team/daily"))(load().scale)
    future = scale.submit(3, by=4)
    future.result()

    status, out, _ = run("inspect", scale.memo_uri(3, by=4))

    facts = dict(line.strip().split(maxsplit=1) for line in out.splitlines() if line.startswith("  "))
    assert status == 0
    assert facts["pipeline"] == "team/daily"
    assert facts["fingerprint"] == future.metadata["fingerprint"]
    assert float(facts["duration"]) == pytest.approx(future.metadata["elapsed"], abs=1e-6)
    assert facts["mops"] == mops.__version__
    assert facts["host"] == future.metadata["producer"]["host"]
    assert facts["x"].endswith("  3")
    assert facts["by"].endswith("  4")
    assert f"  {scale.__module__}:helper\n" in out
    assert f"  {scale.__module__}:FACTOR  (constant)\n" in out


def test_inspect_shows_the_attempts_of_a_failed_call_and_its_traceback(load, root, run):
    fail = use_runner(runner(root, SubprocessShell()))(load().fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="refused"):
            fail(7)

    _, out, _ = run("inspect", fail.memo_uri(7))

    assert "its last attempt failed with ValueError: 7 is refused" in out
    assert "e1: attempt for r0" in out
    assert "e2: attempt for r0" in out
    assert "e1.1 " in out
    assert " adopted by process " in out
    assert "e1.2 " in out
    assert " ended: failed" in out
    assert "in fail" in out


def test_inspect_shows_every_generation_and_why_one_cannot_be_read(load, root, run, monkeypatch):
    scale = use_runner(runner(root))(load().scale)
    scale(1)
    memo = memo_from_folder(scale.memo_uri(1).partition("/root/")[2])
    drive(void(memo, 0, 0), world_of(root, 10.0).perform)
    with monkeypatch.context() as later:
        later.setattr(envelope, "FORMAT_VERSION", envelope.FORMAT_VERSION + 1)
        parts = envelope.seal(envelope.RESULT, owner=memo.digest, slot="r1")
    world_of(root, 10.0).store.put(f"{memo.folder}/r1", *parts)

    _, out, _ = run("inspect", scale.memo_uri(1))

    assert "r0: tombstone" in out
    assert "r1: unreadable" in out
    assert f"written in format {envelope.FORMAT_VERSION + 1}" in out
    assert states(run, root) == [("scale", "unreadable")]


def test_inspect_counts_a_payload_that_is_stored_by_content(load, root, run):
    large = use_runner(runner(root))(load().large)
    large(3 << 20)

    assert int(rows(run("ls", root)[1])[0][4]) >= 3 << 20


def test_inspect_takes_a_path_and_the_name_of_a_blob_too(load, root, run, monkeypatch):
    scale = use_runner(runner(root))(load().scale)
    scale(1)
    uri = scale.memo_uri(1)
    expected = run("inspect", uri)
    path = uri.removeprefix("file://")
    monkeypatch.chdir(root)

    assert run("inspect", path) == expected
    assert run("inspect", os.path.relpath(path, root)) == expected
    for slot in ("r0", "e1", "e1.1", "e1.out"):
        assert run("inspect", f"{uri}/{slot}") == expected
    assert run("inspect", f"{uri}/") == expected


def test_a_root_with_spaces_and_percent_signs_is_found_again(load, tmp_path, run):
    scale = use_runner(runner(str(tmp_path / "my 100% röot")))(load().scale)
    scale(1)

    _, out, _ = run("ls", str(tmp_path / "my 100% röot"))
    assert rows(out)[0][5] == scale.memo_uri(1)
    assert run("inspect", rows(out)[0][5])[0] == 0


# ------------------------------------------------------------------------------------------------ nothing runs
def test_nothing_is_unpickled_unless_asked_and_nothing_is_written(load, root, run, tmp_path):
    module = load()
    settings = runner(root, keep_arguments=True)
    hostile, ignore = use_runner(settings)(module.hostile), use_runner(settings, ignore=["value"])(module.ignore)
    trap = str(tmp_path / "unpickled")
    hostile(trap)
    ignore(module.Hostile(trap))
    before = tree(root)
    uris = [row[5] for row in rows(run("ls", root)[1])]

    for uri in uris:
        assert run("inspect", uri)[0] == 0
        assert run("why", uri)[0] == 0
    assert run("why", *uris)[0] == 0
    hostile.explain(trap)
    assert not os.path.exists(trap)
    assert tree(root) == before

    assert run("inspect", hostile.memo_uri(trap), "--value")[0] == 0
    assert os.path.exists(trap), "the trap works"


def test_inspect_shows_a_value_when_asked_and_says_when_there_is_none(load, root, run):
    module = load()
    scale, fail = use_runner(runner(root))(module.scale), use_runner(runner(root))(module.fail)
    scale(21)
    with pytest.raises(ValueError, match="refused"):
        fail(1)

    assert run("inspect", scale.memo_uri(21), "--value")[1].endswith("\nvalue\n    42\n")
    status, _, err = run("inspect", fail.memo_uri(1), "--value")
    assert (status, err) == (1, "Error: there is no value: the call is failed\n")


# ------------------------------------------------------------------------------------------------ why
def differences(run, *uris):
    status, out, _ = run("why", *uris)
    assert status == 0
    return [line for line in out.splitlines() if not line.startswith("  ")]


def test_why_names_the_argument_that_differs(load, root, run):
    scale = use_runner(runner(root))(load().scale)
    scale(1, by=2)
    scale(1, by=3)

    assert differences(run, scale.memo_uri(1, by=2), scale.memo_uri(1, by=3)) == ["argument by: 2 -> 3"]
    assert differences(run, scale.memo_uri(1, by=3), scale.memo_uri(1, by=2)) == ["argument by: 3 -> 2"]
    assert differences(run, scale.memo_uri(1, by=2), scale.memo_uri(1, by=2)) == ["it is the same call"]


def test_why_says_so_where_only_the_content_of_an_argument_differs(load, root, run):
    ignore = use_runner(runner(root))(load().ignore)
    ignore([1, 2])
    ignore([1, 3])

    assert differences(run, ignore.memo_uri([1, 2]), ignore.memo_uri([1, 3])) == [
        "argument value: list of 2, with other content"
    ]


def test_why_names_the_definition_that_differs(load, root, run):
    first = use_runner(runner(root))(load().scale)
    first(1)
    second = use_runner(runner(root))(load(edit=("return x * FACTOR", "return x * FACTOR + 1")).scale)
    second(1)
    third = use_runner(runner(root))(load(edit=("FACTOR = 2", "FACTOR = 3")).scale)
    third(1)
    module = first.__module__

    assert differences(run, first.memo_uri(1), second.memo_uri(1)) == [f"{module}:helper changed"]
    assert differences(run, first.memo_uri(1), third.memo_uri(1)) == [f"{module}:FACTOR changed"]


def test_why_names_the_logic_key_the_function_and_the_pipeline(load, root, run):
    module = load()
    one = use_runner(runner(root), logic_key="v1")(module.helper)
    two = use_runner(runner(root, pipeline_id="other"), logic_key="v2")(module.helper)
    three = use_runner(runner(root))(module.ignore)
    one(1), two(1), three(1)

    note = "(code is no part of these keys: the policy is not to run again when it changes)"
    assert differences(run, one.memo_uri(1), two.memo_uri(1)) == [
        "pipeline: default -> other",
        "logic key: v1 -> v2",
        note,
    ]
    name = module.__name__
    assert differences(run, one.memo_uri(1), three.memo_uri(1))[:2] == [
        f"function: {name}:helper -> {name}:ignore",
        "logic key: v1 -> none",
    ]


def test_why_with_one_uri_compares_with_the_earlier_call_that_has_most_in_common(load, root, run):
    scale = use_runner(runner(root))(load().scale)
    scale(1, by=1)
    scale(2, by=5)
    scale(3, by=7)
    scale(2, by=6)
    scale(2, by=1)  # as near as two others; later than both, so no answer to any question but its own

    def nearest(uri):
        return [line.split()[1] for line in run("why", uri)[1].splitlines() if line.startswith("  from")]

    assert nearest(scale.memo_uri(2, by=6)) == [scale.memo_uri(2, by=5)]
    assert nearest(scale.memo_uri(2, by=1)) == [scale.memo_uri(2, by=6)]
    assert nearest(scale.memo_uri(1, by=1)) == []
    assert differences(run, scale.memo_uri(1, by=1)) == [
        f"there is no earlier call of {scale.__module__}:scale in pipeline default"
    ]


def test_why_looks_past_any_number_of_later_calls(load, root, run, monkeypatch):
    monkeypatch.setattr(comparison, "MOST_CANDIDATES", 2)
    scale = use_runner(runner(root))(load().scale)
    for number in range(20):
        scale(number)
        time.sleep(0.01)  # longer than a tick of the file system's clock

    assert differences(run, scale.memo_uri(7)) == ["argument x: 6 -> 7"]


def test_why_finds_the_earlier_call_under_another_logic_key_and_no_namesake(load, root, run):
    module = load()
    use_runner(runner(root), name="m:f")(module.helper)(1)
    new = use_runner(runner(root), name="m:f", logic_key="v2")(module.helper)
    use_runner(runner(root), name="m:f_too")(module.helper)(1)
    new(1)

    assert differences(run, new.memo_uri(1)) == ["logic key: none -> v2"]


def test_why_says_when_a_claim_is_gone(load, root, run):
    scale = use_runner(runner(root))(load().scale)
    scale(1)
    blob(root, scale.memo_uri(1), "e1").unlink()

    status, _, err = run("why", scale.memo_uri(1))

    assert status == 1
    assert "has no claim" in err


# ------------------------------------------------------------------------------------------------ errors and output
@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["inspect", "file:///nowhere"], 1, "is no memo URI"),
        (["inspect", "/nowhere/mops1/memo/default/x"], 1, "not the folder of a memo"),
        (
            ["inspect", f"/nowhere/mops1/memo/default/m--f/any/{'0' * 64}"],
            1,
            "nothing is stored under file:///nowhere/",
        ),
        (["ls", "s4://bucket"], 1, "names no blob root"),
        (["ls", "memory://x"], 1, "lives in the memory"),
        (["why"], 2, "Missing argument"),
        (["ls", "--colour"], 2, "No such option"),
        (["fly"], 2, "No such command"),
        ([], 2, "Usage: mops"),
    ],
)
def test_errors_are_text_without_a_traceback_and_an_exit_status(run, arguments, status, said):
    got, out, err = run(*arguments)

    assert (got, out) == (status, "")
    assert said in err
    assert "Traceback" not in err


def test_probe_proves_the_promises_of_a_root_and_leaves_nothing(root, run, monkeypatch):
    monkeypatch.setenv("MOPS_ROOT", root)

    assert run("probe") == run("probe", root) == (0, f"file://{root} keeps what mops relies on\n", "")
    assert tree(root) == {}


def test_probe_says_what_a_root_lacks(root, run, monkeypatch):
    monkeypatch.setattr(LocalBlobStore, "put_if_absent", lambda self, key, *parts: self.put(key, *parts) or True)

    status, out, err = run("probe", root)

    assert (status, out) == (1, "")
    assert "a blob can be created twice" in err


def test_version_and_help_succeed(run):
    assert run("--version") == (0, f"mops {mops.__version__}\n", "")
    assert run("--help")[0] == run("why", "-h")[0] == 0


def test_a_reader_that_has_seen_enough_is_no_error_to_be_explained(load, root):
    scale = use_runner(runner(root))(load().scale)
    for number in range(40):
        scale(number)
    command = subprocess.Popen(
        [sys.executable, "-u", "-m", "mops", "ls", root], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    command.stdout.readline()
    command.stdout.close()

    assert command.stderr.read() == b""
    command.stderr.close()
    assert command.wait() in {0, 1}


@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        (">&-", "error: there is no standard output to answer on\n"),
        (">/dev/full", "error: [Errno 28] No space left on device\n"),
    ],
)
@pytest.mark.parametrize("command", ["ls", "watch", "summary", "--help"])
def test_an_answer_that_cannot_be_written_is_an_error_without_a_traceback(load, root, command, redirection, said):
    with pytest.raises(ValueError, match="3 is refused"):
        use_runner(runner(root))(load().fail)(3)
    arguments = shlex.join([sys.executable, "-m", "mops", command, *([] if command == "--help" else [root])])
    done = subprocess.run(f"exec {arguments} {redirection}", shell=True, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, said)


def test_the_debugger_needs_a_standard_input_and_says_so(load, root):
    fail = use_runner(runner(root, keep_arguments=True))(load().fail)
    with pytest.raises(ValueError, match="3 is refused"):
        fail(3)
    arguments = shlex.join([sys.executable, "-m", "mops", "replay", "--pdb", fail.memo_uri(3)])
    done = subprocess.run(f"exec {arguments} <&-", shell=True, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("Error: --pdb needs a terminal: there is no standard input to ask on\n")


def on_a_terminal(*arguments):
    """What a terminal is sent by a command."""
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        [sys.executable, "-m", "mops", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "60"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not data:
            break
        shown += data
    os.close(ours)
    assert command.wait() == 0
    return shown.decode()


def test_a_terminal_gets_colour_and_whole_addresses_and_a_pipe_gets_neither_colour_nor_wrapping(load, root):
    scale = use_runner(runner(root), name="pkg:[red]scale")(load().scale)
    scale(1)

    shown = on_a_terminal("ls", root)
    piped = subprocess.run(
        [sys.executable, "-m", "mops", "ls", root], capture_output=True, text=True, check=True
    ).stdout

    assert "\x1b[32mstored" in shown
    assert scale.memo_uri(1) in shown, "in one piece, whatever the width"
    assert "pkg:[red]scale" in shown
    assert "\x1b" not in piped
    assert piped.count("\n") == 1
    assert "\x1b[1m" in on_a_terminal("inspect", scale.memo_uri(1))
    assert scale.memo_uri(1) in on_a_terminal("why", scale.memo_uri(1), scale.memo_uri(1))
