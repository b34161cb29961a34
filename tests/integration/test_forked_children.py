"""Futures and maps that a fork takes along: they are the parent's, and the child is told so at once."""

import pytest

STAGE = """
    import signal
    from concurrent.futures import as_completed, wait
    from mops.core.errors import ForeignFutureError

    @use_runner(MemoizingPicklingRunner(SubprocessShell(), root), name="stage:guarded")
    def guarded(number):
        while not os.path.exists("open"):
            time.sleep(0.01)
        return number

    def in_a_child(steps):
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # whoever waits for ever is killed
            try:
                steps()
            finally:
                sys.stdout.flush()
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    def outcome(step):
        try:
            return step()
        except ForeignFutureError as error:
            return f"refused: {error.args[0]}"
"""


@pytest.fixture
def stage(project):
    project.write("stage.py", STAGE)
    return project


@pytest.mark.parametrize("step", ["future.result()", "future.result(60)", "future.exception() and future.result()"])
def test_a_future_that_a_fork_took_along_fails_at_once(stage, step):
    out = stage.script(f"""
        from stage import *
        future = guarded.submit(1)
        in_a_child(lambda: print(outcome(lambda: {step})))
        open("open", "w").close()
        print(future.result())
    """)
    assert out == "refused: the future is of the parent process\n1\n"


def test_a_future_that_a_fork_took_along_is_done_and_not_to_be_cancelled(stage):
    out = stage.script("""
        from stage import *
        future = guarded.submit(1)
        called = []
        future.add_done_callback(called.append)

        def steps():
            print(future.done(), future.running(), future.cancel(), future.cancelled(), future.metadata)
            print(len(wait([future]).done), [it is future for it in as_completed([future])], called)

        in_a_child(steps)
        open("open", "w").close()
        print(future.result())
        while not called:
            time.sleep(0.01)
    """)
    assert out == "True False False False {}\n1 [True] []\n1\n"


def test_a_child_that_calls_again_joins_the_call_of_its_parent(stage):
    out = stage.script("""
        from stage import *
        future = guarded.submit(1)

        def steps():
            print(outcome(future.result))
            again = guarded.submit(1)
            open("open", "w").close()
            print(again.result())

        in_a_child(steps)
        print(future.result())
    """)
    assert out == "refused: the future is of the parent process\n1\n1\n"
    assert len(stage.claims()) == 1


def test_a_finished_future_is_as_good_in_a_child(stage):
    out = stage.script("""
        from stage import *
        open("open", "w").close()
        future = guarded.submit(1)
        future.result()
        in_a_child(lambda: print(future.result(), future.cancel()))
    """)
    assert out == "1 False\n"


@pytest.mark.parametrize(
    "step", ["next(calls)", "list(calls)", "calls.wait()", "calls.futures", "calls.cancel()", "calls.counts"]
)
def test_a_map_that_a_fork_took_along_is_refused_at_once(stage, step):
    out = stage.script(f"""
        from stage import *
        calls = guarded.map([1, 2, 3])
        in_a_child(lambda: print(outcome(lambda: {step})))
        open("open", "w").close()
        print(calls.wait())
    """)
    assert out == "refused: this map of guarded is of the parent process\n[1, 2, 3]\n"


def test_a_child_that_drops_a_map_leaves_it_to_its_parent(stage):
    ended = stage.run(
        stage.write(
            "script.py",
            """
            from stage import *
            calls = guarded.map([1, 2, 3])

            def steps():
                global calls
                del calls

            in_a_child(steps)
            open("open", "w").close()
            print(calls.wait())
            """,
        )
    )
    assert ended.stdout == "[1, 2, 3]\n"
    assert "dropped" not in ended.stderr


@pytest.mark.parametrize(
    "step",
    ["stage.work.submit(1).result()", "stage.work.submit(-1).exception()", "list(stage.work.map([1, 2, 3_000_000]))"],
)
def test_no_thread_imports_parts_of_mops_which_a_fork_would_leave_locked(project, step):
    project.write(
        "stage.py",
        """
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work(size):
            if size < 0:
                raise ValueError(size)
            return bytes(size)
        """,
    )
    out = project.script(f"""
        import threading

        class Witness:
            def find_spec(self, name, path, target=None):
                if name.startswith("mops.") and threading.current_thread() is not threading.main_thread():
                    print("imported by another thread:", name)

        sys.meta_path.insert(0, Witness())
        import stage
        {step}
        print("done")
    """)
    assert out == "done\n"


def test_a_map_of_a_function_that_skips_its_runner_is_the_childs_own(stage):
    out = stage.script("""
        from stage import *
        double = use_runner(MemoizingPicklingRunner(blob_root=root), skip_runner=True)(lambda number: 2 * number)
        calls = double.map([1, 2])
        in_a_child(lambda: print(list(calls)))
        print(list(calls))
    """)
    assert out == "[2, 4]\n[2, 4]\n"
