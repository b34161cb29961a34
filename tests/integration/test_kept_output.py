"""What remotes print is kept beside their epochs, bounded, and losing it never fails a call."""

import os
import pty
import signal
import subprocess
import sys

import pytest

from mops.core.kept_output import HEAD, TAIL

WORK = """
    @use_runner(MemoizingPicklingRunner(SubprocessShell(), root, replay_logs=bool(os.environ.get("REPLAY"))))
    def work(x=1):
        {body}
"""


def write_stage(project, body):
    project.write("stage.py", WORK.format(body=body))


def uri(project):
    return project.script("from stage import work\nprint(work.memo_uri())").strip()


def mops(project, *arguments, **options):
    return project.run("-m", "mops", *arguments, **options)


def logs(project, *options):
    """The bytes that `mops logs` prints of the one call."""
    command = [sys.executable, "-m", "mops", "logs", uri(project), *options]
    return subprocess.run(
        command, cwd=project.folder, env=project.environment(), stdout=-1, check=True, timeout=60
    ).stdout


def outputs(project):
    return sorted(path.name for path in project.root.glob("mops1/memo/**/e*.out"))


def test_both_streams_are_kept_before_anybody_sees_the_outcome(project):
    write_stage(project, "print('out', x, flush=True); print('err', file=sys.stderr); sys.stdout.write('no end')")
    out = project.script(
        """
        from pathlib import Path
        from stage import work
        for x in range(10):
            work(x)
            print(all(path.with_name("e1.out").exists() for path in Path(root).glob("mops1/memo/**/r0")))
        """,
        stderr=-3,
    )
    assert out == "True\n" * 10
    kept = logs(project)
    assert len(kept) == len("out 1\nerr\nno end")
    assert all(printed in kept for printed in (b"out 1\n", b"err\n", b"no end"))


def test_nothing_printed_leaves_nothing(project):
    write_stage(project, "return 1")
    project.script("from stage import work\nwork()")
    assert outputs(project) == []
    result = mops(project, "logs", uri(project))
    assert result.stdout == ""
    assert "nothing is kept of what attempt 1 of stage:work printed" in result.stderr
    assert "in-thread" not in result.stderr
    assert "nothing is kept of what attempt 1" in mops(project, "logs", "--all", uri(project)).stderr


def test_that_nothing_is_ever_kept_of_an_in_thread_call_is_said_of_those_alone(project):
    project.write("stage.py", "@use_runner(MemoizingPicklingRunner(InThreadShell(), root))\ndef work(): print(1)\n")
    project.script("from stage import work\nwork()")
    assert "what an in-thread call prints is never kept" in mops(project, "logs", uri(project)).stderr


def test_ten_megabytes_are_kept_at_both_ends(project):
    write_stage(project, "print('first'); sys.stdout.write('x' * 10_000_000); print('last')")
    project.script("from stage import work\nwork()", stderr=-3)
    text = logs(project)
    assert text.startswith(b"first\nxxx")
    assert text.endswith(b"xxxlast\n")
    left_out = 10_000_000 + len("first\n" + "last\n") - HEAD - TAIL
    assert b"\n[%d bytes are left out here]\n" % left_out in text
    (blob,) = project.root.glob("mops1/memo/**/e1.out")
    assert blob.stat().st_size < HEAD + TAIL + 1000


def test_the_output_of_a_child_that_is_killed_is_kept(project):
    write_stage(project, "print('these were my last words', flush=True); os.kill(os.getpid(), 9)")
    project.script(
        """
        from stage import work
        try:
            work()
        except Exception as error:
            assert "these were my last words" in str(error)
    """,
        stderr=-3,
    )
    assert logs(project) == b"these were my last words\n"


def test_a_failing_call_has_its_output_beside_its_failure_and_each_attempt_its_own(project):
    write_stage(project, "print(os.environ['TURN']); raise ValueError")
    for turn in ("one", "two"):
        project.run(
            "-c", "import stage\ntry: stage.work()\nexcept ValueError: pass", env=project.environment(TURN=turn)
        )
    assert outputs(project) == ["e1.out", "e2.out"]
    assert logs(project) == b"two\n"
    assert logs(project, "--epoch", "1") == b"one\n"
    assert logs(project, "--all").split() == [b"e1", b"one", b"e2", b"two"]
    assert "there is no attempt 3: 2 in all" in mops(project, "logs", uri(project), "--epoch", "3", check=False).stderr
    shown = mops(project, "inspect", uri(project)).stdout
    assert shown.count("outcome       failed with ValueError") == 2
    assert shown.count("printed") == 2


def test_a_store_that_takes_no_output_loses_it_and_not_the_call(project):
    write_stage(project, "print('lost'); return 1")
    place = project.root / uri(project).split("/root/", 1)[1] / "e1.out"
    (place / "in the way").mkdir(parents=True)
    result = project.run("-c", "import stage; print(stage.work())")
    assert (result.stdout, result.stderr) == ("1\n", "lost\n")
    assert place.is_dir()


def test_the_output_of_a_running_call_is_there_while_it_runs(project):
    project.write(
        "stage.py",
        """
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root, heartbeat=0.5))
        def work():
            print("so far", flush=True)
            while not os.path.exists("go on"):
                time.sleep(0.01)
            print("and then")
    """,
    )
    caller = project.start("-c", "import stage; stage.work()", stderr=-3)
    project.wait_until(lambda: outputs(project))
    assert logs(project) == b"so far\n"
    follower = project.start("-u", "-m", "mops", "logs", "--follow", uri(project))
    assert follower.stdout.readline() == "so far\n"
    (project.folder / "go on").touch()
    assert follower.communicate(timeout=60) == ("and then\n", None)
    caller.communicate(timeout=60)
    assert caller.returncode == 0


def test_a_replacement_goes_on_below_what_the_first_remote_printed(project):
    write_stage(
        project,
        """
        print("the first" if not os.path.exists("first") else "the second", flush=True)
        while not os.path.exists("first"):
            time.sleep(0.01)
        if not os.path.exists("stopped"):
            time.sleep(600)
        """.strip(),
    )
    project.write(
        "shells.py",
        """
        import signal, subprocess

        def preempting(argv):
            process = subprocess.Popen(argv)
            while not [path for path in __import__("pathlib").Path(root).glob("mops1/memo/**/e1.1")]:
                time.sleep(0.01)
            time.sleep(0.5)
            open("first", "w").close()
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 143
            open("stopped", "w").close()
            subprocess.run(argv, check=True)
    """,
    )
    text = (project.folder / "stage.py").read_text()
    (project.folder / "stage.py").write_text(text.replace("SubprocessShell()", "__import__('shells').preempting"))
    project.script("from stage import work\nwork()", env=project.environment(PYTHONPATH=str(project.folder)))
    assert logs(project) == b"the first\n\n[another remote goes on from here]\nthe second\n"


def test_a_hit_prints_what_was_printed_where_that_is_asked_for(project):
    write_stage(project, "print('computing'); return 1")
    program = "import stage; stage.work(); stage.work.submit().result()"
    assert project.run("-c", program).stderr == "computing\n"
    assert project.run("-c", program).stderr == ""
    assert project.run("-c", program, env=project.environment(REPLAY="1")).stderr == "computing\n" * 2
    (blob,) = project.root.glob("mops1/memo/**/e1.out")
    blob.write_bytes(b"damaged")
    assert project.run("-c", program, env=project.environment(REPLAY="1")).stderr == ""


def test_damaged_output_hides_nothing_else_and_is_said_in_words(project):
    write_stage(project, "print('computing'); return 1")
    project.script("from stage import work\nwork()", stderr=-3)
    (blob,) = project.root.glob("mops1/memo/**/e1.out")
    blob.write_bytes(blob.read_bytes()[:-1] + b"X")
    shown = mops(project, "inspect", uri(project)).stdout
    assert "outcome       its result is r0" in shown
    assert "printed       the digest of an envelope does not match its bytes" in shown
    result = mops(project, "logs", uri(project), check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: the digest of an envelope does not match its bytes")


def test_escape_sequences_do_nothing_to_the_terminal_of_who_reads_the_log(project):
    hostile = r"\x1b]0;a title\x07\x1b[31mred\x1b[0m\x1b[2J over\rwritten\ttab"
    write_stage(project, f"print('{hostile}')")
    project.script("from stage import work\nwork()", stderr=-3)
    assert logs(project) == b"\x1b]0;a title\x07\x1b[31mred\x1b[0m\x1b[2J over\rwritten\ttab\n"
    ours, theirs = pty.openpty()
    try:
        command = [sys.executable, "-m", "mops", "logs", uri(project)]
        subprocess.run(command, cwd=project.folder, env=project.environment(), stdout=theirs, check=True, timeout=60)
        shown = os.read(ours, 4096).replace(b"\r\n", b"\n").decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert shown == "\\x1b]0;a title\\x07\x1b[31mred\x1b[0m\\x1b[2J over\nwritten\ttab\n\x1b[0m"


# ------------------------------------------------------------------------------------------------ replay
FAILING = """
    from stage import work
    try:
        work()
    except ValueError:
        pass
"""


def tree(project):
    return {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}


def test_a_failing_call_is_replayed_here_and_publishes_nothing(project):
    project.write(
        "stage.py",
        """
        run = use_runner(MemoizingPicklingRunner(SubprocessShell(), root))

        @run
        def helper(x):
            return x + 1

        @run
        def work(x):
            if helper(x) == 2:
                raise ValueError(f"{helper(x + 1)} in process {os.getpid()}")
            return {"value": x}
    """,
    )
    project.script("from stage import work\ntry: work(1)\nexcept ValueError: pass\nwork(2)")
    before = tree(project)
    uris = project.script("from stage import work\nprint(work.memo_uri(1), work.memo_uri(2))").split()
    failed = mops(project, "replay", uris[0], check=False)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert 'raise ValueError(f"{helper(x + 1)} in process {os.getpid()}")' in failed.stderr
    assert "ValueError: 3 in process" in failed.stderr
    assert "mops/api" not in failed.stderr
    assert mops(project, "replay", uris[1]).stdout == "{'value': 2}\n"
    assert tree(project) == before


def test_the_debugger_opens_where_the_function_raised(project):
    write_stage(project, "secret = x + 41; raise ValueError")
    project.script(FAILING)
    result = mops(project, "replay", "--pdb", uri(project), check=False, stdin=subprocess.PIPE, timeout=60)
    assert result.returncode == 1
    assert "secret = x + 41" in result.stdout


def test_edited_code_is_replayed_and_said_to_be_other_code(project):
    write_stage(project, "raise ValueError")
    project.script(FAILING)
    address = uri(project)
    write_stage(project, "return 'mended'")
    result = mops(project, "replay", address)
    assert result.stdout == "'mended'\n"
    assert result.stderr == "note: the code here is not the one that was called: stage:work\n"


@pytest.mark.parametrize(("settings", "words"), [
    ("", "the arguments of attempt 1 are not stored"),
    (", keep_arguments=True", "ValueError: 7"),
])  # fmt: skip
def test_an_in_thread_call_is_replayed_where_its_arguments_were_kept(project, settings, words):
    project.write(
        "stage.py",
        f"""
        @use_runner(MemoizingPicklingRunner(InThreadShell(), root{settings}))
        def work(x=7):
            raise ValueError(x)
    """,
    )
    project.script(FAILING)
    result = mops(project, "replay", uri(project), check=False)
    assert result.returncode == 1
    assert words in result.stderr


def test_a_replay_in_a_folder_without_the_function_says_where_to_replay_it(project, tmp_path):
    write_stage(project, "return 'found'")
    project.script("from stage import work\nwork()")
    address = uri(project)
    result = mops(project, "replay", address, check=False, cwd=tmp_path)
    assert result.returncode == 1
    assert "there is no module 'stage' here" in result.stderr
    assert "cd to the folder of its module, or name that folder in PYTHONPATH" in result.stderr
    assert "remote" not in result.stderr
    there = mops(project, "replay", address, cwd=tmp_path, env=project.environment(PYTHONPATH=str(project.folder)))
    assert there.stdout == "'found'\n"


def test_a_replay_can_be_interrupted(project):
    write_stage(project, "open('replayed', 'a').close(); time.sleep(float(os.environ.get('NAP', 0)))")
    project.script("from stage import work\nwork()")
    address = uri(project)
    (project.folder / "replayed").unlink()
    process = project.start("-m", "mops", "replay", address, env=project.environment(NAP="600"), stderr=-1)
    project.wait_until((project.folder / "replayed").exists)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
