"""Single flight among real processes: at most one execution each, one published result, and nobody stuck."""

import os
import random
import signal
import time

import pytest

from mops.core.envelope import END, LEAVE, kind_of

KEYS = 1000
ORCHESTRATORS = 16

STAGE = """
    RUNS = os.environ["RUNS"]

    def note(*words):
        line = " ".join(map(str, words)) + chr(10)
        descriptor = os.open(RUNS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, line.encode())
        os.close(descriptor)

    def runner(shell=None):
        return MemoizingPicklingRunner(shell, root, heartbeat=0.5)

    @use_runner(runner())
    def work(key, seconds):
        note(key)
        time.sleep(seconds)
        return f"{key} by {os.getpid()}"

    def release_exists(name):
        return os.path.exists(os.path.join(os.path.dirname(RUNS), name))

    def hold(name):
        note(name, os.getpid())
        while not release_exists(name):
            time.sleep(0.02)
        return f"{name} by {os.getpid()}"

    held_here = use_runner(runner(), name="stage:held_here")(hold)

    @use_runner(runner(SubprocessShell(max_workers=20)))
    def nap(key, seconds):
        note(key, os.getpid())
        print("printed by", key, flush=True)
        time.sleep(seconds)
        print("printed again by", key, flush=True)
        return f"{key} by {os.getpid()}"
"""

CALL_ALL = """
    import random
    from stage import work, release_exists

    keys = list(range({keys}))
    random.Random({seed}).shuffle(keys)
    print("ready", flush=True)
    while not release_exists("go"):
        time.sleep(0.01)
    answers = {{key: work(key, {seconds}) for key in keys}}
    for key in sorted(answers):
        print(answers[key])
"""


@pytest.fixture
def stage(project):
    """The project with its stage; programs see where to note their executions."""
    project.write("stage.py", STAGE)
    environment = project.environment
    project.environment = lambda **more: environment(RUNS=str(project.folder / "runs"), **more)
    return project


def start_all(stage, seconds):
    """As many orchestrators as there are, all with the same calls in another order, at the same moment."""
    programs = [
        stage.write(f"program{i}.py", CALL_ALL.format(keys=KEYS, seed=i, seconds=seconds)) for i in range(ORCHESTRATORS)
    ]
    processes = [stage.start(program) for program in programs]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    (stage.folder / "go").touch()
    return processes


def test_sixteen_orchestrators_compute_a_thousand_keys_exactly_once(stage):
    processes = start_all(stage, seconds=0)
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * ORCHESTRATORS
    assert sorted(map(int, stage.lines("runs"))) == list(range(KEYS))
    assert len(stage.results()) == KEYS
    assert len(set(outputs)) == 1


def test_orchestrators_killed_each_second_leave_one_result_a_key_and_nobody_stuck(stage):
    processes = start_all(stage, seconds=0.08)
    victims = random.Random(1).sample(processes, 8)
    killed = 0
    for victim in victims:
        time.sleep(1)
        if all(process.poll() is not None for process in processes):
            break
        killed += victim.poll() is None
        victim.kill()
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    survivors = [output for process, output in zip(processes, outputs, strict=True) if process.returncode == 0]
    assert killed >= 3
    assert len(survivors) == ORCHESTRATORS - killed
    assert len(set(survivors)) == 1
    assert len(survivors[0].splitlines()) == KEYS
    assert [path.name for path in stage.results()] == ["r0"] * KEYS
    assert KEYS <= len(stage.lines("runs")) <= KEYS + killed  # each had one call in its hands


def test_a_process_paused_past_the_takeover_changes_nothing_that_was_published(stage):
    call = "from stage import *\nprint(held_here('paused'))"
    first = stage.start("-c", call)
    stage.wait_until(lambda: len(stage.lines("runs")) == 1)
    time.sleep(1)  # it has announced its interval
    first.send_signal(signal.SIGSTOP)
    try:
        second = stage.start("-c", call)
        stage.wait_until(lambda: len(stage.lines("runs")) == 2)  # taken over
        (stage.folder / "paused").touch()
        out, _ = second.communicate(timeout=60)
        (result,) = stage.results()
        published = result.read_bytes()
    finally:
        first.send_signal(signal.SIGCONT)
    late, _ = first.communicate(timeout=60)
    assert out == late == f"paused by {second.pid}\n"
    assert stage.results() == [result]
    assert result.read_bytes() == published


def test_a_paused_orchestrator_does_not_have_its_running_subprocess_taken_over(stage):
    call = "from stage import *\nprint(nap('slow', 6))"
    first = stage.start("-c", call)
    stage.wait_until(lambda: len(stage.lines("runs")) == 1)
    first.send_signal(signal.SIGSTOP)
    second = stage.start("-c", call)
    out, _ = second.communicate(timeout=60)
    first.send_signal(signal.SIGCONT)
    assert first.communicate(timeout=60)[0] == out
    assert len(stage.lines("runs")) == 1


def test_a_restarted_orchestrator_waits_for_the_subprocess_that_runs(stage):
    call = "from stage import *\nprint(nap('slow', 4))"
    first = stage.start("-c", call)
    stage.wait_until(lambda: len(stage.lines("runs")) == 1)
    first.kill()
    first.communicate()
    second = stage.run("-c", call)
    ((_, remote),) = (line.split() for line in stage.lines("runs"))
    assert second.stdout == f"slow by {remote}\n"
    assert len(stage.claims()) == 1


def test_a_killed_remote_is_said_and_the_next_call_starts_another(stage):
    call = """
        from stage import *
        from mops.core.errors import RemoteCrashed
        try:
            nap('killed', 30)
        except RemoteCrashed as error:
            print(error.exit_code)
    """
    process = stage.start(stage.write("program.py", call))
    stage.wait_until(lambda: len(stage.lines("runs")) == 1)
    os.kill(int(stage.lines("runs")[0].split()[1]), signal.SIGKILL)
    assert process.communicate(timeout=30)[0] == "-9\n"
    assert stage.results() == []


def test_eight_processes_at_one_call_start_one_execution(stage):
    call = "from stage import *\nprint(nap('once', 2))"
    processes = [stage.start("-c", call) for _ in range(8)]
    outputs = {process.communicate(timeout=60)[0] for process in processes}
    assert len(outputs) == 1
    assert len(stage.lines("runs")) == 1


def test_calls_cancelled_around_their_start_leave_nothing_behind(stage):
    program = """
        from stage import nap

        delays = [0, 0, 0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.4]
        futures = [nap.submit(f"cancelled{i}", 60) for i in range(len(delays))]
        begun = time.monotonic()
        for delay, future in zip(delays, futures):
            time.sleep(max(0, begun + delay - time.monotonic()))
            assert future.cancel(), delay
        assert all(future.cancelled() for future in futures)
        sys.stdin.read()
    """
    process = stage.start(stage.write("program.py", program), stdin=-1)
    stage.wait_until(lambda: len(stage.claims()) > 0)
    stage.wait_until(lambda: all(is_ended(claim) for claim in stage.claims()), 20)
    stage.wait_until(lambda: stage.processes() == [], 20)
    process.communicate("", timeout=20)
    assert process.returncode == 0
    assert all(is_ended(claim) for claim in stage.claims())
    assert stage.results() == []
    again = stage.run("-c", "from stage import *\nprint(nap('cancelled3', 0))")
    assert again.stdout.startswith("cancelled3 by")


@pytest.mark.parametrize("way", ["cancelled", "interrupted", "supervisor killed"])
def test_a_stopped_call_takes_the_processes_along_that_its_function_started(stage, way):
    program = """
        import subprocess
        from stage import note

        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work():
            started = subprocess.Popen(["sh", "-c", "sleep 600", root])
            note("started", os.getppid())
            started.wait()

        if sys.argv[1] != "cancelled":
            work()
        future = work.submit()
        while not os.path.exists(os.environ["RUNS"]):
            time.sleep(0.01)
        future.cancel()
        sys.stdin.read()
    """
    process = stage.start(stage.write("program.py", program), way, stdin=-1, stderr=-3)
    stage.wait_until(lambda: len(stage.lines("runs")) == 1)
    if way == "interrupted":
        process.send_signal(signal.SIGINT)
    if way == "supervisor killed":
        os.kill(int(stage.lines("runs")[0].split()[1]), signal.SIGKILL)
    stage.wait_until(lambda: stage.processes() == [], 20)
    process.communicate("", timeout=20)
    (claim,) = stage.claims()
    assert last_record(claim) == (LEAVE if way == "interrupted" else END)


def is_ended(claim):
    """Whether nothing more happens in an epoch."""
    return last_record(claim) == END


def last_record(claim):
    """The kind of the last record in the log of an epoch."""
    log = sorted(claim.parent.glob(f"{claim.name}.[0-9]*"), key=lambda path: int(path.suffix[1:]))
    return kind_of(log[-1].read_bytes()) if log else None
