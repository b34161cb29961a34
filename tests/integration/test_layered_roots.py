"""Programs under several roots, and production runs by configuration alone: single flight, remotes, read-only roots."""

import subprocess

import pytest

from mops.core.envelope import TOMBSTONE, kind_of
from tests.integration.test_hostile_environments import mounted

SHELLS = ("SubprocessShell()", "ForkServerShell()")

STAGE = """
    folder = os.path.dirname(os.path.abspath(__file__))

    def note(*words):
        with open(os.path.join(folder, "runs"), "a") as file:
            print(*words, file=file)

    @use_runner(MemoizingPicklingRunner(heartbeat=0.5))
    def work(key):
        note(key)
        return f"{key} by {os.getpid()}"

    @use_runner(MemoizingPicklingRunner(heartbeat=0.5))
    def hold(key):
        note(key)
        while not os.path.exists(os.path.join(folder, key)):
            time.sleep(0.02)
        return f"{key} by {os.getpid()}"
"""


@pytest.fixture
def stage(project):
    """A project whose programs use two roots, unless their environment says something else."""
    project.write("stage.py", STAGE)
    project.team = project.folder / "team"
    project.both = f"{project.root} | {project.team}"
    environment = project.environment
    project.environment = lambda **more: environment(**{"MOPS_ROOT": project.both, **more})
    project.under = lambda root: {"env": project.environment(MOPS_ROOT=str(root))}
    return project


def blobs(root):
    """All that is stored under a root."""
    return {path.relative_to(root): path.read_bytes() for path in root.glob("mops1/**/*") if path.is_file()}


# ---------------------------------------------------------------------------------------------------- single flight
def test_eight_orchestrators_compute_what_no_root_knows_exactly_once(stage):
    stage.run("-c", "from stage import *\n[work(key) for key in range(0, 150, 3)]", **stage.under(stage.team))
    before = blobs(stage.team)
    program = """
        import random
        from stage import work

        keys = list(range(150))
        random.shuffle(keys)
        sys.stdin.read()
        answers = {key: work(key) for key in keys}
        for key in sorted(answers):
            print(answers[key])
    """
    path = stage.write("program.py", program)
    processes = [stage.start(path, stdin=-1) for _ in range(8)]
    for process in processes:
        process.stdin.close()
        process.stdin = None
    outputs = {process.communicate(timeout=120)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 8
    assert len(outputs) == 1
    assert sorted(map(int, stage.lines("runs"))) == list(range(150))
    assert len(stage.results()) == 100
    assert blobs(stage.team) == before


def test_who_shares_the_first_root_alone_waits_for_what_runs_and_for_nobody_longer(stage):
    forget = """
        from stage import hold
        from mops.api.memo_uri import locate_memo
        from mops.api.worlds import world_of
        from mops.core.claim import void
        from mops.runtime.inline import drive

        store, memo = locate_memo(hold.memo_uri("once"))
        drive(void(memo, 0, 0), world_of(store, 10).perform)
    """
    stage.run(stage.write("forget.py", forget), **stage.under(stage.team))
    (tombstone,) = stage.results(stage.team)
    assert kind_of(tombstone.read_bytes()) == TOMBSTONE
    call = "from stage import *\nnote(hold('once'))\nsys.stdin.read()"
    both = stage.start("-c", call, stdin=-1)
    stage.wait_until(lambda: stage.lines("runs") == ["once"])
    alone = stage.start("-c", call, stdin=-1, **stage.under(stage.root))
    (stage.folder / "once").touch()
    try:
        stage.wait_until(lambda: len(stage.lines("runs")) == 3, 30)  # though both live
    finally:
        for process in (both, alone):
            process.kill()
            process.communicate()
    assert stage.lines("runs") == ["once", *[f"once by {both.pid}"] * 2]
    assert [path.name for path in stage.results()] == ["r0", "r1"]


# ---------------------------------------------------------------------------------------------------------- remotes
@pytest.mark.parametrize("shell", SHELLS)
def test_remotes_use_the_roots_of_their_call_whatever_is_configured_there(stage, shell):
    stage.write(
        "far.py",
        f"""
        from stage import note, work

        @use_runner(MemoizingPicklingRunner({shell}))
        def far(known, source):
            note("far")
            print("printed by far", flush=True)
            path = tempdir() / "plain.txt"
            path.write_text(work(known) + open(source).read())
            with open_output("out.txt", "w") as file:
                file.write("output")
            return defaults.mops_root(), path, file.source
        """,
    )
    program = """
        from far import far
        from stage import work

        with config(blob_root=[{roots}]):
            source = Source.from_file("source.txt")
            root, path, output = far("known", source)
            print(root)
            print(path.read_text())
            print(output.uri, open(output).read())
            print(far.memo_uri("known", source))
    """
    (stage.folder / "source.txt").write_text(" and its input")
    known = stage.run("-c", "from stage import *\nprint(work('known'))", **stage.under(stage.team)).stdout.strip()
    elsewhere = {
        "env": stage.environment(MOPS_ROOT=str(stage.folder / "elsewhere"), MOPS_PROFILE="nobody's", MOPS_VERIFY="off")
    }
    roots = f"{str(stage.root)!r}, {str(stage.team)!r}"
    before = blobs(stage.team)
    out = stage.run(stage.write("program.py", program.format(roots=roots)), **elsewhere).stdout.splitlines()
    assert out[0] == f"layers:{stage.root.as_uri()}|{stage.team.as_uri()}"
    assert out[1] == f"{known} and its input"
    assert out[2].startswith(f"{stage.root.as_uri()}/mops1/out/")
    assert out[2].endswith(" output")
    assert stage.lines("runs") == ["known", "far"]
    assert not (stage.folder / "elsewhere").exists()
    assert blobs(stage.team) == before

    swapped = f"{str(stage.folder / 'third')!r}, {str(stage.root)!r}, {str(stage.team)!r}"
    again = stage.run(stage.write("program.py", program.format(roots=swapped)), **elsewhere).stdout.splitlines()
    assert again[:3] == out[:3]
    assert not (stage.folder / "third").exists()
    listed = stage.run("-m", "mops", "ls", again[3].partition("/mops1/memo/")[0]).stdout
    assert "far:far\tstored" in listed
    assert "printed by far" in stage.run("-m", "mops", "logs", again[3]).stdout
    assert f"{stage.root.as_uri()}/mops1/memo/" in stage.run("-m", "mops", "inspect", again[3]).stdout


def test_a_hit_from_behind_replays_what_was_printed_there(stage):
    stage.write(
        "far.py",
        """
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), replay_logs=True))
        def far(x):
            print("printed under", defaults.mops_root())
            if os.environ.get("FAIL"):
                raise ValueError(x)
        """,
    )
    call = "from far import far\nfar(1)"
    stage.run("-c", call, **stage.under(stage.team))
    failing = {"env": stage.environment(MOPS_ROOT=str(stage.root), FAIL="1")}
    stage.run("-c", call, check=False, **failing)
    assert f"printed under {stage.team.as_uri()}\n" in stage.run("-c", call).stderr


# ------------------------------------------------------------------------------------------------- roots that are read
@pytest.mark.parametrize("read_only", ["first", "behind"])
def test_read_only_roots_give_hits(stage, read_only):
    mount = stage.root if read_only == "first" else stage.team
    with mounted(mount):
        for key, root in ((1, stage.root), (2, stage.team)):
            stage.run("-c", f"from stage import *\nwork({key})", **stage.under(root))
        subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
        out = stage.run(
            "-c",
            "from stage import *\nwork(1), work(2)\ntry:\n    print(work(3).split()[0])\n"
            "except MopsError as error:\n    print(type(error).__name__, error)",
        ).stdout
    if read_only == "behind":
        assert out == "3\n"
        assert stage.lines("runs") == ["1", "2", "3"]
    else:
        assert out.startswith(f"StoreReadOnly cannot create {stage.root.as_uri()}/mops1/memo/")
        assert "to do: name a writable blob root, by itself or in front of this one: blob_root=[" in out
        assert stage.lines("runs") == ["1", "2"]


# ------------------------------------------------------------------------------------------------------ configuration
def test_a_production_run_is_the_same_program_with_another_root(stage):
    (stage.folder / ".mops.toml").write_text(
        'blob_root = "results"\n\n[production]\nblob_root = ["lasting", "results"]\n'
    )
    stage.write(
        "model.py",
        """
        @use_runner(MemoizingPicklingRunner(SubprocessShell()))
        def train(rounds):
            with open_output("model.txt", "w") as file:
                file.write("model")
            return file.source
        """,
    )
    call = "from model import *\nprint(train({}).uri.split('/mops1/')[0].rpartition('/')[2])"

    def train(rounds, **settings):
        return stage.run("-c", call.format(rounds), env=stage.environment(MOPS_ROOT="", **settings)).stdout.strip()

    assert train(1) == "results"
    assert train(2, MOPS_PROFILE="production") == "lasting"
    assert train(1, MOPS_PROFILE="production") == "results"
    assert train(2) == "results"
    failed = stage.run("-c", call.format(3), check=False, env=stage.environment(MOPS_ROOT="", MOPS_PROFILE="prod"))
    assert "MOPS_PROFILE is 'prod', but no configuration file from" in failed.stderr


def test_each_root_has_to_be_signed_where_signatures_are_required(stage):
    call = "from stage import *\nprint(work('x'))"
    key = {"MOPS_SIGNING_KEY": "k" * 32}

    def under(root, **settings):
        return stage.run("-c", call, env=stage.environment(MOPS_ROOT=str(root), **settings)).stdout

    unsigned = under(stage.team)
    assert under(stage.both, MOPS_VERIFY="require", **key) != unsigned
    assert len(stage.lines("runs")) == 2
    signed = under(stage.folder / "signed", **key)
    assert under(f"{stage.folder}/mine | {stage.folder}/signed", MOPS_VERIFY="require", **key) == signed
    assert len(stage.lines("runs")) == 3
