"""Directories: what arrives is what was there, or an error says why not."""

import os
import shutil
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from mops.adapters.files import directories, trees
from mops.adapters.files.digests import SMALL
from mops.adapters.files.directories import PackedDirectories, SeenDirectory, directory_digest
from mops.adapters.files.trees import Tree, TreeFile
from mops.core.directory import ALONE_FROM, LARGEST_PACK, Manifest, Pack, StoredEntry, decode_manifest, encode_manifest
from mops.core.errors import CorruptBlob, FileChanged, StoreDenied, UndecodableResultError, UnserializableError
from mops.core.files import LocalFile

DIRECTORIES = PackedDirectories()


class Blobs(dict):
    """Blobs by digest, and how they were asked for."""

    def __init__(self):
        super().__init__()
        self.files = []

    def put_content(self, parts):
        content = b"".join(parts)
        self[blake3(content).digest()] = content
        return blake3(content).digest()

    def put_file(self, path, digest, size):
        content = Path(path).read_bytes()
        assert (blake3(content).digest(), len(content)) == (digest, size)
        self.files.append(os.path.basename(path))
        self.put_content([content])

    def get_file(self, path, digest, size):
        if digest not in self:
            return False
        assert len(self[digest]) == size
        Path(path).write_bytes(self[digest])
        return True

    def store(self, path, digest=b""):
        return DIRECTORIES.store(
            LocalFile(str(path), "folder", digest, kind="directory"), self.put_content, self.put_file
        )

    def fetch(self, digest, path):
        return DIRECTORIES.fetch(digest, str(path), self.get, self.get_file)

    def travel(self, source, target):
        """Store and fetch; returns the manifest."""
        digest, _ = self.store(source, directory_digest(str(source)))
        assert self.fetch(digest, target)
        return decode_manifest(self[digest])


@pytest.fixture
def blobs():
    return Blobs()


@pytest.fixture(params=["settled", "fresh"])
def age(request, monkeypatch):
    """Whether the files look as if somebody might still be writing them, so that they are read with more care."""
    monkeypatch.setattr(trees, "SETTLED", 2.0 if request.param == "fresh" else -60.0)


def content_of(folder):
    """Everything below a folder, by relative name: content and whether it can be run, or nothing for a folder."""
    folder = os.fsencode(folder)
    found = {}
    for path, _, names in os.walk(folder, followlinks=True):
        found[os.path.relpath(path, folder)] = None
        for name in names:
            file = os.path.join(path, name)
            with open(file, "rb") as opened:
                found[os.path.relpath(file, folder)] = opened.read(), bool(os.stat(file).st_mode & 0o100)
    return found


# ----------------------------------------------------------------------------------------------------------- round trip
NAMES = st.binary(min_size=1, max_size=6).filter(lambda name: name not in {b".", b".."} and not {0, 47} & {*name})
SIZES = st.sampled_from([0, 1, 100, SMALL - 1, SMALL, SMALL + 1, ALONE_FROM - 1, ALONE_FROM, ALONE_FROM + 1])
TREES = st.recursive(
    st.tuples(SIZES, st.booleans()), lambda below: st.dictionaries(NAMES, below, max_size=4), max_leaves=12
)


def grow(path, tree):
    if isinstance(tree, dict):
        os.mkdir(path)
        for name, below in tree.items():
            grow(os.path.join(path, name), below)
        return
    size, executable = tree
    with open(path, "wb") as file:
        file.write((path + b"!") * (size // (len(path) + 1) + 1))
        file.truncate(size)
    os.chmod(path, 0o755 if executable else 0o644)


@given(tree=st.dictionaries(NAMES, TREES, max_size=4), fresh=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_directory_arrives_as_it_was(tree, fresh):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(trees, "SETTLED", 2.0 if fresh else -60.0)
        source, target, blobs = os.path.join(folder, "source"), os.path.join(folder, "target"), Blobs()
        grow(os.fsencode(source), tree)
        manifest = blobs.travel(source, target)
        assert content_of(target) == content_of(source)
        assert directory_digest(target) == directory_digest(source) == blake3(encode_manifest(manifest)).digest()
        assert manifest.size == sum(len(each[0]) for each in content_of(source).values() if each)


def test_small_files_travel_in_few_packs_and_large_ones_alone(tmp_path, blobs, age):
    source = tmp_path / "source"
    source.mkdir()
    for number in range(300):
        (source / str(number)).write_bytes(bytes([number % 256]) * 60_000)
    (source / "large").write_bytes(bytes(ALONE_FROM))
    manifest = blobs.travel(source, tmp_path / "target")
    assert blobs.files == ["large"]
    assert 3 <= len(manifest.packs) <= 9
    assert all(len(blobs[pack.digest]) <= LARGEST_PACK for pack in manifest.packs)
    assert content_of(tmp_path / "target") == content_of(source)


def test_a_change_of_one_file_changes_few_packs(tmp_path, blobs):
    source = tmp_path / "source"
    source.mkdir()
    for number in range(1000):
        (source / f"{number:04}").write_bytes(bytes([number % 256]) * 60_000)
    before = decode_manifest(blobs[blobs.store(source)[0]]).packs
    (source / "0010").write_bytes(b"shorter")
    after = decode_manifest(blobs[blobs.store(source)[0]]).packs
    assert len(before) > 6
    assert len({*after} - {*before}) <= 3


def test_files_arrive_read_only_and_folders_writable(tmp_path, blobs):
    source = tmp_path / "source"
    (source / "folder").mkdir(parents=True)
    for name, content in {"small": b"1", "folder/run": b"2", "empty": b"", "large": bytes(ALONE_FROM)}.items():
        (source / name).write_bytes(content)
        (source / name).chmod(0o755 if name == "folder/run" else 0o666)
    blobs.travel(source, tmp_path / "target")
    target = tmp_path / "target"
    mode = {str(path.relative_to(target)): stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*")}
    umask = os.umask(0)
    os.umask(umask)
    assert mode == {
        "small": 0o444 & ~umask,
        "folder/run": 0o555 & ~umask,
        "empty": 0o444 & ~umask,
        "large": 0o444,
        "folder": 0o777 & ~umask,
    }


def test_a_link_arrives_as_what_it_leads_to(tmp_path, blobs):
    source = tmp_path / "source"
    (source / "folder").mkdir(parents=True)
    (source / "folder" / "file").write_bytes(b"1")
    (tmp_path / "elsewhere").write_bytes(b"2")
    (source / "inside").symlink_to("folder/file")
    (source / "outside").symlink_to(tmp_path / "elsewhere")
    (source / "a_folder").symlink_to("folder", target_is_directory=True)
    blobs.travel(source, tmp_path / "target")
    assert not any(path.is_symlink() for path in (tmp_path / "target").rglob("*"))
    assert content_of(tmp_path / "target") == content_of(source)


def test_a_directory_that_is_reached_by_a_link_is_the_same_one(tmp_path, blobs):
    (tmp_path / "real" / "folder").mkdir(parents=True)
    (tmp_path / "real" / "again").symlink_to("folder", target_is_directory=True)
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    assert directory_digest(str(tmp_path / "link")) == directory_digest(str(tmp_path / "real"))


def test_two_links_that_lead_to_each_other_are_refused(tmp_path):
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / one).mkdir()
        (tmp_path / one / "link").symlink_to(f"../{other}", target_is_directory=True)
    with pytest.raises(OSError, match="leads back"):
        directory_digest(str(tmp_path))


def test_a_folder_beside_one_of_a_longer_name_is_outside(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data2").mkdir()
    (tmp_path / "data" / "link").symlink_to("../data2", target_is_directory=True)
    with pytest.raises(OSError, match="outside"):
        directory_digest(str(tmp_path / "data"))


def test_a_tree_that_is_deeper_than_any_stack_is_read(tmp_path):
    path = os.fsencode(tmp_path)
    while len(path) < 4_000:
        path += b"/d"
        os.mkdir(path)
    assert len(directory_digest(str(tmp_path))) == 32
    subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # shutil's is not up to it


# --------------------------------------------------------------------------------------------------- while it is stored
def sample(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in "abc":
        (source / name).write_bytes(name.encode() * 1000)
    return source


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "b").write_bytes(b"x" * 1000),
        lambda folder: (folder / "b").unlink(),
        lambda folder: (folder / "d").touch(),
        lambda folder: (folder / "b").chmod(0o755),
        shutil.rmtree,
        lambda folder: os.mkfifo(folder / "pipe"),
    ],
)
def test_a_directory_that_is_no_longer_what_it_was_keyed_by_is_refused(tmp_path, blobs, age, change):
    source = sample(tmp_path)
    digest = directory_digest(str(source))
    change(source)
    with pytest.raises(FileChanged, match="source"):
        blobs.store(source, digest)
    assert digest not in blobs


def test_a_file_that_changes_between_two_looks_at_it_is_refused(tmp_path, blobs, monkeypatch):
    source, digest_of_open = sample(tmp_path), directories.digest_of_open

    def change_behind(fd, path, status):
        found = digest_of_open(fd, path, status)
        (source / "a").write_bytes(b"x" * 1000)
        return found

    monkeypatch.setattr(directories, "digest_of_open", change_behind)
    with pytest.raises(FileChanged, match="source/a changed"):
        blobs.store(source)


def test_a_file_that_is_replaced_by_a_pipe_is_refused_without_waiting(tmp_path, blobs, monkeypatch, age):
    source, read_tree = sample(tmp_path), directories.read_tree

    def replace_behind(path):
        tree = read_tree(path)
        (source / "b").unlink()
        os.mkfifo(source / "b")
        return tree

    monkeypatch.setattr(directories, "read_tree", replace_behind)
    with pytest.raises(UnserializableError, match=r"source cannot travel: .*Invalid argument"):
        blobs.store(source)


def test_what_nobody_has_looked_at_and_cannot_travel_is_named(tmp_path, blobs):
    source = sample(tmp_path)
    os.mkfifo(source / "pipe")
    with pytest.raises(UnserializableError, match=r"neither a file nor a folder: .*source/pipe"):
        blobs.store(source)


@pytest.mark.parametrize("number", [1, 100, 300])
def test_an_error_of_the_store_is_its_own_even_if_it_is_an_oserror(tmp_path, blobs, monkeypatch, number):
    def denied(_):
        raise StoreDenied("no")

    source = sample(tmp_path)
    for name in range(number):
        (source / str(name)).write_bytes(bytes(60_000))
    monkeypatch.setattr(blobs, "put_content", denied)
    with pytest.raises(StoreDenied):
        blobs.store(source)


def test_a_file_that_cannot_be_read_leaves_no_thread_that_stores(tmp_path, blobs, monkeypatch):
    source, put = sample(tmp_path), blobs.put_content
    for name in range(100):
        (source / str(name)).write_bytes(bytes(60_000))
    os.mkfifo(source / "pipe")
    monkeypatch.setattr(directories, "read_tree", lambda path: Tree(sorted(files_of(path)), []))
    monkeypatch.setattr(blobs, "put_content", lambda parts: (time.sleep(0.1), put(parts))[1])
    with pytest.raises(UnserializableError):
        blobs.store(source)
    assert not any(thread.name == "mops-pack" for thread in threading.enumerate())
    assert blobs, "nothing was stored by a thread"


def files_of(folder):
    return [TreeFile(os.fsencode(path.name), os.fsencode(path)) for path in Path(folder).iterdir()]


# -------------------------------------------------------------------------------------------------- while it is fetched
def stored(blobs, *names, packs=None, sizes=None):
    sizes = sizes or [1] * len(names)
    files = [StoredEntry(name, size, executable=False) for name, size in zip(names, sizes, strict=True)]
    if packs is None:
        packs = [Pack(blobs.put_content([b"x" * sum(sizes)]), len(names))]
    return blobs.put_content([encode_manifest(Manifest(files, [], packs))])


def test_what_has_gone_is_no_directory(tmp_path, blobs):
    source = sample(tmp_path)
    (source / "large").write_bytes(bytes(ALONE_FROM))
    digest, _ = blobs.store(source)
    for number, each in enumerate(list(blobs)):
        content = blobs.pop(each)
        assert not blobs.fetch(digest, tmp_path / f"target{number}")
        blobs[each] = content
    assert blobs.fetch(digest, tmp_path / "target")


@pytest.mark.parametrize("name", [b"../x", b"/x", b"a/../../x", b"..", b"a\0b"])
def test_a_hostile_manifest_writes_nothing_elsewhere(tmp_path, blobs, name):
    digest = stored(blobs, name)
    with pytest.raises(CorruptBlob):
        blobs.fetch(digest, tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sizes", [[5, 6], [5, 4], [12, 1]])
def test_a_pack_that_is_longer_or_shorter_than_its_files_is_refused(tmp_path, blobs, sizes):
    pack = Pack(blobs.put_content([b"x" * 10]), 2)
    with pytest.raises(CorruptBlob, match="does not fit"):
        blobs.fetch(stored(blobs, b"a", b"b", packs=[pack], sizes=sizes), tmp_path / "target")


@pytest.mark.parametrize("names", [(b"README", b"readme"), (b"A/x", b"a/y"), (b"A", b"a/y")])
@pytest.mark.parametrize("size", [0, 1, ALONE_FROM])
def test_names_that_differ_in_case_only_are_refused_where_they_are_one(tmp_path, blobs, monkeypatch, names, size):
    digest = {ALONE_FROM: blobs.put_content([b"x" * ALONE_FROM])}.get(size, b"")
    files = [StoredEntry(name, size, executable=False, digest=digest) for name in names]
    packs = [Pack(blobs.put_content([b"xx"]), 2)] if size == 1 else []
    manifest = blobs.put_content([encode_manifest(Manifest(files, [], packs))])
    assert blobs.fetch(manifest, tmp_path / "target")
    assert len(content_of(tmp_path / "target")) >= 3

    class FoldsCase:
        """The part of ``os`` that is used, on a file system that does not tell upper from lower case."""

        def __getattr__(self, name):
            return getattr(os, name)

        path = type("Path", (), {"join": lambda top, name: os.path.join(top, name.lower()), "lexists": os.path.lexists})

    monkeypatch.setattr(directories, "os", FoldsCase())
    with pytest.raises(UndecodableResultError, match="the same one on this file system"):
        blobs.fetch(manifest, tmp_path / "folded")


def test_names_that_differ_in_case_only_arrive_as_two(tmp_path, blobs):
    source = tmp_path / "source"
    source.mkdir()
    (source / "README").write_bytes(b"1")
    (source / "readme").write_bytes(b"2")
    blobs.travel(source, tmp_path / "target")
    assert content_of(tmp_path / "target") == content_of(source)


def test_a_disk_that_is_full_is_told_as_it_is(tmp_path, blobs, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    digest, _ = blobs.store(sample(tmp_path))
    monkeypatch.setattr(directories, "write", full)
    with pytest.raises(OSError, match="No space left"):
        blobs.fetch(digest, tmp_path / "target")


# ------------------------------------------------------------------------------------------------ stored as it was seen
def seen(path):
    file = LocalFile(str(path), path.name, kind="directory")
    file.seen = directory = SeenDirectory(str(path))
    file.digest = directory.digest
    return file


def test_a_directory_that_was_just_seen_is_stored_as_it_was_then(tmp_path, blobs):
    source = sample(tmp_path)
    file = seen(source)
    expected, size = blobs.store(source)
    blobs.clear()
    for path in source.rglob("*"):
        if path.is_file() and path.stat().st_size < ALONE_FROM:
            path.write_bytes(b"changed since")
    assert DIRECTORIES.store(file, blobs.put_content, blobs.put_file) == (expected, size)
    assert file.digest == expected
    assert decode_manifest(blobs[expected])


def test_what_was_seen_is_given_up_when_it_is_stored_or_another_directory_is_seen(tmp_path, blobs):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    first, second = sample(tmp_path / "a"), sample(tmp_path / "b")
    for use in (lambda file: seen(second), lambda file: DIRECTORIES.store(file, blobs.put_content, blobs.put_file)):
        file = seen(first)
        directory = file.seen
        kept = use(file)
        assert kept
        assert directory.store(blobs.put_content, blobs.put_file) is None


def test_a_directory_that_was_seen_long_ago_is_read_again(tmp_path, blobs):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    file = seen(sample(tmp_path / "a"))
    other = seen(sample(tmp_path / "b"))
    assert DIRECTORIES.store(file, blobs.put_content, blobs.put_file)[0] == file.digest
    assert DIRECTORIES.store(other, blobs.put_content, blobs.put_file)[0] == other.digest


def test_a_large_directory_is_not_kept(tmp_path, blobs, monkeypatch):
    monkeypatch.setattr(directories, "_MOST_KEPT", 3)
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "a.txt").write_bytes(b"more")
    file = seen(tmp_path / "large")
    assert file.seen.store(blobs.put_content, blobs.put_file) is None
    assert DIRECTORIES.store(file, blobs.put_content, blobs.put_file)[0] == file.digest
