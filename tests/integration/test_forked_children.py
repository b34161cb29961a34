"""Futures and maps that a fork takes along: they are the parent's, and the child is told so at once."""

from textwrap import dedent

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


FORKING = """
    from mops.core.errors import ForeignFutureError

    here = os.getpid()

    @use_runner(MemoizingPicklingRunner(InThreadShell(max_workers=1), root))
    def inner(x):
        return x

    @use_runner(MemoizingPicklingRunner(InThreadShell(max_workers=1), root))
    def forks(x):
        child = os.fork()
        if child == 0:
            # Not print: the main thread may be printing as this one forks, and have the lock of the stream for ever.
            line = "child %d %d" % (inner(x), inner.submit(-x).result())
            os.write(1, (line + os.linesep).encode())
            return "child"
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        return "parent"

    try:
        {step}
    except ForeignFutureError:
        assert os.getpid() != here
    else:
        assert os.getpid() == here
"""


@pytest.mark.parametrize(
    ("step", "calls"),
    [
        ("print(forks.submit(1).result())", 1),
        ("for result in forks.map([1, 2, 3]): print(result, flush=True)", 3),
        ("wait([forks.submit(1)]); print(forks(1))", 1),
    ],
)
def test_a_submitted_function_that_forks_is_its_parents_alone(project, step, calls):
    program = "from concurrent.futures import wait\n" + dedent(FORKING).format(step=step)
    done = project.run(project.write("script.py", program))
    children = [f"child {x} {-x}" for x in range(1, calls + 1)]
    assert sorted(done.stdout.splitlines()) == children + ["parent"] * calls
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        ("return 1", 0, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('no')", 1, "SystemExit: no\n"),
        ("raise KeyError('a mistake')", 1, "KeyError: 'a mistake'\n"),
    ],
)
def test_a_child_of_a_submitted_function_ends_with_its_function(project, end, status, said):
    program = f"""
        from concurrent.futures import wait

        @use_runner(MemoizingPicklingRunner(InThreadShell(), root))
        def forks():
            child = os.fork()
            if child == 0:
                threading.Thread(target=time.sleep, args=[1000], daemon=True).start()
                {end}
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        import threading
        future = forks.submit()
        wait([future])  # which does not call it in this thread
        print(future.result())
    """
    done = project.run(project.write("script.py", program))
    assert done.stdout == f"{status}\n"
    assert done.stderr.endswith(said)
    assert bool(done.stderr) == bool(said)


# ------------------------------------------------------------------------------------------------ imports of others
@pytest.mark.parametrize("shell", ["SubprocessShell()", "ForkServerShell()", "InThreadShell()"])
@pytest.mark.parametrize(
    "step",
    ["stage.work.submit(1).result()", "stage.work.submit(-1).exception()", "list(stage.work.map([1, 2, 300_000]))"],
)
def test_no_thread_imports_a_module_that_a_fork_would_leave_locked(project, shell, step):
    project.write(
        "stage.py",
        f"""
        @use_runner(MemoizingPicklingRunner({shell}, root, heartbeat=0.2))
        def work(size):
            time.sleep(0.2)  # as long as a session may do without a beat, and a result without a sync
            if size < 0:
                raise ValueError(size)
            return bytes(size)
        """,
    )
    out = project.script(f"""
        import threading
        from mops.adapters.shells.fork_server.shell import _STARTING
        from mops.adapters.unforked import UNFORKED

        def is_free(lock):
            answers = []
            def ask():
                answers.append(lock.acquire(blocking=False))
                if answers[0]:
                    lock.release()
            asking = threading.Thread(target=ask)
            asking.start()
            asking.join()
            return answers[0]

        class Witness:
            def find_spec(self, name, path, target=None):
                thread = threading.current_thread()
                if thread is not threading.main_thread() and is_free(UNFORKED) and is_free(_STARTING):
                    print(thread.name, "imports", name)

        sys.meta_path.insert(0, Witness())
        import stage
        {step}
        print("done")
    """)
    assert out == "done\n"


SLOW_IMPORT = """
    import threading

    begun, forking = threading.Event(), threading.Event()

    class SlowImport:
        def find_spec(self, name, path, target=None):
            if name == {module!r} and not begun.is_set():
                begun.set()
                assert forking.wait(60)
                time.sleep(0.2)  # in which a fork that does not wait for this import has long happened

    def elsewhere(function, *arguments):
        threading.Thread(target=function, args=arguments).start()

    run = use_runner(MemoizingPicklingRunner({shell}, root, heartbeat=0.2))

    def work(seconds):
        time.sleep(seconds)
        return seconds

    sys.meta_path.insert(0, SlowImport())
    {step}
    assert begun.wait(60)
    os.register_at_fork(before=forking.set)
    child = os.fork()
    if child == 0:
        import signal
        signal.alarm(30)  # whoever waits for ever is killed
        import {module}
        print(run(work)(0.01), run(work).submit(0.02).result(), flush=True)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.parametrize(
    ("module", "shell", "step"),
    [
        ("mops.adapters.shells.subprocess.process", "SubprocessShell()", "elsewhere(run(work), 0.1)"),
        ("mops.adapters.shells.fork_server.client", "ForkServerShell()", "elsewhere(run(work), 0.1)"),
        ("mops.adapters.blob_stores.local.named_draft", "InThreadShell()", "elsewhere(run(work), 1)"),
        ("mops.runtime.contents", "SubprocessShell()", "future = run(lambda: bytes(3_000_000)).submit()"),
        ("mops.adapters.serializers.by_value", "SubprocessShell()", "future = run(lambda: 1).submit()"),
        (
            "fractions",
            "SubprocessShell()",
            "future = run(eval('lambda: __import__(\"fractions\").Fraction(1)')).submit()",
        ),
    ],
)
def test_a_fork_while_another_thread_imports_a_module_does_not_block_the_child(project, module, shell, step):
    """The last of them: what a result is made of is imported by the thread that reads it."""
    assert project.script(SLOW_IMPORT.format(module=module, shell=shell, step=step)) == "0.01 0.02\n"


def test_a_map_of_a_function_that_skips_its_runner_is_the_childs_own(stage):
    out = stage.script("""
        from stage import *
        double = use_runner(MemoizingPicklingRunner(blob_root=root), skip_runner=True)(lambda number: 2 * number)
        calls = double.map([1, 2])
        in_a_child(lambda: print(list(calls)))
        print(list(calls))
    """)
    assert out == "[2, 4]\n[2, 4]\n"


@pytest.mark.parametrize("make", ["mops.tempdir", "mops.invocation_output_fqn"])
def test_a_fork_makes_outputs_while_another_thread_of_its_parent_is_about_to(stage, make):
    out = stage.script(f"""
        import threading
        from contextvars import copy_context
        import mops
        from stage import *

        @use_runner(MemoizingPicklingRunner(InThreadShell(), root))
        def forking():
            random, there, go = os.urandom, threading.Event(), threading.Event()

            def slowly(count):
                there.set()
                go.wait()
                return random(count)

            os.urandom = slowly
            other = threading.Thread(target=copy_context().run, args=({make},))
            other.start()
            there.wait()
            os.urandom = random
            in_a_child(lambda: print(bool({make}())))
            go.set()
            other.join()

        forking()
    """)
    assert out == "True\n"
