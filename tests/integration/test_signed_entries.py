"""Roots that somebody without the key can write to: nothing of his is run, and nothing that he does stays."""

import base64
import os
import pickle
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest
from blake3 import blake3

from mops import ForkServerShell, MemoizingPicklingRunner, attach, tempdir, use_runner
from mops.__main__ import main
from mops.adapters.blob_stores.local import LocalBlobStore
from mops.adapters.blob_stores.signed import SignedBlobStore
from mops.adapters.files.reading import MAPPED_FROM
from mops.adapters.serializers.pickling import PicklingSerializer
from mops.adapters.signatures import HmacSha512
from mops.api import trust
from mops.api.worlds import world_of
from mops.core.answers import Ticket
from mops.core.blob_layout import batch_key, batch_owner, content_key, memo_from_folder, session_key, session_owner
from mops.core.claim import FAILED, adoption_parts, claim_parts, end_parts
from mops.core.envelope import (
    HEARTBEAT,
    MANIFEST,
    NEEDS_HEADER,
    RESULT,
    TOMBSTONE,
    StoredSegment,
    header_json,
    seal,
    signature_of,
)
from mops.core.errors import MopsError
from mops.core.failure import FailureRecord
from mops.core.files import StoredFile
from mops.core.kept_output import KeptOutput
from mops.core.ports.shell import BatchCommand, RemoteCommand
from mops.core.shared import pack
from mops.core.stored_value import StoredValue
from mops.runtime.session import Pulses

KEY, OTHER_KEY = "the-key-of-the-team-" * 2, "the-key-of-somebody-else-" * 2
EVIL = Ticket("evil", "1", 1.0, b'{"pid":1}')
VICTIM = """
def double(x):
    print("doubling")
    return 2 * x
"""
MODULE = """
import mops, os
def harm():
    with open(os.environ["TRAP"], "w"):
        pass
harm()
class Codec:
    name = "evil"
    def encode(self, value): return [b""]
    def decode(self, buffer): harm()
class Value: pass
mops.codec_for(Value)(Codec)
def double(x): return "evil"
"""


class Trap:
    """To unpickle it creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.open, (self.path, os.O_CREAT | os.O_WRONLY)


@pytest.fixture
def trap(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAP", str(tmp_path / "sprung"))
    return tmp_path / "sprung"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the function, and with a module of the intruder's that does harm when it is imported."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "victim.py").write_text(VICTIM)
    (folder / "evil.py").write_text(MODULE)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(folder)
    for name in ("victim", "evil"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield folder
    for name in ("victim", "evil"):
        sys.modules.pop(name, None)


@pytest.fixture
def settings(monkeypatch, tmp_path):
    """State how much is believed here."""

    def state(verify, key=KEY):
        monkeypatch.setenv("MOPS_VERIFY", verify)
        monkeypatch.setenv("MOPS_SIGNING_KEY", key)
        monkeypatch.setenv("MOPS_ROOT", str(tmp_path / "root"))
        monkeypatch.setattr(trust, "_known", {})

    return state


class Intruder:
    """Somebody who may write under the root and wants his code to be run: nothing is signed, or with a key of his."""

    def __init__(self, root, memo_uri, trap, key):
        signer = HmacSha512([key.encode()]) if key else None
        self.store = SignedBlobStore(LocalBlobStore(str(root)), signer, None, print)
        self.memo = memo_from_folder(memo_uri.removeprefix(f"{self.store.uri}/"))
        self.pickle = pickle.dumps(Trap(str(trap)))

    def put(self, slot, parts):
        self.store.put(f"{self.memo.folder}/{slot}", *parts)

    def content(self, *parts):
        digest = blake3(b"".join(parts)).digest()
        self.store.put_if_absent(content_key(digest), *parts)
        return digest

    def in_a_blob(self):
        return StoredSegment(self.content(self.pickle), len(self.pickle))

    def shared_blob(self):
        pieces = pack([self.pickle])
        digest = self.content(*pieces)
        return StoredFile(content_key(digest), digest, sum(map(len, pieces)), "shared", "shared object")

    def result(self, value, slot="r0", codec="pickle5"):
        header = header_json(codec=codec, epoch=1, utc=1.0, elapsed=1.0, producer={}, **value.header())
        flags = NEEDS_HEADER if codec != "pickle5" else value.flags
        segments = value.segments
        self.put(slot, seal(RESULT, owner=self.memo.digest, slot=slot, header=header, segments=segments, flags=flags))

    def claim(self, value, importable="victim:double", memo=None):
        about = header_json(
            **{"import": importable, "function": importable, "logic_key": None, "on_code_change": "ignore"},
            definitions={}, first_party=[], constants=[], opaque=[], serving=[], arguments=[],
            cache_tag=sys.implementation.cache_tag, python=".".join(map(str, sys.version_info[:2])),
            heartbeat=10.0, run_timeout=None, remote=True,
        )  # fmt: skip
        self.put("e1", claim_parts(memo or self.memo, 1, 0, EVIL, about, value))

    def failure(self, slot="e1.1"):
        record = FailureRecord(message="no", traceback="", lineage=["builtins:ValueError"], pickled=self.pickle)
        self.put(slot, end_parts(self.memo, slot, EVIL, FAILED, record))

    def manifest(self, batch):
        line = f"{self.memo.folder} 1".encode()
        self.store.put(batch_key(batch), *seal(MANIFEST, owner=batch_owner(batch), slot="batch", segments=[line]))


REFERENCE = b"\x80\x05K\x00Q."
"""The pickle of an object that is shared, and the first of the files."""
ARGUMENTS = StoredValue([pickle.dumps((None, (), (21,), {}))])


class Plant(NamedTuple):
    """What the intruder stores, and who falls for it where nothing is required."""

    plant: object
    victims: tuple[str, ...]


def in_the_envelope(intruder):
    return StoredValue([intruder.pickle])


def in_a_blob(intruder):
    return StoredValue([intruder.in_a_blob()])


def in_a_shared_object(intruder):
    return StoredValue([REFERENCE], [intruder.shared_blob()])


def beside_a_buffer(intruder):
    return StoredValue([intruder.pickle, b"a buffer"])


def of_a_codec(intruder):
    return StoredValue([b""], codec="evil@evil")


def behind_tombstones(intruder):
    for slot in ("r0", "r1"):
        intruder.put(slot, seal(TOMBSTONE, owner=intruder.memo.digest, slot=slot))
    intruder.result(in_the_envelope(intruder), "r2")


def failed(intruder):
    intruder.claim(ARGUMENTS)
    intruder.failure()


def failed_after_adoption(intruder):
    intruder.claim(ARGUMENTS)
    intruder.put("e1.1", adoption_parts(intruder.memo, "e1.1", EVIL))
    intruder.failure("e1.2")


def in_a_batch(intruder):
    intruder.claim(in_the_envelope(intruder))
    intruder.manifest("evil.1")


PLANTS = {
    "a result": Plant(lambda it: it.result(in_the_envelope(it)), ("call", "submit", "peek", "attach", "cat", "value")),
    "a result in a blob": Plant(lambda it: it.result(in_a_blob(it)), ("call", "peek", "get")),
    "a result with a shared object": Plant(lambda it: it.result(in_a_shared_object(it)), ("call", "cat")),
    "a result with a buffer": Plant(lambda it: it.result(beside_a_buffer(it)), ("call", "map")),
    "a result of a codec": Plant(lambda it: it.result(of_a_codec(it), codec="evil@evil"), ("call", "value")),
    "a result behind tombstones": Plant(behind_tombstones, ("call", "attach")),
    "a failure": Plant(failed, ("peek", "attach", "memoized")),
    "a failure of a remote": Plant(failed_after_adoption, ("peek", "memoized")),
    "a call": Plant(lambda it: it.claim(in_the_envelope(it)), ("replay", "remote")),
    "a call in a blob": Plant(lambda it: it.claim(in_a_blob(it)), ("replay", "remote")),
    "a call with a shared object": Plant(lambda it: it.claim(in_a_shared_object(it)), ("replay", "remote")),
    "a call with a buffer": Plant(lambda it: it.claim(beside_a_buffer(it)), ("remote",)),
    "a call of another function": Plant(lambda it: it.claim(ARGUMENTS, "evil:double"), ("replay", "remote")),
    "a call of a function by value": Plant(lambda it: it.claim(in_the_envelope(it), ""), ("replay",)),
    "a batch": Plant(in_a_batch, ("batch",)),
}
OUTSIDE = ("replay", "remote", "batch")


class Readers:
    """Everybody who looks at a call. None of them may raise anything but what a user understands."""

    def __init__(self, root, project, monkeypatch, out):
        self.root = root
        self.project = project
        self.function = import_module("victim").double
        self.decorated = use_runner(MemoizingPicklingRunner(blob_root=str(root)))(self.function)
        self.uri = self.decorated.memo_uri(21)
        self._monkeypatch = monkeypatch
        self._out = out

    def all(self):
        inside = [name for name in vars(Readers) if not name.startswith("_") and name not in {"all", *OUTSIDE}]
        return [*OUTSIDE, *inside]  # a call comes last: it mends what it finds

    def _command(self, *arguments):
        self._monkeypatch.setattr(sys, "argv", ["mops", *map(str, arguments)])
        assert main() in {0, 1, 2}, arguments

    def _process(self, argv):
        environment = {**os.environ, "MOPS_I": "0"}
        subprocess.run(argv, cwd=self.project, env=environment, capture_output=True, timeout=60, check=False)

    def replay(self):
        self._process([sys.executable, "-m", "mops", "replay", self.uri])

    def remote(self):
        folder = self.uri.removeprefix(f"{self.root.as_uri()}/")
        self._process(RemoteCommand(self.root.as_uri(), folder, 1, os.environ["MOPS_VERIFY"]).argv(sys.executable))

    def batch(self):
        verify = os.environ["MOPS_VERIFY"]
        self._process(BatchCommand(self.root.as_uri(), "evil.1", "MOPS_I", verify).argv(sys.executable))

    def inspect(self):
        self._command("inspect", self.uri)

    def value(self):
        self._command("inspect", "--value", self.uri)

    def why(self):
        self._command("why", self.uri)

    def logs(self):
        self._command("logs", self.uri)

    def ls(self):
        self._command("ls", self.root)

    def summary(self):
        self._command("summary", self.root)

    def cat(self):
        self._command("cat", self.uri)

    def get(self):
        self._command("get", self.uri, self._out)

    def explain(self):
        self.decorated.explain(21)

    def peek(self):
        self.decorated.peek(21)

    def attach(self):
        with suppress(MopsError):
            attach(self.uri).result(timeout=60)

    def memoized(self):
        """The caller who takes what others failed with for an answer."""
        runner = MemoizingPicklingRunner(blob_root=str(self.root), memoize_exceptions=[ValueError], replay_logs=True)
        use_runner(runner)(self.function)(21)

    def map(self):
        self.decorated.map([21]).wait()

    def submit(self):
        future = self.decorated.submit(21)
        future.result(timeout=60)
        assert future.metadata is not None

    def call(self):
        self.decorated(21)


@pytest.fixture
def settle(settings, tmp_path, project, monkeypatch):
    """State how much is believed here, and give all who look."""

    def settle(verify):
        settings(verify)
        return Readers(tmp_path / "root", project, monkeypatch, tmp_path / "out")

    return settle


CASES = [(name, victim) for name, plant in PLANTS.items() for victim in plant.victims]


@pytest.mark.parametrize(("name", "victim"), CASES)
def test_every_trap_works_where_signatures_are_not_required(name, victim, settle, trap, tmp_path):
    readers = settle("off")
    PLANTS[name].plant(Intruder(tmp_path / "root", readers.uri, trap, ""))
    with suppress(Exception):
        getattr(readers, victim)()
    assert trap.exists()


@pytest.mark.parametrize("key", ["", OTHER_KEY], ids=["unsigned", "signed by another"])
@pytest.mark.parametrize("name", PLANTS)
def test_no_trap_is_sprung_where_signatures_are_required(name, key, settle, trap, tmp_path, caplog):
    readers = settle("require")
    PLANTS[name].plant(Intruder(tmp_path / "root", readers.uri, trap, key))
    for reader in readers.all():
        getattr(readers, reader)()
        assert not trap.exists(), reader
    assert "evil" not in sys.modules
    assert readers.decorated(21) == 42
    assert readers.decorated.peek(21).value == 42
    assert readers.decorated.explain(21).hit
    said = [record.getMessage() for record in caplog.records if "is not used" in record.getMessage()]
    assert len(said) == len(set(said))


# ------------------------------------------------------------------------------------------------ what is left standing
def entries(root):
    return {path: path.read_bytes() for path in sorted(root.glob("mops1/memo/**/*")) if path.is_file()}


def test_what_is_not_believed_is_left_as_it_is_for_those_who_believe_it(settings, project, tmp_path, capsys):
    call = counted(settings, tmp_path, capsys)
    assert call("off", KEY) == 1
    before = entries(tmp_path / "root")
    assert call("require", OTHER_KEY) == 1
    assert call("require", OTHER_KEY) == 0
    assert before.items() <= entries(tmp_path / "root").items()
    assert call("off", KEY) == call("require", KEY) == 0


def test_keys_rotate(settings, project, tmp_path, capsys):
    call = counted(settings, tmp_path, capsys)
    assert [call("require", key) for key in (KEY, KEY, f"{OTHER_KEY}:{KEY}")] == [1, 0, 0]
    assert [call("require", key) for key in (OTHER_KEY, f"{OTHER_KEY}:{KEY}", KEY, OTHER_KEY)] == [1, 0, 0, 0]


def test_the_command_line_shows_the_result_that_a_call_here_would_be_given(
    settings, project, tmp_path, monkeypatch, capsys
):
    call = counted(settings, tmp_path, capsys)
    for verify, key in (("off", ""), ("require", KEY), ("require", OTHER_KEY)):
        assert call(verify, key) == 1  # each passes over what stands before
    settings("require", KEY)

    def said(*arguments):
        monkeypatch.setattr(sys, "argv", ["mops", *arguments])
        assert main() == 0
        return capsys.readouterr().out.strip()

    _, state, *_, uri = said("ls").split("\t")
    assert state == "stored"
    assert said("cat", uri) == "42"


def counted(settings, tmp_path, capsys):
    """How often a call runs its function. The world of the root is found anew, as in a process that was restarted."""

    def call(verify, key):
        settings(verify, key)
        runner = MemoizingPicklingRunner(blob_root=LocalBlobStore(str(tmp_path / "root")))
        assert use_runner(runner)(import_module("victim").double)(21) == 42
        return capsys.readouterr().out.count("doubling")

    return call


def test_a_result_that_is_forged_while_the_call_runs_is_replaced(settle, trap, tmp_path, monkeypatch):
    readers = settle("require")
    intruder = Intruder(tmp_path / "root", readers.uri, trap, "")
    runs = []

    def forging(*args):
        runs.append(args)
        if len(runs) == 1:
            intruder.result(in_the_envelope(intruder))

    monkeypatch.setattr("builtins.print", forging)
    assert readers.decorated(21) == 42
    assert len(runs) == 2
    assert readers.decorated(21) == 42
    assert len(runs) == 2
    assert not trap.exists()


def test_output_that_is_not_signed_is_not_shown(settle, trap, tmp_path, capsys):
    readers = settle("require")
    readers.call()
    intruder = Intruder(tmp_path / "root", readers.uri, trap, OTHER_KEY)
    printed = KeptOutput()
    printed.add(b"forged words")
    intruder.put("e1.out", printed.parts(intruder.memo, 1, 1.0))
    readers.logs()
    shown = capsys.readouterr()
    assert "forged words" not in shown.out
    assert "no key that is known here" in shown.err


def test_a_heartbeat_that_is_not_signed_is_silence(settle, trap, tmp_path):
    readers = settle("require")
    world = world_of(str(tmp_path / "root"), 10.0)
    world.session.beat()
    assert Pulses(world.store, world.clock).look(world.session.id).token == 1
    forged = header_json(count=7, interval=1e9, gone=True, owed=[], utc=1.0, producer={})
    owner = session_owner(world.session.id)
    intruder = Intruder(tmp_path / "root", readers.uri, trap, "")
    intruder.store.put(session_key(world.session.id), *seal(HEARTBEAT, owner=owner, slot="session", header=forged))
    pulse = Pulses(world.store, world.clock).look(world.session.id)
    assert (pulse.token, pulse.interval, pulse.owed) == ("unreadable", 10.0, frozenset())


# ------------------------------------------------------------------------------------------------ remotes
@pytest.fixture
def keys(project, tmp_path):
    def environment(key=KEY, **more):
        names = {"MOPS_SIGNING_KEY": key, "MOPS_ROOT": str(tmp_path / "root"), **more}
        return {**os.environ, "PYTHONPATH": f"{project}{os.pathsep}{TESTS}", "HOME": str(tmp_path), **names}

    return environment


def run(project, text, environment):
    (project / "program.py").write_text(PROGRAM + text)
    command = [sys.executable, "program.py"]
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip


TESTS = Path(__file__).parents[2]  # what has the package of the tests
PROGRAM = """
import os, sys
from mops import *
from mops.core.errors import ShellFailed
import victim
from tests.contract.array_shell import ArrayShell
root = os.environ["MOPS_ROOT"]
def called(shell, **settings):
    return use_runner(MemoizingPicklingRunner(shell, root, verify="require", **settings))(victim.double)
"""


@pytest.mark.parametrize("shell", ["SubprocessShell()", "ForkServerShell()"])
def test_remotes_sign_and_believe_what_their_orchestrator_signed(shell, project, keys, tmp_path):
    text = f"double = called({shell})\nprint(double(1), double(1), double.map([2, 3]).wait())"
    done = run(project, text, keys())
    assert (done.stdout.splitlines()[-1:], done.stderr.count("not used")) == (["2 2 [4, 6]"], 0), done.stderr
    slots = [path for path in entries(tmp_path / "root") if path.name != "e1.out"]
    assert {path.name for path in slots} == {"r0", "e1", "e1.1"}
    assert all(signature_of(data)[0] == 1 for data in entries(tmp_path / "root").values())


def test_copies_of_a_batch_sign_and_believe_as_well(project, keys, tmp_path):
    text = "print(called(ArrayShell()).map([1, 2, 3]).wait())"
    done = run(project, text, keys())
    assert done.stdout.splitlines()[-1:] == ["[2, 4, 6]"], done.stderr
    (manifest,) = (tmp_path / "root" / "mops1" / "batch").iterdir()
    assert signature_of(manifest.read_bytes())[0] == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("del os.environ['MOPS_SIGNING_KEY']", "there is no key in MOPS_SIGNING_KEY"),
        (f"os.environ['MOPS_SIGNING_KEY'] = '{OTHER_KEY}'", "is not believed here: no key that is known here"),
    ],
)
def test_a_remote_without_the_key_runs_nothing_and_says_so(change, words, project, keys, tmp_path):
    text = f"""
double = called(SubprocessShell())
double.peek(1)
{change}
try:
    double(1)
except ShellFailed as error:
    print(error)
"""
    done = run(project, text, keys())
    assert words in done.stdout + done.stderr
    assert not list((tmp_path / "root").glob("mops1/memo/**/r*"))
    assert OTHER_KEY not in done.stdout + done.stderr


def test_a_warm_worker_believes_for_each_command_what_that_one_requires(settle, trap, tmp_path, monkeypatch):
    readers = settle("off")
    monkeypatch.delenv("MOPS_VERIFY")
    shell = ForkServerShell(max_workers=1)

    def served(number, verify, plant):
        intruder = Intruder(tmp_path / "root", readers.decorated.memo_uri(number), trap, "")
        intruder.claim(plant(intruder))
        command = shell(RemoteCommand(readers.root.as_uri(), intruder.memo.folder, 1, verify).argv(sys.executable))
        error = command.exception(60)
        return command.pid, error and str(error)

    worker, trouble = served(1, "off", lambda _: ARGUMENTS)
    assert trouble is None
    another, trouble = served(2, "require", in_the_envelope)
    assert another == worker
    assert "is not believed here" in trouble
    assert not trap.exists()
    served(3, "off", in_the_envelope)
    assert trap.exists()


# ------------------------------------------------------------------------------------------------ a root of many users
def large(count):
    return [str(number) * 40 for number in range(count)]


def a_file(text):
    path = tempdir() / "data.txt"
    path.write_text(text)
    return path


@pytest.fixture
def root_of_many(settings, tmp_path):
    """A root that everybody on the machine can write to."""
    settings("require")
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(0o777)
    return root


def test_what_was_verified_is_decoded_whoever_changes_the_file_meanwhile(root_of_many, monkeypatch):
    function = use_runner(MemoizingPicklingRunner(blob_root=str(root_of_many)))(large)
    value = function(60_000)
    (blob,) = (path for path in root_of_many.glob("mops1/blob/*/*") if path.stat().st_size > MAPPED_FROM)
    size, begin = blob.stat().st_size, PicklingSerializer.loads

    def loads(serializer, buffers, *more):
        with blob.open("r+b") as file:
            file.seek(size // 2)
            file.write(b"0" * 1000)
        return begin(serializer, buffers, *more)

    monkeypatch.setattr(PicklingSerializer, "loads", loads)
    assert (function(60_000) == value) is True


def test_files_are_handed_out_from_where_nobody_else_can_change_them(root_of_many):
    function = use_runner(MemoizingPicklingRunner(blob_root=str(root_of_many)))(a_file)
    function("text")
    path = function("text")
    assert path.read_text() == "text"
    assert not path.is_relative_to(root_of_many)


# ------------------------------------------------------------------------------------------------ the key
CANARY_PROGRAM = """
import logging, pickle, subprocess, traceback
logging.basicConfig(level=logging.DEBUG)
from mops.core.errors import MopsError
seen = []
def told(argv):
    seen.append(argv)
    subprocess.run(argv, check=True)
def fails(x):
    raise ValueError(x)
def dies(x):
    os._exit(7)
runners = [MemoizingPicklingRunner(shell, root, verify="require", keep_arguments=True)
           for shell in (InThreadShell(), SubprocessShell(), ForkServerShell(), told, ArrayShell())]
for number, runner in enumerate(runners):
    for function in (victim.double, victim.fails, victim.dies):
        if runner is runners[0] and function is victim.dies:
            continue
        decorated = use_runner(runner)(function)
        try:
            print(decorated.map([number, number + 100]).wait())
        except BaseException as error:
            traceback.print_exception(error)
            print(repr(error))
    print(repr(runner), vars(runner), pickle.dumps(runner))
    world = runner.invocation(victim.double, (1,), {}).world
    print(repr(world.store), vars(world.store), vars(world))
print(seen)
with open("/proc/self/cmdline") as file:
    print(file.read())
"""


def test_the_key_is_in_no_argv_log_error_repr_or_blob(project, keys, tmp_path):
    canary = "canary0of0a0signing0key0" * 2
    with (project / "victim.py").open("a") as file:
        file.write(
            "import os\n"
            "def note():\n"
            "    for entry in os.scandir('/proc'):\n"
            "        if entry.name.isdigit():\n"
            "            try:\n"
            "                line = open(f'/proc/{entry.name}/cmdline').read()\n"
            "            except OSError:\n"
            "                continue\n"
            "            if os.environ['MOPS_ROOT'] in line:\n"
            "                print(line)\n"
            "def fails(x):\n    note()\n    raise ValueError(x)\n"
            "def dies(x):\n    note()\n    os._exit(7)\n"
        )
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = keys(f"{canary}1:{canary}2", TMPDIR=str(temporary))
    done = run(project, CANARY_PROGRAM, environment)
    assert done.returncode == 0, done.stderr
    assert "--memo" in done.stdout + done.stderr, "command lines were looked at"
    assert "ended with exit status 7" in done.stdout
    shown = (done.stdout + done.stderr).encode()
    stored = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(stored) > 50
    for content in [shown, *stored]:
        for secret in (canary.encode(), canary.encode().hex().encode(), base64.b64encode(canary.encode()).rstrip(b"=")):
            assert secret not in content
            assert repr(secret)[2:-1].encode() not in content
