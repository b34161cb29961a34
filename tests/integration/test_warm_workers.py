"""A fork server among real processes: calls in fresh forks of it, and nothing left behind by anybody's death."""

import os
import signal
import sys
from pathlib import Path

import pytest

STAGE = """
    HERE = os.path.dirname(os.path.abspath(__file__))

    def note(*words):
        descriptor = os.open(HERE + "/notes", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, (" ".join(map(str, words)) + chr(10)).encode())
        os.close(descriptor)

    warm = use_runner(MemoizingPicklingRunner(ForkServerShell(max_workers=4), root, heartbeat=0.5))

    warm_one = use_runner(MemoizingPicklingRunner(ForkServerShell(max_workers=1), root, heartbeat=0.5))

    @warm
    def server_of(number):
        with open(f"/proc/{os.getppid()}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])

    @warm
    def hold(name):
        note(os.getpid(), os.getppid(), server_of.__wrapped__(0))
        while not os.path.exists(os.path.join(HERE, name)):
            time.sleep(0.02)
        return name
"""


@pytest.fixture
def stage(project):
    project.write("stage.py", STAGE)
    return project


def alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def ids(stage):
    """The processes of the call that holds: the function's, its supervisor's, the server's."""
    stage.wait_until(lambda: len(stage.lines("notes")) == 1)
    return [int(word) for word in stage.lines("notes")[0].split()]


def test_calls_share_a_server_and_none_of_its_state(stage):
    stage.write("state.py", "values = []\n")
    stage.write("calls.py", """
        from stage import warm
        import random, state

        @warm
        def count(number):
            state.values.append(number)
            return state.values, os.getpid(), random.random()
    """)  # fmt: skip
    out = stage.script("""
        from calls import count
        from stage import server_of
        first, second = count(1), count.submit(2).result()
        print(first[0], second[0], first[1] != second[1], first[2] != second[2], server_of(1) == server_of(2))
    """)
    assert out == "[1] [2] True True True\n"


def test_each_call_has_the_path_the_folder_and_the_environment_of_its_moment(stage):
    stage.write("here/found.py", "place = 'here'\n")
    stage.write("there/found.py", "place = 'there'\n")
    stage.write("where.py", """
        from stage import warm

        @warm
        def where(number):
            import found
            return found.place, os.path.basename(os.getcwd()), os.environ.get("CHANGING"), sys.argv[1:2]
    """)  # fmt: skip
    out = stage.script("""
        from where import where
        project = os.getcwd()
        for number, place in enumerate(("here", "there")):
            os.chdir(place)
            os.environ["CHANGING"] = place
            sys.path.insert(0, os.path.join(project, place))
            print(*where(number))
            os.chdir(project)
        del os.environ["CHANGING"]
        print(*where(2))
    """)
    assert out == "here here here ['remote']\nthere there there ['remote']\nthere project None ['remote']\n"


def test_an_interpreter_setting_that_changed_is_that_of_the_next_call(stage):
    stage.write("seeds.py", "from stage import warm\n@warm\ndef seed(n):\n    return hash('text')\n")
    out = stage.script("""
        from seeds import seed
        values = []
        for number, value in enumerate(("1", "2", "1")):
            os.environ["PYTHONHASHSEED"] = value
            values.append(seed(number))
        print(values[0] == values[2] != values[1])
    """)
    assert out == "True\n"


def test_code_that_was_edited_between_two_calls_is_run_as_it_stands(stage):
    stage.write("edited.py", "from stage import warm\nanswer = warm(lambda n: n)\n")
    program = """
        import importlib, pathlib, edited
        for number in range(1, 4):
            pathlib.Path("edited.py").write_text(
                f"from stage import warm\\n@warm\\ndef answer(n):\\n    return {'x' * number!r}\\n")
            importlib.invalidate_caches()
            importlib.reload(edited)
            print(edited.answer(0))
    """
    assert stage.script(program) == "x\nxx\nxxx\n"


def test_a_killed_server_is_said_and_the_next_call_starts_another(stage):
    program = stage.write("program.py", """
        from mops.core.errors import ShellFailed
        from stage import hold, server_of
        try:
            hold("never")
        except ShellFailed as error:
            print(error.kind, "fork server ended with signal 9" in str(error))
        print(server_of(1))
    """)  # fmt: skip
    process = stage.start(program)
    function, supervisor, server = ids(stage)
    os.kill(server, signal.SIGKILL)
    first, second = process.communicate(timeout=60)[0].splitlines()
    assert first == "infrastructure True"
    assert int(second) != server
    stage.wait_until(lambda: not alive(function) and not alive(supervisor))


def test_a_killed_orchestrator_has_its_call_finished_and_published_and_leaves_no_process(stage):
    process = stage.start(stage.write("program.py", "from stage import hold\nhold('go')\n"))
    everybody = ids(stage)
    process.kill()
    process.communicate()
    assert all(map(alive, everybody))
    (stage.folder / "go").touch()
    stage.wait_until(lambda: not any(map(alive, everybody)))
    assert stage.script("from stage import hold\nprint(hold.peek('go'))") == "Success('go')\n"


@pytest.mark.parametrize("whom", [0, 1])
def test_a_killed_worker_is_said_and_its_server_goes_on(stage, whom):
    program = stage.write("program.py", """
        from mops.core.errors import RemoteCrashed
        from stage import hold, server_of
        try:
            hold("never")
        except RemoteCrashed as error:
            print(error.exit_code)
        print(server_of(1))
    """)  # fmt: skip
    process = stage.start(program)
    pids = ids(stage)
    os.kill(pids[whom], signal.SIGKILL)
    assert process.communicate(timeout=60)[0] == f"-9\n{pids[2]}\n"
    stage.wait_until(lambda: not any(map(alive, pids)))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread ends it, which has to get a turn")
def test_a_function_that_never_lets_go_of_the_interpreter_ends_with_its_supervisor(stage):
    stage.write("greedy.py", """
        import re
        from stage import note, warm

        @warm
        def search():
            note(os.getpid(), os.getppid(), os.getppid())
            return re.match("(a+)+$", "a" * 64 + "b")
    """)  # fmt: skip
    program = """
        from mops.core.errors import RemoteCrashed
        from greedy import search
        try:
            search()
        except RemoteCrashed as error:
            print(error.exit_code)
    """
    process = stage.start(stage.write("program.py", program))
    function, supervisor, _ = ids(stage)
    os.kill(supervisor, signal.SIGKILL)
    stage.wait_until(lambda: not alive(function))
    assert process.communicate(timeout=60)[0] == "-9\n"


def test_a_cancelled_call_stops_with_all_that_it_started(stage):
    program = """
        import subprocess
        from stage import note, warm

        @warm
        def work():
            started = subprocess.Popen(["sleep", "600"])
            note(started.pid, os.getpid(), os.getppid())
            started.wait()

        future = work.submit()
        while not os.path.exists("notes"):
            time.sleep(0.01)
        future.cancel()
        sys.stdin.read()
    """
    process = stage.start(stage.write("program.py", program), stdin=-1)
    pids = ids(stage)
    stage.wait_until(lambda: not any(map(alive, pids)))
    process.communicate("", timeout=30)


def test_two_hundred_calls_leave_a_few_idle_workers_and_no_descriptor(stage):
    out = stage.script("""
        from stage import server_of

        def descriptors(process):
            return len(os.listdir(f"/proc/{process}/fd"))

        def children(process):
            return open(f"/proc/{process}/task/{process}/children").read().split()

        def in_time(condition):
            end = time.monotonic() + 30
            while not condition() and time.monotonic() < end:
                time.sleep(0.01)
            return condition()

        server = server_of(0)
        [future.result() for future in [server_of.submit(-n) for n in range(1, 9)]]
        ours = descriptors("self")
        assert {future.result() for future in [server_of.submit(n) for n in range(1, 201)]} == {server}
        idle = children(server)
        print(len(idle) <= 4, in_time(lambda: not any(map(children, idle))))
        print(in_time(lambda: descriptors("self") <= ours))
        print(*{descriptors(worker) for worker in idle}, descriptors(server) - len(idle))
    """)
    assert out == "True True\nTrue\n4 7\n"


def test_a_worker_serves_one_call_after_the_other_and_the_function_is_always_a_new_process(stage):
    stage.write("calls.py", """
        from stage import warm_one

        @warm_one
        def who(number):
            return os.getppid(), os.getpid(), len(os.listdir("/proc/self/fd"))
    """)  # fmt: skip
    out = stage.script("""
        from calls import who
        calls = [who(number) for number in range(5)]
        print(*(len(set(each)) for each in zip(*calls)))
    """)
    assert out == "1 5 1\n"


def test_a_call_of_milliseconds_writes_no_heartbeat_and_one_without_an_outcome_says_that_its_remote_is_gone(stage):
    stage.write("calls.py", """
        @use_runner(MemoizingPicklingRunner(ForkServerShell(), root, heartbeat=600.0))
        def work(status):
            if status is not None:
                os._exit(status)
    """)  # fmt: skip
    out = stage.script("""
        from calls import work
        from mops.core.errors import ShellFailed

        def sessions():
            folder = os.path.join(root, "mops1", "session")
            return len(os.listdir(folder)) if os.path.isdir(folder) else 0

        work(None)
        print(sessions())
        try:
            work(0)
        except ShellFailed as error:
            print(error.args[0], sessions())
    """)
    assert out == "0\nthe command ended with exit status 0, but published no outcome 1\n"


def test_a_worker_that_was_killed_while_it_was_idle_is_replaced(stage):
    stage.write("calls.py", "from stage import warm_one\n@warm_one\ndef worker(n):\n    return os.getppid()\n")
    out = stage.script("""
        import signal
        from calls import worker
        first = worker(1)
        os.kill(first, signal.SIGKILL)
        while os.path.exists(f"/proc/{first}"):
            time.sleep(0.01)
        print(worker(2) != first)
    """)
    assert out == "True\n"


def test_a_worker_serves_no_call_that_has_another_environment(stage):
    stage.write("calls.py", "from stage import warm_one\n@warm_one\ndef worker(n):\n    return os.getppid()\n")
    out = stage.script("""
        from calls import worker
        os.environ["CHANGING"] = "1"
        first = worker(1)
        os.environ["CHANGING"] = "2"
        second = worker(2)
        os.environ["CHANGING"] = "1"
        print(first != second, worker(3) == first)
    """)
    assert out == "True True\n"


def test_numpy_draws_other_numbers_in_the_next_call_of_the_same_worker(stage):
    stage.write("draws.py", """
        @use_runner(MemoizingPicklingRunner(ForkServerShell(max_workers=1, preload=["numpy.random"]), root))
        def draw(number):
            import numpy
            return os.getppid(), numpy.random.random()
    """)  # fmt: skip
    out = stage.script("""
        from draws import draw
        first, second = draw(1), draw(2)
        print(first[0] == second[0], first[1] != second[1])
    """)
    assert out == "True True\n"


def test_a_forked_orchestrator_starts_a_server_of_its_own(stage):
    out = stage.script("""
        from stage import server_of
        ours = server_of(0)
        child = os.fork()
        if child == 0:
            print(server_of(1) != ours, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print(server_of(2) == ours)
    """)
    assert out == "True\nTrue\n"


def test_preloaded_modules_are_there_before_the_call_and_numpy_draws_other_numbers_in_each(stage):
    stage.write("draws.py", """
        already = "numpy" in sys.modules

        @use_runner(MemoizingPicklingRunner(ForkServerShell(preload=["numpy.random"]), root))
        def draw(number):
            import numpy
            return already, numpy.random.random()
    """)  # fmt: skip
    out = stage.script(
        "from draws import draw\nfirst, second = draw(1), draw(2)\nprint(first[0], first[1] != second[1])"
    )
    assert out == "True True\n"


def test_pandas_can_be_preloaded(stage):
    stage.write("frames.py", """
        already = "pandas" in sys.modules

        @use_runner(MemoizingPicklingRunner(ForkServerShell(preload=["pandas"]), root))
        def total(numbers):
            import pandas
            return already, int(pandas.Series(numbers).sum())
    """)  # fmt: skip
    assert stage.script("from frames import total\nprint(*total([1, 2, 3]))") == "True 6\n"


def test_what_the_installation_runs_at_the_start_of_an_interpreter_forbids_no_preloading(stage):
    stage.write("started/sitecustomize.py", "")
    stage.write("calls.py", """
        @use_runner(MemoizingPicklingRunner(ForkServerShell(preload=["attrs"]), root))
        def work():
            return "sitecustomize" in sys.modules
    """)  # fmt: skip
    environment = stage.environment(PYTHONPATH=str(stage.folder / "started"))
    assert stage.script("from calls import work\nprint(work())", env=environment) == "True\n"


@pytest.mark.parametrize(("module", "text"), [
    ("mine", ""),
    ("broken", "raise AttributeError('of another version')"),
    ("mistyped", None),
])  # fmt: skip
def test_a_refused_preload_is_the_users_and_no_further_server_is_started_for_it(stage, module, text):
    if text is not None:
        (stage.folder / f"{module}.py").write_text(f"open({str(stage.folder / 'starts')!r}, 'a').write('x')\n{text}\n")
    out = stage.script(f"""
        from mops.adapters.shells.fork_server.client import Server
        from mops.core.errors import ShellFailed
        servers = set()
        start = Server.start
        Server.start = lambda self, argv: servers.add(id(self)) or start(self, argv)

        runner = MemoizingPicklingRunner(ForkServerShell(preload=[{module!r}]), root, retries=Retries(infrastructure=3))

        @use_runner(runner)
        def work(number):
            return 1

        for number in range(4):
            try:
                work(number)
            except ShellFailed as error:
                print(error.kind, {module!r} in str(error))
        print(*{{future.exception().kind for future in [work.submit(n) for n in range(10)]}}, len(servers))
    """)
    assert out == "user True\n" * 4 + "user 1\n"
    if text is not None:
        assert (stage.folder / "starts").read_text() == "x"


@pytest.mark.parametrize(("module", "words"), [
    ("mine", "your own code"),
    ("not_there", "No module named 'not_there'"),
])  # fmt: skip
def test_what_cannot_be_preloaded_is_said(stage, module, words):
    stage.write("mine.py", "")
    out = stage.script(f"""
        from mops.core.errors import ShellFailed

        @use_runner(MemoizingPicklingRunner(ForkServerShell(preload=[{module!r}]), root))
        def work():
            return 1

        try:
            work()
        except ShellFailed as error:
            print(error)
    """)
    assert words in out


def test_a_program_that_ends_takes_its_idle_server_along(stage):
    server = int(stage.script("from stage import server_of\nprint(server_of(1))"))
    stage.wait_until(lambda: not alive(server), 20)


def test_a_call_finds_all_of_mops_imported(stage):
    stage.write("modules.py", """
        from stage import warm

        @warm
        def modules():
            return {name for name in sys.modules if name.partition(".")[0] in {"mops", "attr", "cloudpickle", "blake3"}}
    """)  # fmt: skip
    there = stage.script("from modules import modules\nprint(*modules())").split()
    program = "import sys; from mops.api.fork_server import preload; print(preload([]), *sys.modules)"
    ready = stage.run("-c", program).stdout.split()
    assert "mops.runtime.supervisor" in there
    assert not set(there) - set(ready)
