"""Single flight among processes that share an object store: each key is computed once, and all see one result."""

import random
import uuid

import pytest

from mops.api.locate import locate_blob_store
from tests.services.azurite import ACCOUNT, CONTAINER
from tests.services.s3_process import BUCKET

KEYS = 60
ORCHESTRATORS = 6

STAGE = """
    RUNS = os.environ["RUNS"]

    def note(*words):
        descriptor = os.open(RUNS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, (" ".join(map(str, words)) + chr(10)).encode())
        os.close(descriptor)

    @use_runner(MemoizingPicklingRunner(blob_root=root, heartbeat=0.5))
    def work(key, seconds):
        note(key)
        time.sleep(seconds)
        return f"{key} by {os.getpid()}"

    @use_runner(MemoizingPicklingRunner(SubprocessShell(max_workers=2), root, heartbeat=0.5))
    def away(key):
        note(key)
        return f"{key} by {os.getpid()}"
"""

CALL_ALL = """
    import random
    from stage import work

    keys = list(range({keys}))
    random.Random({seed}).shuffle(keys)
    print("ready", flush=True)
    sys.stdin.readline()
    answers = {{key: work(key, {seconds}) for key in keys}}
    for key in sorted(answers):
        print(answers[key])
"""


@pytest.fixture(params=["s3", "gs", "adls"])
def stage(project, request):
    """The project with its stage, and a root in an object store."""
    request.getfixturevalue("azure" if request.param == "adls" else "s3")
    place = f"{ACCOUNT}/{CONTAINER}" if request.param == "adls" else BUCKET
    root = f"{request.param}://{place}/{uuid.uuid4()}"
    project.write("stage.py", STAGE)
    environment = project.environment
    project.environment = lambda **more: environment(RUNS=str(project.folder / "runs"), **{"MOPS_ROOT": root, **more})
    project.store = locate_blob_store(root)
    return project


def start_all(stage, seconds):
    programs = [
        stage.write(f"program{i}.py", CALL_ALL.format(keys=KEYS, seed=i, seconds=seconds)) for i in range(ORCHESTRATORS)
    ]
    processes = [stage.start(program, stdin=-1) for program in programs]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return processes


def results(stage):
    return sorted(info.key for info in stage.store.list("mops1/memo/") if info.key.rpartition("/")[2][0] == "r")


def test_orchestrators_compute_each_key_exactly_once(stage):
    processes = start_all(stage, seconds=0)
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * ORCHESTRATORS
    assert sorted(map(int, stage.lines("runs"))) == list(range(KEYS))
    assert len(results(stage)) == KEYS
    assert len(set(outputs)) == 1


def test_orchestrators_that_are_killed_leave_one_result_a_key_and_nobody_stuck(stage):
    processes = start_all(stage, seconds=0.05)
    killed = random.Random(1).sample(processes, 2)
    for number, victim in enumerate(killed, 1):
        stage.wait_until(lambda number=number: len(stage.lines("runs")) >= 10 * number)
        victim.kill()
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    survivors = [output for process, output in zip(processes, outputs, strict=True) if process not in killed]
    assert [process.returncode for process in processes if process not in killed] == [0] * (ORCHESTRATORS - 2)
    assert len(set(survivors)) == 1
    assert len(survivors[0].splitlines()) == KEYS
    assert [key.rpartition("/")[2] for key in results(stage)] == ["r0"] * KEYS
    assert KEYS <= len(stage.lines("runs")) <= KEYS + 2  # each had one call in its hands


def test_call_in_another_process_runs_once_for_two_orchestrators(stage):
    call = "from stage import away\nprint(away('here'))"
    first, second = stage.start("-c", call), stage.start("-c", call)
    outputs = {process.communicate(timeout=60)[0] for process in (first, second)}
    assert first.returncode == second.returncode == 0
    assert len(outputs) == 1
    assert stage.lines("runs") == ["here"]
