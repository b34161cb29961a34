"""Sources: what they name, what they are equal to, and how they travel."""

import copy
import os
import pickle
from pathlib import Path

import pytest
from blake3 import blake3

from mops import MemoizingPicklingRunner, Source, open_output, use_runner
from mops.api.locate import locate_blob_store
from mops.core.errors import ConfigurationError, FileChanged, SourceNotFound, StoreError


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def same(value):
    return value


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def named(uri):
    return Source.from_uri(uri)


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def made(files):
    """Return sources of files, by the paths and URIs that are given."""
    return [Source.from_file(path, uri) for path, uri in files]


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def written(name, text):
    with open_output(name, "w") as file:
        file.write(text)
    return file.source


@pytest.fixture
def file(folder):
    path = folder / "data.txt"
    path.write_text("content")
    return path


# ------------------------------------------------------------------------------------------------ without any store
def test_a_source_of_a_file_is_that_file(file):
    source = Source.from_file("data.txt")
    with open(source) as opened:
        assert opened.read() == "content"
    assert source.path() == file
    assert os.fspath(source) == str(file)
    assert (source.uri, source.size, source.digest) == (file.as_uri(), 7, blake3(b"content").digest())
    assert repr(source) == f"Source({file.as_uri()!r})"


def test_the_uri_of_a_file_names_it_whatever_its_name(folder):
    path = folder / "Ä b%20#?.csv"
    path.write_text("x")
    source = Source.from_uri(Source.from_file(path).uri)
    assert source.path() == path
    assert Source.from_uri(f"file://localhost{folder}/../{folder.name}/%C3%84%20b%2520%23%3F.csv") == source


def test_bytes_that_are_no_text_are_a_name_too(folder):
    path = os.fsencode(folder) + b"/\xff.bin"
    with open(path, "wb") as file:
        file.write(b"x")
    source = Source.from_file(os.fsdecode(path))
    assert os.fsencode(Source.from_uri(source.uri).path()) == path


def test_a_source_is_a_value_of_content_and_uri(file, folder):
    (folder / "copy.txt").write_text("content")
    one, same_file, other = (Source.from_file(name) for name in ("data.txt", "data.txt", "copy.txt"))
    assert one == same_file
    assert hash(one) == hash(same_file)
    assert one != other
    assert one.digest == other.digest
    assert one != "data.txt"
    assert len({one, same_file, other}) == 2


def test_what_a_source_holds_is_settled_when_it_is_first_asked(file):
    settled, unsettled = Source.from_file(file), Source.from_file(file)
    before = settled.digest
    file.write_text("another content")
    assert settled.digest == before
    assert settled.size == 7
    assert unsettled.size == 15
    assert settled != unsettled


def test_a_source_cannot_be_changed(file):
    source = Source.from_file(file)
    with pytest.raises(AttributeError, match="immutable"):
        source.uri = "file:///elsewhere"
    with pytest.raises(AttributeError, match="immutable"):
        source.note = "mine"
    with pytest.raises(AttributeError, match="immutable"):
        del source._digest


def test_copies_of_a_source_are_equal_to_it(file):
    source = Source.from_file(file)
    assert pickle.loads(pickle.dumps(source)) == source
    assert copy.deepcopy(source) == source
    assert source.digest
    assert pickle.loads(pickle.dumps(source)).digest == source.digest


def test_a_file_that_is_not_there_is_no_source(folder):
    for path in ("absent.txt", "a" * 4000, "nul\0"):
        with pytest.raises(SourceNotFound, match="there is no file"):
            Source.from_file(path)


def test_only_regular_files_are_sources(folder):
    os.mkfifo("pipe")
    with pytest.raises(ConfigurationError, match="no regular file"):
        Source.from_file("pipe")
    with pytest.raises(ConfigurationError, match=r"a directory; as a pathlib\.Path"):
        Source.from_file(folder)


@pytest.mark.parametrize(
    "uri", ["data.txt", "/data.txt", "file://host/data.txt", "gopher://a/b", "memory://name", "memory://name/UPPER", ""]
)
def test_what_names_no_file_is_refused_at_once(uri, file):
    with pytest.raises(ConfigurationError):
        Source.from_uri(uri)
    with pytest.raises(ConfigurationError):
        Source.from_file(file, uri)


def test_nothing_is_read_before_somebody_asks(folder):
    source = Source.from_uri(f"file://{folder}/later.txt")
    for ask in (lambda: source.digest, lambda: source.size, source.path):
        with pytest.raises(SourceNotFound, match=r"later\.txt"):
            ask()
    (folder / "later.txt").write_text("here")
    assert (source.size, source.path().read_text()) == (4, "here")


def test_a_file_that_has_gone_is_not_found(file):
    source = Source.from_file(file)
    file.unlink()
    with pytest.raises(SourceNotFound):
        source.path()
    with pytest.raises(FileNotFoundError), open(source):
        pass


# ------------------------------------------------------------------------------------------------ as arguments
def test_as_an_argument_a_source_is_its_content(runner, folder):
    (folder / "a.txt").write_text("content")
    (folder / "b.txt").write_text("content")
    (folder / "c.txt").write_text("another content")
    f = same.with_runner(runner)
    one, other, another = (f.memo_uri(Source.from_file(name)) for name in ("a.txt", "b.txt", "c.txt"))
    assert one == other
    assert one != another
    assert f.memo_uri(b"content") != one


def test_an_argument_that_comes_back_lies_under_the_root_by_content(runner, root, file):
    f = same.with_runner(runner)
    given = Source.from_file(file)
    f(given)
    back = f(given)
    assert back.uri == f"{root.uri}/mops1/blob/{given.digest.hex()[:2]}/{given.digest.hex()}"
    assert (back.digest, back.size) == (given.digest, given.size)
    assert back.path().name == "data.txt"
    file.unlink()
    assert back.path().read_text() == "content"


def test_an_argument_that_names_no_file_is_refused_before_anything_runs(runner, root, folder):
    for value in (Source.from_uri(f"file://{folder}/absent.txt"), [Source.from_uri(f"{root.uri}/absent.txt")]):
        with pytest.raises(SourceNotFound, match=r"absent\.txt"):
            same.with_runner(runner)(value)
    assert not list(root.list())


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def overwrites(source):
    with open(os.fspath(source), "w") as file:
        file.write("another content")
    return 1


def test_a_result_is_not_stored_if_its_source_changed_while_the_function_ran(runner, file, caplog):
    f = overwrites.with_runner(runner)
    before = f.memo_uri(Source.from_file(file))
    assert f(Source.from_file(file)) == 1
    assert "changed while the function ran" in caplog.text
    file.write_text("content")
    assert f.memo_uri(Source.from_file(file)) == before
    assert f.peek(Source.from_file(file)) is None


def test_a_file_that_is_not_any_more_what_its_source_holds_is_not_read(file):
    source = Source.from_file(file)
    assert source.digest
    file.write_text("CONTENT")
    with pytest.raises(FileChanged, match="does not hold any more"):
        source.path()


# ------------------------------------------------------------------------------------------------ as results
def test_a_result_that_names_no_file_is_returned_and_not_stored(runner, root, folder, caplog):
    f = named.with_runner(runner)
    uri = f"file://{folder}/absent.txt"
    assert f(uri).uri == uri
    assert "cannot travel: there is no file" in caplog.text
    assert "write the file before its source is returned" in caplog.text
    (folder / "absent.txt").write_text("here")
    assert f(uri).path().read_text() == "here"


def test_a_path_that_nobody_wrote_is_named_with_what_to_do(runner, folder, caplog):
    f = use_runner(runner)(lambda: folder / "absent.txt")
    assert f() == folder / "absent.txt"
    assert f"{folder}/absent.txt names nothing; write the file before it is returned" in caplog.text


@pytest.mark.parametrize("uri", [Path("data.txt"), None, 3])
def test_what_is_no_text_is_no_uri(uri):
    with pytest.raises(ConfigurationError, match=r"is no URI; a path of this machine is for Source\.from_file"):
        Source.from_uri(uri)


def test_one_source_twice_in_a_result_is_one(runner):
    f = use_runner(runner)(lambda: [written.__wrapped__("a.txt", "x")] * 2)
    f()
    one, other = f()
    assert one is other


def test_one_content_twice_in_a_result_is_two_sources(runner):
    f = use_runner(runner)(lambda: [written.__wrapped__("a.txt", "x"), written.__wrapped__("a.txt", "x")])
    one, other = f()
    assert one != other
    assert one.digest == other.digest
    assert f() == [one, other]
    assert [each.path().read_text() for each in f()] == ["x", "x"]


def test_a_hit_is_equal_to_what_was_computed(runner):
    f = written.with_runner(runner)
    assert f("sub/a.txt", "x") == f("sub/a.txt", "x")


def test_a_copy_is_read_only_and_has_the_final_name(runner):
    f = written.with_runner(runner)
    path = f("sub/Some Name.txt", "x").path()
    assert path.name == "Some Name.txt"
    assert path.stat().st_mode & 0o777 == 0o444


def test_a_source_that_stays_in_the_store_travels_without_one(runner):
    source = written.with_runner(runner)("a.txt", "x")
    again = pickle.loads(pickle.dumps(source))
    assert again == source
    assert again.path().read_text() == "x"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        (".out/sub/a.txt", "sub/a.txt"),
        ("some/dir/a.txt", "some/dir/a.txt"),
        ("a.txt", "a.txt"),
        ("../elsewhere/deep/a.txt", "a.txt"),
        ("../elsewhere/.out/deep/a.txt", "deep/a.txt"),
        ("x/../y/./a.txt", "y/a.txt"),
    ],
)
def test_the_path_below_the_working_directory_or_out_is_kept_in_the_uri(runner, root, folder, path, kept):
    (folder / "work" / "x").mkdir(parents=True)
    os.chdir(folder / "work")
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w") as file:
        file.write("x")
    f = made.with_runner(runner)
    (computed,), (stored,) = f([(path, None)]), f([(path, None)])
    function, _, digest = f.memo_uri([(path, None)]).removeprefix(f"{root.uri}/mops1/memo/").rsplit("/", 2)
    assert stored.uri.startswith(f"{root.uri}/mops1/out/{function}/{digest}/")
    assert stored.uri.rpartition(digest)[2].split("/", 2)[2] == kept
    assert computed == stored
    assert stored.path().read_text() == "x"


def test_two_files_of_one_name_have_two_uris(runner, folder):
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "a.txt").write_text(name)
    os.chdir(folder / "one")
    files = [(str(folder / "two" / "a.txt"), None), ("a.txt", None), ("a.txt", None)]
    f = made.with_runner(runner)
    f(files)
    first, second, again = f(files)
    assert first.uri != second.uri
    assert second == again
    assert [source.path().read_text() for source in (first, second)] == ["two", "one"]


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def rewritten(path, settled):
    """Return sources of one file before and after it is written anew."""
    before = Source.from_file(path)
    if settled:
        assert before.digest
    with open(path, "w") as file:
        file.write("CONTENT")
    return before, Source.from_file(path)


def test_a_file_that_is_written_anew_has_another_uri(runner, file):
    f = rewritten.with_runner(runner)
    one, other = f(str(file), False)
    assert one.uri != other.uri
    assert (one, other) == f(str(file), False)
    assert [source.path().read_text() for source in (one, other)] == ["CONTENT"] * 2


def test_a_file_that_is_not_any_more_what_its_source_holds_is_not_stored(runner, root, file, caplog):
    f = rewritten.with_runner(runner)
    f(str(file), True)
    assert "not stored" in caplog.text
    assert str(file) in caplog.text
    assert not list(root.list("mops1/out/"))
    assert f.peek(str(file), True) is None


def test_uri_says_where_a_file_is_to_be_stored(runner, root, file):
    f = made.with_runner(runner)
    uri = f"{root.uri}/reports/2026/data.txt"
    (computed,), (stored,) = f([("data.txt", uri)]), f([("data.txt", uri)])
    assert computed.uri == stored.uri == uri
    assert bytes(root.get("reports/2026/data.txt")) == b"content"


def test_a_file_may_go_to_another_store(runner, file, folder):
    elsewhere = locate_blob_store("memory://elsewhere")
    uris = ["memory://elsewhere/a.txt", f"file://{folder}/new/Capital.TXT"]
    f = made.with_runner(runner)
    f([("data.txt", uri) for uri in uris])
    stored = f([("data.txt", uri) for uri in uris])
    assert [source.uri for source in stored] == uris
    assert bytes(elsewhere.get("a.txt")) == b"content"
    assert (folder / "new" / "Capital.TXT").read_text() == "content"
    assert [source.path().read_text() for source in stored] == ["content"] * 2
    assert os.listdir(folder / "new") == ["Capital.TXT"]


def test_a_file_that_stands_is_never_replaced(runner, root, file, folder, caplog):
    (folder / "taken.txt").write_text("mine")
    root.put("taken.txt", b"mine")
    for uri in (f"file://{folder}/taken.txt", f"{root.uri}/taken.txt"):
        made.with_runner(runner)([("data.txt", uri)])
        assert f"{uri} holds something else" in caplog.text
    assert (folder / "taken.txt").read_text() == "mine"
    assert bytes(root.get("taken.txt")) == b"mine"


def test_a_result_may_name_what_another_root_holds(runner, root):
    elsewhere = locate_blob_store("memory://held-elsewhere")
    source = written.with_runner(MemoizingPicklingRunner(blob_root=elsewhere))("a.txt", "x")
    f = same.with_runner(runner)
    f(source)
    before = {blob.key for blob in root.list() if "/blob/" in blob.key or "/out/" in blob.key}
    assert f(source) == source
    assert not before


def test_a_result_whose_file_has_gone_is_computed_anew_and_says_so_once(runner, root, caplog):
    f = written.with_runner(runner)
    before = f("a.txt", "x")
    (key,) = [blob.key for blob in root.list("mops1/out/")]
    root.delete(key)
    after = f("a.txt", "x")
    assert after.uri != before.uri
    assert after.path().read_text() == "x"
    assert f("a.txt", "x") == after
    assert len([record for record in caplog.records if "gone" in record.message]) == 1
    with pytest.raises(SourceNotFound):
        before.path()


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def written_elsewhere(path, text):
    with open(path, "w") as file:
        file.write(text)
    return Source.from_uri(f"file://{path}")


def test_a_result_whose_foreign_file_has_gone_is_computed_anew(runner, folder):
    path = folder / "foreign.txt"
    f = written_elsewhere.with_runner(runner)
    f(str(path), "x")
    assert f(str(path), "x").uri == path.as_uri()
    path.unlink()
    assert f(str(path), "x").path() == path
    assert path.read_text() == "x"


def test_a_source_whose_file_was_changed_is_not_answered_by_what_it_held_before(runner, folder):
    path = folder / "data.txt"
    path.write_text("one")
    source = Source.from_file(path)
    f = same.with_runner(runner)
    f(source)
    path.write_text("two")
    with pytest.raises(FileChanged, match="does not hold any more"):
        f(source)
    assert f(Source.from_file(path)).path().read_text() == "two"


def test_a_foreign_file_with_another_content_is_not_served(runner, folder):
    path = folder / "foreign.txt"
    path.write_text("one")
    f = same.with_runner(runner)
    f(Source.from_uri(path.as_uri()))
    stored = f(Source.from_uri(path.as_uri()))
    path.write_text("two")
    with pytest.raises(FileChanged, match="does not hold any more"):
        stored.path()
    path.unlink()
    with pytest.raises(SourceNotFound):
        stored.path()


def test_damaged_bytes_are_not_served_and_computed_anew(runner, root):
    f = written.with_runner(runner)
    f("a.txt", "written here alone")
    stored = f("a.txt", "written here alone")
    (key,) = [blob.key for blob in root.list("mops1/out/")]
    root.put(key, b"damaged as it lies")
    with pytest.raises(StoreError, match="digest"):
        stored.path()
    assert f("a.txt", "written here alone").path().read_text() == "written here alone"


def test_a_copied_root_serves_its_own_files(runner, root):
    f = written.with_runner(runner)
    f("a.txt", "x")
    moved = locate_blob_store("memory://moved")
    for blob in root.list():
        moved.put(blob.key, root.get(blob.key))
        root.delete(blob.key)
    source = f.with_runner(MemoizingPicklingRunner(blob_root=moved)).peek("a.txt", "x").value
    assert source.uri.startswith("memory://moved/mops1/out/")
    assert source.path().read_text() == "x"
