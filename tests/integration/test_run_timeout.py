"""A function that runs for longer than it may is stopped, with what it started, and the error says where it stood."""

import time

import pytest

PROGRAM = """
    from mops.core.errors import RunTimeout
    from stage import work
    try:
        print("returned", work())
    except RunTimeout as error:
        print(error.kind, *error.stack[:2], sep="|")
        print(error)
"""


def write_stage(project, body, *, run_timeout=1.5):
    project.write(
        "stage.py",
        f"""
        import threading

        @use_runner(MemoizingPicklingRunner(SubprocessShell(run_timeout={run_timeout}), root))
        def work():
            print("these were my last words")
            return helper()

        def helper():
            {body}
    """,
    )


@pytest.mark.parametrize("body", [
    "time.sleep(600)",
    "while True: pass",
    "sum(range(10**13))  # never lets go of the interpreter",
    "threading.Thread(target=time.sleep, args=(600,)).start(); time.sleep(600)",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
])  # fmt: skip
def test_a_function_that_runs_for_too_long_is_stopped_where_it_stands(project, body):
    write_stage(project, body)
    kind, *text = project.script(PROGRAM).splitlines()
    place = f"{project.folder / 'stage.py'}:13 in helper"
    assert kind == f"user|{place}|{project.folder / 'stage.py'}:10 in work"
    assert text[0] == f"the function ran for longer than its run_timeout of 1.5 s; it stood at {place}"
    assert "  function: stage:work" in text
    project.wait_until(lambda: not project.processes())


def test_where_it_stands_is_said_of_the_users_code_and_of_what_that_called(project):
    write_stage(project, "threading.Event().wait(600)")
    text = project.script(PROGRAM)
    assert "threading.py:" in text.splitlines()[1]
    assert f"called at {project.folder / 'stage.py'}:13 in helper" in text
    assert "mops/api" not in text.partition("  memo:")[0]


def test_what_a_stopped_function_had_started_is_stopped_too(project):
    write_stage(project, f"os.system('sleep 600; : {project.root}')")
    project.script(PROGRAM)
    project.wait_until(lambda: not project.processes())


def test_a_function_that_returns_in_time_may_take_long_to_store(project):
    project.write(
        "stage.py",
        """
        class Slow:
            def __reduce__(self):
                time.sleep(3)
                return int, ()

        @use_runner(MemoizingPicklingRunner(SubprocessShell(run_timeout=1.5), root))
        def work():
            return Slow()
    """,
    )
    assert project.script(PROGRAM) == "returned 0\n"


def test_an_epoch_that_ran_for_too_long_is_over_and_the_next_call_runs_anew(project):
    write_stage(project, "return 1 if os.path.exists('quick') else time.sleep(600)")
    assert project.script(PROGRAM).startswith("user|")
    (project.folder / "quick").touch()
    begun = time.monotonic()
    assert project.script(PROGRAM) == "returned 1\n"
    assert time.monotonic() - begun < 60
    assert len(project.claims()) == 2
