"""Where the blob root comes from that nobody passed, and which store a root names."""

import asyncio
import os
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from blake3 import blake3

from mops import config, defaults
from mops.adapters.blob_stores.local import LocalBlobStore
from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.api.locate import local_copies_for, locate_blob_store
from mops.api.roots import text_of
from mops.api.settings import Defaults
from mops.core.errors import ConfigurationError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory, and nothing that names a root."""
    for variable in ("MOPS_ROOT", "MOPS_PROFILE", "MOPS_CACHE_SIZE", "MOPS_VERIFY", "MOPS_ALLOW_TREE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "project" / "deep" / "deeper"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_the_home_directory_is_the_last_resort(here, tmp_path):
    assert Defaults().mops_root() == str(tmp_path / "home" / ".mops")


def test_the_nearest_configuration_file_precedes_the_home_directory(here):
    (here.parents[1] / "pyproject.toml").write_text('[tool.mops]\nblob_root = "/far"\n')
    assert Defaults().mops_root() == "/far"
    (here.parent / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert Defaults().mops_root() == "/far"
    (here / "pyproject.toml").write_text('[tool.mops]\nblob_root = "/near"\n')
    assert Defaults().mops_root() == "/near"
    (here / ".mops.toml").write_text('blob_root = "/nearest"\n')
    assert Defaults().mops_root() == "/nearest"


def test_the_environment_precedes_configuration_files_and_is_asked_at_every_call(here, monkeypatch):
    settings = Defaults()
    (here / ".mops.toml").write_text('blob_root = "/file"\n')
    assert settings.mops_root() == "/file"
    monkeypatch.setenv("MOPS_ROOT", "/environment")
    assert settings.mops_root() == "/environment"
    monkeypatch.setenv("MOPS_ROOT", "")
    assert settings.mops_root() == "/file"


def test_a_process_that_executes_a_call_keeps_to_the_root_of_that_call(here, monkeypatch):
    monkeypatch.setenv("MOPS_ROOT", "/environment")
    settings = Defaults()
    settings.execute_under("file:///of/the/call")
    assert settings.mops_root() == "file:///of/the/call"


@pytest.mark.parametrize(("text", "words"), [
    ("blob_root = ", "cannot be read"),
    ("blob_root = 7", "blob_root .* must be a string or a list of strings, not 7"),
    ("blob_root = ['a', 7]", "must be a string or a list"),
    ("blob_root = []", "must be a string or a list"),
    ("blob_root = ['']", "must be a string or a list"),
    ("blob_root = 'a|'", "'a|' names no place before or after a |"),
    ("[production]\nroot = 'a'", "sets 'root', which is no setting"),
])  # fmt: skip
def test_a_configuration_file_that_is_not_valid_is_named(here, text, words):
    (here / ".mops.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=words) as caught:
        Defaults().mops_root()
    assert str(here / ".mops.toml") in str(caught.value)


@pytest.mark.parametrize("content", [
    b"[tool]\nmops = 7\n", b"[[tool.mops]]\nblob_root = 'a'\n", b"[tool.mops]\nblob_root = '\xff'\n",
    b"x = " + b"[" * 10_000,
])  # fmt: skip
def test_a_file_that_is_no_table_of_settings_is_named(here, content):
    (here / "pyproject.toml").write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        Defaults().mops_root()
    assert str(here / "pyproject.toml") in str(caught.value)


def test_a_file_of_another_tool_that_says_nothing_of_mops_is_passed_over(here, tmp_path):
    (here / "pyproject.toml").write_text("tool = 5\n")
    assert Defaults().mops_root() == str(tmp_path / "home" / ".mops")


@pytest.mark.parametrize(("owner", "mode", "refused"), [
    (1001, 0o1777, True), (1001, 0o777, True), (1001, 0o755, False), (1000, 0o1777, False), (0, 0o1777, False),
])  # fmt: skip
def test_a_file_of_a_stranger_in_a_folder_of_everybody_names_no_root(here, monkeypatch, owner, mode, refused):
    folder = here.parents[1]
    (folder / ".mops.toml").write_text('blob_root = "/theirs"\n')
    folder.chmod(mode)
    look = os.lstat
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "lstat", lambda path: os.stat_result((*look(path)[:4], owner, *look(path)[5:10])))
    if not refused:
        assert Defaults().mops_root() == "/theirs"
        return
    with pytest.raises(ConfigurationError, match="somebody else's, in a folder that everybody can write to"):
        Defaults().mops_root()


def test_the_defaults_pickle_as_themselves():
    assert pickle.loads(pickle.dumps(defaults)) is defaults
    assert pickle.loads(pickle.dumps(defaults.mops_root)) == defaults.mops_root


@pytest.mark.parametrize("root", [
    "{folder}", "file://{folder}", "file://localhost{folder}", Path("{folder}"), "{folder}/", "{folder}/../{name}",
    "{name}",
])  # fmt: skip
def test_a_path_however_it_is_written_is_one_store(root, tmp_path, monkeypatch):
    folder = tmp_path / "a folder"
    monkeypatch.chdir(tmp_path)
    text = str(root).format(folder=folder, name=folder.name)
    store = locate_blob_store(type(root)(text) if isinstance(root, str) else Path(text))
    assert isinstance(store, LocalBlobStore)
    assert store.uri == folder.as_uri()
    assert locate_blob_store(store.uri) == store
    assert not folder.exists()


def test_a_store_is_taken_as_it_is():
    store = MemoryBlobStore("mine")
    assert locate_blob_store(store) is store
    assert locate_blob_store("memory://mine") == store


@pytest.mark.parametrize("root", ["", "nosuch://place", "file://elsewhere/path", "memory://", "memory://a/b", 7, None])
def test_what_names_no_store_is_refused(root):
    with pytest.raises(ConfigurationError):
        locate_blob_store(root)


def test_a_file_uri_with_too_few_slashes_says_how_it_is_written():
    with pytest.raises(ConfigurationError, match="file://data/mops names no path of this machine: write file:///path"):
        locate_blob_store("file://data/mops")


def test_a_relative_root_in_a_file_is_relative_to_the_file(here):
    (here.parent / ".mops.toml").write_text('blob_root = "results"\n')
    assert Defaults().mops_root() == str(here.parent / "results")


def test_a_uri_in_a_file_stays_as_it_is(here):
    (here / ".mops.toml").write_text('blob_root = "memory://mine"\n')
    assert Defaults().mops_root() == "memory://mine"


def test_a_misspelt_setting_is_refused_by_its_name(here):
    (here / ".mops.toml").write_text('blobroot = "/far"\n')
    with pytest.raises(ConfigurationError, match="sets 'blobroot', which is no setting; there is blob_root"):
        Defaults().mops_root()


@pytest.mark.parametrize(("root", "meant"), [
    ("file:/rel", "file:///rel"), ("memory:name", "memory://name"), ("s3:/bucket/a", "s3://bucket/a"),
    ("gs:bucket", "gs://bucket"), ("adls:account/container", "adls://account/container"),
])  # fmt: skip
def test_half_a_uri_is_no_path(root, meant, here):
    (here / ".mops.toml").write_text(f'blob_root = ["mine", "{root}"]\n')
    for name_it in (lambda: locate_blob_store(f"mine | {root}"), lambda: text_of(root), Defaults().mops_root):
        with pytest.raises(ConfigurationError, match="neither a path nor a URI") as caught:
            name_it()
        assert caught.value.advice == f"write {meant}, or ./{root} for a folder"


# ------------------------------------------------------------------------------------------------------ the local cache
@pytest.mark.parametrize(("text", "size"), [
    ("0", 0), ("1000", 1000), ("10GiB", 10 << 30), ("10 GiB", 10 << 30), ("1.5MiB", 3 << 19), ("500MB", 500_000_000),
    ("2kB", None), ("7 B", 7), ("1KB", 1000), ("3TiB", 3 << 40),
    ("-1", None), ("nan", None), ("inf", None), ("1e400", None), ("GiB", None), ("ten", None), ("10 apples", None),
])  # fmt: skip
def test_the_size_of_the_cache_is_a_number_of_bytes_with_or_without_a_unit(here, monkeypatch, text, size):
    monkeypatch.setenv("MOPS_CACHE_SIZE", text)
    if size is not None:
        assert Defaults().cache_size() == size
        return
    with pytest.raises(
        ConfigurationError, match="MOPS_CACHE_SIZE must be a number of bytes, or a text such as '10GiB'"
    ):
        Defaults().cache_size()


def test_the_size_of_the_cache_is_nobodys_choice_until_a_file_or_the_environment_states_it(here, monkeypatch):
    monkeypatch.delenv("MOPS_CACHE_SIZE", raising=False)
    assert Defaults().cache_size() is None
    (here.parents[1] / "pyproject.toml").write_text("[tool.mops]\ncache_size = 5000\n")
    assert Defaults().cache_size() == 5000
    (here / ".mops.toml").write_text('blob_root = "/only"\n')
    assert Defaults().cache_size() == 5000, "the nearest file that states it"
    (here / ".mops.toml").write_text('cache_size = "2MiB"\n')
    assert Defaults().cache_size() == 2 << 20
    monkeypatch.setenv("MOPS_CACHE_SIZE", "7")
    assert Defaults().cache_size() == 7


@pytest.mark.parametrize("value", ["true", "[1]", "-5", '"much"', "nan"])
def test_a_size_in_a_file_that_is_none_is_named_with_the_file(here, value, monkeypatch):
    monkeypatch.delenv("MOPS_CACHE_SIZE", raising=False)
    (here / ".mops.toml").write_text(f"cache_size = {value}\n")
    with pytest.raises(ConfigurationError, match=r"cache_size in .*\.mops\.toml must be a number of bytes"):
        Defaults().cache_size()


# ------------------------------------------------------------------------------------------- where copies are kept
class RemoteStore(MemoryBlobStore):
    """As one that is elsewhere."""

    uri = "adls://account/container"


def copy_through(store, size=lambda: None):
    copies = local_copies_for(store, size, pytest.fail)
    path = copies.file(blake3(b"data").digest(), 4, "name", lambda path: bool(Path(path).write_bytes(b"data")))
    assert Path(path).read_bytes() == b"data"
    return copies.caches_content, Path(path)


def test_copies_lie_beside_the_blobs_of_a_local_root(tmp_path):
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a root %20 \xff"))
    root.mkdir()
    caches_content, path = copy_through(LocalBlobStore(str(root)))
    assert not caches_content
    assert path.is_relative_to(root / "~files")
    assert list(LocalBlobStore(str(root)).list()) == [], "they are no blobs"


def test_copies_from_memory_are_temporary(here, tmp_path):
    caches_content, path = copy_through(MemoryBlobStore("copies"))
    assert not caches_content
    assert not path.is_relative_to(tmp_path)


def test_copies_from_everywhere_else_are_cached_for_this_user(here, tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    caches_content, path = copy_through(RemoteStore("elsewhere"))
    assert caches_content
    assert path.is_relative_to(tmp_path / "home" / ".cache" / "mops")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/ones/are/ignored")
    assert copy_through(RemoteStore("elsewhere"))[1] == path
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert copy_through(RemoteStore("elsewhere"))[1].is_relative_to(tmp_path / "caches" / "mops")
    assert stat.S_IMODE((tmp_path / "caches" / "mops").stat().st_mode) == 0o700


def test_where_nobody_chose_its_size_the_cache_leaves_room_on_its_disk(here, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    disk = os.statvfs(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_blocks=1000, f_frsize=4))
    copies = local_copies_for(RemoteStore("elsewhere"), lambda: None, pytest.fail)
    for number in range(9):
        data = bytes([number]) * 100
        assert copies.content(blake3(data).digest(), 100, lambda path, data=data: bool(Path(path).write_bytes(data)))
    assert disk.f_blocks > 1000
    assert len(list((tmp_path / "caches" / "mops").glob("file/*/*"))) <= 4


def test_without_a_home_there_is_no_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "nowhere")
    caches_content, path = copy_through(RemoteStore("elsewhere"))
    assert not caches_content
    assert path.is_absolute()


# ------------------------------------------------------------------------------------------------- stated by a program
def test_a_context_precedes_the_environment_and_ends(here, monkeypatch):
    monkeypatch.setenv("MOPS_ROOT", "/environment")
    monkeypatch.setenv("MOPS_CACHE_SIZE", "7")
    settings = Defaults()
    with config(blob_root="memory://outer", cache_size="1KiB"):
        assert (settings.mops_root(), settings.cache_size()) == ("memory://outer", 1024)
        with config(blob_root="memory://inner"):
            assert (settings.mops_root(), settings.cache_size()) == ("memory://inner", 1024)
        with config(cache_size=0):
            assert (settings.mops_root(), settings.cache_size()) == ("memory://outer", 0)
        assert settings.mops_root() == "memory://outer"
    assert (settings.mops_root(), settings.cache_size()) == ("/environment", 7)


def test_a_context_that_an_exception_leaves_ends_as_well(here):
    with suppress(ZeroDivisionError), config(blob_root="memory://mine"):
        raise ZeroDivisionError
    assert Defaults().mops_root() == str(here.parents[2] / "home" / ".mops")


def test_a_context_is_of_its_thread_and_of_its_task(here):
    async def root_of(name):
        with config(blob_root=f"memory://{name}"):
            await asyncio.sleep(0)
            return Defaults().mops_root()

    async def both():
        return await asyncio.gather(root_of("one"), root_of("two"))

    with config(blob_root="memory://mine"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(Defaults().mops_root).result() == str(here.parents[2] / "home" / ".mops")
        assert asyncio.run(both()) == ["memory://one", "memory://two"]
        assert Defaults().mops_root() == "memory://mine"


def test_what_a_function_states_precedes_the_root_of_its_call(here):
    settings = Defaults()
    settings.execute_under("file:///of/the/call")
    with config(blob_root="memory://mine"):
        assert settings.mops_root() == "memory://mine"


@pytest.mark.parametrize(("root", "wanted"), [
    ("results", "{here}/results"),
    (Path("results"), "{here}/results"),
    ("~/results", "{home}/results"),
    (["results", Path("/far"), "s3://bucket/x"], "{here}/results|/far|s3://bucket/x"),
    ("results | /far", "{here}/results|/far"),
    ([Path("a|b"), "/far"], "file://{here}/a%7Cb|/far"),
])  # fmt: skip
def test_a_context_takes_what_names_a_root(here, root, wanted):
    with config(blob_root=root):
        assert Defaults().mops_root() == wanted.format(here=here, home=here.parents[2] / "home")


@pytest.mark.parametrize("settings", [
    {"blob_root": 7}, {"blob_root": ""}, {"blob_root": []}, {"blob_root": ["a", None]}, {"blob_root": "a||b"},
    {"cache_size": "much"}, {"cache_size": -1},
])  # fmt: skip
def test_a_context_that_cannot_be_meant_is_refused(here, settings):
    with pytest.raises(ConfigurationError), config(**settings):
        pass


# -------------------------------------------------------------------------------------------------- roots and profiles
def test_several_roots_in_a_file_are_relative_to_the_file(here):
    (here.parent / ".mops.toml").write_text('blob_root = ["mine", "s3://bucket/team", "~/old"]\n')
    home = here.parents[2] / "home"
    assert Defaults().mops_root() == f"{here.parent}/mine|s3://bucket/team|{home}/old"
    (here / ".mops.toml").write_text('blob_root = "mine | memory://team"\n')
    assert Defaults().mops_root() == f"{here}/mine|memory://team"


def test_a_folder_with_a_bar_in_its_name_is_one_place(here, monkeypatch):
    folder = here / "a|b"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    assert locate_blob_store(Defaults().mops_root()) == LocalBlobStore(str(folder / ".mops"))
    (folder / ".mops.toml").write_text('blob_root = "results"\n')
    assert locate_blob_store(Defaults().mops_root()) == LocalBlobStore(str(folder / "results"))
    assert locate_blob_store(folder) == LocalBlobStore(str(folder))


def test_the_environment_chooses_a_profile_of_the_files(here, monkeypatch):
    settings = Defaults()
    (here / ".mops.toml").write_text('blob_root = "/mine"\n')
    (here.parent / "pyproject.toml").write_text(
        '[tool.mops]\nblob_root = "/dev"\ncache_size = 7\n[tool.mops.production]\nblob_root = "/prod"\n'
    )
    assert settings.mops_root() == "/mine"
    monkeypatch.setenv("MOPS_PROFILE", "production")
    assert settings.mops_root() == "/prod"
    assert settings.cache_size() == 7
    monkeypatch.setenv("MOPS_ROOT", "/environment")
    assert settings.mops_root() == "/environment"
    monkeypatch.delenv("MOPS_ROOT")
    monkeypatch.setenv("MOPS_PROFILE", "")
    assert settings.mops_root() == "/mine"


def test_a_profile_that_no_file_has_is_never_replaced_by_another_root(here, monkeypatch):
    monkeypatch.setenv("MOPS_PROFILE", "prodution")
    (here / ".mops.toml").write_text('blob_root = "/mine"\n[production]\nblob_root = "/prod"\n')
    with pytest.raises(ConfigurationError, match="MOPS_PROFILE is 'prodution', but no configuration file") as caught:
        Defaults().mops_root()
    assert "[tool.mops.prodution]" in caught.value.advice
    monkeypatch.setenv("MOPS_ROOT", "/mine")
    with pytest.raises(ConfigurationError, match="prodution"):
        Defaults().verify()
    assert Defaults().cache_size() is None


def test_a_profile_is_not_looked_for_where_a_call_is_executed(here, monkeypatch):
    monkeypatch.setenv("MOPS_PROFILE", "production")
    settings = Defaults()
    settings.execute_under("file:///of/the/call")
    assert settings.mops_root() == "file:///of/the/call"
    assert settings.verify() == "off"
    assert settings.cache_size() is None


def test_an_empty_root_in_a_profile_is_not_replaced_by_that_of_everyday(here, monkeypatch):
    monkeypatch.setenv("MOPS_PROFILE", "production")
    (here / ".mops.toml").write_text('blob_root = "/mine"\n[production]\nblob_root = ""\n')
    with pytest.raises(ConfigurationError, match="must be a string or a list of strings"):
        Defaults().mops_root()


def test_a_profile_is_missed_in_a_folder_that_was_removed(here, monkeypatch):
    monkeypatch.setenv("MOPS_PROFILE", "production")
    here.rmdir()
    with pytest.raises(ConfigurationError, match="from here upwards"):
        Defaults().mops_root()
    monkeypatch.delenv("MOPS_PROFILE")
    assert Defaults().mops_root() == str(here.parents[2] / "home" / ".mops")


def test_signatures_are_required_by_environment_file_or_nobody(here, monkeypatch):
    assert Defaults().verify() == "off"
    (here / ".mops.toml").write_text('verify = "require"\n[lax]\nverify = "off"\n')
    assert Defaults().verify() == "require"
    monkeypatch.setenv("MOPS_PROFILE", "lax")
    assert Defaults().verify() == "off"
    monkeypatch.setenv("MOPS_VERIFY", "require")
    assert Defaults().verify() == "require"


def test_what_is_not_known_of_signatures_is_refused(here, monkeypatch):
    (here / ".mops.toml").write_text("verify = true\n")
    with pytest.raises(ConfigurationError, match=r"verify in .*\.mops\.toml is 'off' or 'require', not True"):
        Defaults().verify()
    monkeypatch.setenv("MOPS_VERIFY", "yes")
    with pytest.raises(ConfigurationError, match="MOPS_VERIFY is 'off' or 'require', not 'yes'"):
        Defaults().verify()


# ------------------------------------------------------------------------------------------------ code that travels
def test_code_may_travel_unless_somebody_says_no(here, monkeypatch):
    assert Defaults().allow_tree() is True
    (here / ".mops.toml").write_text("allow_tree = false\n")
    assert Defaults().allow_tree() is False
    monkeypatch.setenv("MOPS_ALLOW_TREE", "1")
    assert Defaults().allow_tree() is True
    with config(allow_tree=False):
        assert Defaults().allow_tree() is False


def test_a_profile_decides_for_itself_whether_code_may_travel(here, monkeypatch):
    (here / ".mops.toml").write_text("allow_tree = true\n[production]\nallow_tree = false\n")
    assert Defaults().allow_tree() is True
    monkeypatch.setenv("MOPS_PROFILE", "production")
    assert Defaults().allow_tree() is False


def test_whether_code_may_travel_is_yes_or_no(here, monkeypatch):
    monkeypatch.setenv("MOPS_ALLOW_TREE", "never")
    with pytest.raises(ConfigurationError, match=r"MOPS_ALLOW_TREE is true or false .*'never'"):
        Defaults().allow_tree()
    monkeypatch.delenv("MOPS_ALLOW_TREE")
    (here / ".mops.toml").write_text('allow_tree = "no"\n')
    with pytest.raises(ConfigurationError, match=r"allow_tree in .*mops\.toml is true or false"):
        Defaults().allow_tree()
    with pytest.raises(ConfigurationError, match="allow_tree is true or false"), config(allow_tree=0):  # type: ignore[arg-type]
        pass
