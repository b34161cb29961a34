"""Where signing keys come from, what is no key, and who is warned of whom."""

import os
import pickle
import traceback
from types import SimpleNamespace

import pytest

from mops import MemoizingPicklingRunner, use_runner
from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.adapters.blob_stores.signed import SignedBlobStore
from mops.adapters.signatures import HmacSha512
from mops.api import trust
from mops.api.trust import Trust, say_who_else_can_write, trust_of_process
from mops.core.errors import ConfigurationError

KEY, OLD = "0123456789abcdef" * 2, "fedcba9876543210" * 2
CANARY = "canary" * 8


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch):
    monkeypatch.delenv("MOPS_SIGNING_KEY", raising=False)
    monkeypatch.delenv("MOPS_VERIFY", raising=False)
    monkeypatch.setattr(trust, "_known", {})


def keys_of(text, monkeypatch):
    monkeypatch.setenv("MOPS_SIGNING_KEY", text)
    store = Trust("require").around(MemoryBlobStore("root"), print)
    assert isinstance(store, SignedBlobStore)
    return store._signer


def test_without_a_key_the_store_is_used_as_it_is():
    store = MemoryBlobStore("root")
    assert Trust("off").around(store, print) is store


def test_with_a_key_what_is_written_is_signed_and_everybody_is_believed(monkeypatch):
    monkeypatch.setenv("MOPS_SIGNING_KEY", KEY)
    store = Trust("off").around(MemoryBlobStore("root"), print)
    assert (store._signer, store._verifier) == (HmacSha512([KEY.encode()]), None)
    assert Trust("off").around(store, print) is store


def test_the_variable_holds_keys_and_the_first_signs(monkeypatch):
    assert keys_of(KEY, monkeypatch) == HmacSha512([KEY.encode()])
    assert keys_of(f"{KEY}:{OLD}\n", monkeypatch) == HmacSha512([KEY.encode(), OLD.encode()])


def test_the_variable_names_files_of_keys(tmp_path, monkeypatch):
    (tmp_path / "new").write_text(f"{KEY}\n")
    (tmp_path / "old").write_text(f"{OLD}\n{OLD[::-1]}\n")
    wanted = HmacSha512([each.encode() for each in (KEY, OLD, OLD[::-1])])
    assert keys_of(f"{tmp_path}/new:{tmp_path}/old", monkeypatch) == wanted
    monkeypatch.setenv("HOME", str(tmp_path))
    assert keys_of("~/new", monkeypatch) == HmacSha512([KEY.encode()])
    assert keys_of(f"~/new:{OLD}", monkeypatch) == HmacSha512([KEY.encode(), OLD.encode()])


@pytest.mark.parametrize(
    "text",
    [
        "short",
        f"keys/{CANARY}",
        f"{CANARY}.key",
        f"{CANARY} with spaces",
        f"/{CANARY}",
        f"~/{CANARY}",
        f"{KEY}:/{CANARY}",
        "/",
        f"/dev/null/{CANARY}",
        " ",
        "\n",
        ":",
        f"{KEY}:",
        f":{KEY}",
        f"{KEY}: :{OLD}",
    ],
)
def test_what_is_no_key_and_names_none_is_refused_and_never_shown(text, monkeypatch):
    with pytest.raises(ConfigurationError) as refusal:
        keys_of(text, monkeypatch)
    shown = "".join(traceback.format_exception(refusal.value)) + repr(refusal.value) + repr(vars(refusal.value))
    assert "MOPS_SIGNING_KEY" in shown
    assert CANARY not in shown
    assert KEY not in shown


@pytest.mark.parametrize(
    "content", [b"", b"\n \n", b"short", b"\xff" * 40, b"-----BEGIN PRIVATE KEY-----\n" + b"a" * 64]
)
def test_a_file_without_a_key_is_refused(content, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ConfigurationError, match="entry 1 of MOPS_SIGNING_KEY"):
        keys_of(str(tmp_path / "file"), monkeypatch)


def test_the_name_of_a_file_that_lies_here_is_no_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / CANARY).write_text(KEY)
    with pytest.raises(
        ConfigurationError, match="entry 1 of MOPS_SIGNING_KEY is the relative path of a file"
    ) as caught:
        keys_of(CANARY, monkeypatch)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(("mode", "told"), [(0o600, 0), (0o400, 0), (0o440, 0), (0o644, 1), (0o604, 1), (0o602, 1)])
def test_a_key_file_that_everybody_can_read_or_replace_is_warned_of_once(mode, told, tmp_path, monkeypatch):
    (tmp_path / CANARY).write_text(KEY)
    (tmp_path / CANARY).chmod(mode)
    monkeypatch.setenv("MOPS_SIGNING_KEY", f"{OLD}:{tmp_path / CANARY}")
    said, trust = [], Trust("off")
    for name in ("one", "other"):
        trust.around(MemoryBlobStore(name), said.append)
    assert [line.count("the file of entry 2 of MOPS_SIGNING_KEY") for line in said] == [1] * told
    assert CANARY not in repr(said)


def test_to_require_signatures_without_a_key_is_refused(tmp_path):
    @use_runner(MemoizingPicklingRunner(blob_root=tmp_path, verify="require"))
    def function():
        raise AssertionError("it must not run")

    with pytest.raises(ConfigurationError, match="there is no key in MOPS_SIGNING_KEY"):
        function()
    assert not list(tmp_path.iterdir())


def test_a_runner_knows_two_words_for_it():
    with pytest.raises(ConfigurationError, match="verify is 'off' or 'require', not 'yes'"):
        MemoizingPicklingRunner(verify="yes")


def test_settings_are_asked_once_a_process(monkeypatch):
    monkeypatch.setenv("MOPS_VERIFY", "require")
    asked = trust_of_process()
    monkeypatch.setenv("MOPS_VERIFY", "off")
    assert trust_of_process() is asked
    assert trust_of_process("off").verify == "off"
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert trust_of_process().verify == "off"


def test_a_runner_travels_without_the_key(tmp_path, monkeypatch):
    monkeypatch.setenv("MOPS_SIGNING_KEY", CANARY)
    runner = MemoizingPicklingRunner(blob_root=str(tmp_path), verify="require")

    @use_runner(runner)
    def function():
        return 1

    assert function() == function() == 1
    travelling = pickle.dumps(runner)
    assert CANARY.encode() not in travelling
    assert pickle.loads(travelling)._settings["verify"] == "require"
    assert CANARY not in repr(runner) + repr(vars(runner)) + repr(trust_of_process("require"))


# ------------------------------------------------------------------------------------------------ local roots
def warnings_of(path):
    said = []
    say_who_else_can_write(path.as_uri(), said.append)
    return said


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o750, 0o500])
def test_nobody_is_warned_of_a_root_that_its_owner_alone_writes_to(mode, tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root").chmod(mode)
    assert warnings_of(tmp_path / "root") == []


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_root_that_everybody_can_write_to_is_warned_of(mode, tmp_path):
    root = tmp_path / "a root"
    root.mkdir()
    root.chmod(mode)
    (warning,) = warnings_of(root)
    assert f"others can write to {root}" in warning


def test_a_group_counts_unless_it_is_the_users_own(tmp_path, monkeypatch):
    (tmp_path / "root").mkdir()
    (tmp_path / "root").chmod(0o770)
    group = (tmp_path / "root").stat().st_gid
    user = SimpleNamespace(pw_name="ann", pw_gid=group)
    groups = {
        "own": SimpleNamespace(gr_name="ann", gr_mem=[]),
        "team": SimpleNamespace(gr_name="team", gr_mem=[]),
        "joined": SimpleNamespace(gr_name="ann", gr_mem=["ann", "bob"]),
    }
    monkeypatch.setattr("pwd.getpwuid", lambda _: user)
    warned = {}
    for name, found in groups.items():
        monkeypatch.setattr("grp.getgrgid", lambda _, found=found: found)
        warned[name] = bool(warnings_of(tmp_path / "root"))
    assert warned == {"own": False, "team": True, "joined": True}

    def unknown(_):
        raise KeyError

    monkeypatch.setattr("grp.getgrgid", unknown)
    assert warnings_of(tmp_path / "root")


@pytest.mark.parametrize(("owner", "warned"), [(0, False), (1000, False), (1001, True)])
def test_the_owner_of_a_root_is_somebody_who_can_write_to_it(owner, warned, tmp_path, monkeypatch):
    (tmp_path / "root").mkdir(0o755)
    stat = os.stat

    def owned(path, **options):
        found = stat(path, **options)
        return os.stat_result((*found[:4], owner, *found[5:10])) if path == str(tmp_path / "root") else found

    monkeypatch.setattr(os, "stat", owned)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert bool(warnings_of(tmp_path / "root")) == warned


def test_nobody_is_warned_of_what_is_not_there_or_not_local(tmp_path):
    assert warnings_of(tmp_path / "absent") == []
    said = []
    say_who_else_can_write("memory://root", said.append)
    assert said == []


def test_a_root_is_warned_of_once_a_process_unless_signatures_are_required(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("MOPS_SIGNING_KEY", KEY)
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(0o777)

    def call(verify):
        use_runner(MemoizingPicklingRunner(blob_root=str(root), verify=verify))(os.path.basename)("a/b")
        return [record.getMessage() for record in caplog.records if "others can write" in record.getMessage()]

    assert call("require") == []
    assert len(call("off")) == 1
    assert len(call("off")) == 1
