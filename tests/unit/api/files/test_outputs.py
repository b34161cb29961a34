"""Files that functions write: where they go, when they are stored, and what remains where mops is bypassed."""

import gc
import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mops import MemoizingPicklingRunner, Source, invocation_output_fqn, open_output, tempdir, use_runner
from mops.api.file_uris import path_of
from mops.core.errors import ConfigurationError
from mops.testing import in_memory


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def uris(*names, root=""):
    return [invocation_output_fqn(root, name) for name in names]


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def saved(name, content):
    text = isinstance(content, str)
    with open_output(name, "w" if text else "wb") as file:
        file.write(content)
    return file.source


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def fails_half_way(name):
    with open_output(name) as file:
        file.write(b"half")
        raise ValueError(name)


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def in_tempdir(text):
    folder = tempdir()
    (folder / "sub").mkdir()
    (folder / "sub" / "a.txt").write_text(text)
    return Source.from_file(folder / "sub" / "a.txt")


def outputs(root):
    return [blob.key for blob in root.list("mops1/out/")]


# ------------------------------------------------------------------------------------------------ URIs
def test_each_output_has_a_uri_of_its_own_under_the_root_with_its_name(runner, root):
    f = uris.with_runner(runner)
    found = f("a.csv", "a.csv", "sub/b.parquet", "", "Ä.json")
    assert len(set(found)) == 5
    assert all(uri.startswith(f"{root.uri}/mops1/out/") for uri in found)
    assert [uri.rpartition("/")[2] for uri in found] == ["a.csv", "a.csv", "b.parquet", "output", "=c3=84.json"]
    assert found[2].endswith("/sub/b.parquet")


def test_two_runs_of_one_call_have_different_uris(root):
    one, other = (uris.with_runner(MemoizingPicklingRunner(blob_root=root, pipeline_id=name)) for name in "ab")
    (first,), (second,) = one("a.csv"), other("a.csv")
    assert first != second
    again = uris.with_runner(MemoizingPicklingRunner(blob_root="memory://another"))("a.csv")
    assert again[0].rpartition("mops1/out/")[2] != first.rpartition("mops1/out/")[2]


def test_outputs_may_lie_under_another_root_of_any_scheme(runner, tmp_path):
    f = uris.with_runner(runner)
    (path,) = f("a.csv", root=str(tmp_path / "other root"))
    assert path.startswith(f"file://{tmp_path}/other%20root/mops1/out/")
    assert os.path.isdir(os.path.dirname(path.removeprefix("file://").replace("%20", " ")))
    assert f("a.csv", root="memory://elsewhere")[0].startswith("memory://elsewhere/mops1/out/")
    assert f("a.csv", root="adls://account/container")[0].startswith("adls://account/container/mops1/out/")


def test_outside_of_a_call_an_output_is_a_fresh_temporary_file():
    one, other = invocation_output_fqn(name="sub/a.csv"), invocation_output_fqn(name="sub/a.csv")
    assert one != other
    for uri in (one, other, invocation_output_fqn("memory://root")):
        with open(uri.removeprefix("file://"), "w") as file:
            file.write("x")
    assert one.endswith("/a.csv")


def test_a_temporary_output_that_a_call_takes_or_returns_outlives_this_process(runner, root):
    def in_a_thread_that_knows_of_no_call():
        with ThreadPoolExecutor(1) as pool:
            uri = pool.submit(invocation_output_fqn, "", "a.csv").result()
        Path(uri.removeprefix("file://")).write_text("x")
        return Source.from_uri(uri)

    f = use_runner(runner)(in_a_thread_that_knows_of_no_call)
    f()
    assert f().uri.startswith(root.uri)
    assert f().path().read_text() == "x"


@pytest.mark.parametrize("name_of", [Source.from_uri, lambda uri: Source.from_file(path_of(uri))])
def test_what_was_written_at_its_uri_is_not_moved(tmp_path, name_of):
    runner = MemoizingPicklingRunner(blob_root=tmp_path / "root of all")

    def function():
        uri = invocation_output_fqn(name="sub/Table.csv")
        Path(path_of(uri)).write_text("x")
        source = name_of(uri)
        assert source.uri == uri
        return source

    source = run_in(runner, function)
    back = returned.with_runner(runner)(source) and returned.with_runner(runner)(source)
    assert back == source
    assert back.path().name == "Table.csv"
    assert [path.name for path in (tmp_path / "root of all").glob("mops1/out/**/*.csv")] == ["=54able.csv"]
    assert not (tmp_path / "root of all" / "mops1" / "blob").exists()


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def returned(source):
    return source


# ------------------------------------------------------------------------------------------------ open_output
@pytest.mark.parametrize("content", [b"", b"bytes", "", "täxt\n", b"x" * (3 << 20)])
def test_what_is_written_is_what_is_read(runner, root, content):
    f = saved.with_runner(runner)
    computed, stored = f("sub/a.bin", content), f("sub/a.bin", content)
    assert computed == stored
    expected = content.encode() if isinstance(content, str) else content
    assert stored.path().read_bytes() == expected
    assert stored.size == len(expected)
    assert stored.uri.endswith("/sub/a.bin")
    assert [root.get(key) for key in outputs(root)] == [expected]


NAMES = ["", ".", "..", "a/..", "../../a.txt", "/etc/a.txt", "a//b/", "-", "Ä b\n%00.CSV", "~"]


@pytest.mark.parametrize("name", NAMES)
def test_an_output_may_have_any_name_and_stays_in_the_folder_of_its_run(runner, root, name):
    f = saved.with_runner(runner)
    f(name, "x")
    source = f(name, "x")
    folder = source.uri.partition("/mops1/out/")[2].split("/")
    assert folder[1].endswith("--saved")
    assert not {".", ".."} & set(folder)
    assert source.path().read_text() == "x"
    assert saved.__wrapped__(name, "x").path().read_text() == "x"


def test_a_name_that_no_file_can_have_is_an_error_of_the_system():
    with pytest.raises(OSError, match="name too long"):
        open_output("a" * 300)
    with pytest.raises(ValueError, match="null byte"):
        open_output("a\0")


def test_a_name_may_be_a_path_object(runner):
    with open_output(Path("sub/a.txt"), "w") as file:
        file.write("x")
    assert file.source.path().name == "a.txt"
    assert run_in(runner, lambda: invocation_output_fqn(name=Path("sub/a.csv"))).endswith("/sub/a.csv")
    for make in (open_output, lambda name: invocation_output_fqn(name=name)):
        with pytest.raises(TypeError, match="not NoneType"):
            make(None)


def test_a_name_that_is_given_as_the_root_is_refused_with_how_to_give_it(runner, folder):
    def misnamed():
        return invocation_output_fqn("a.csv")

    for misname in (misnamed, lambda: run_in(runner, misnamed)):
        with pytest.raises(ConfigurationError, match=r"'a\.csv' is no root") as caught:
            misname()
        assert "name='a.csv'" in caught.value.advice
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("mode", ["wb", "w"])
def test_an_output_that_is_returned_itself_says_what_to_return(runner, caplog, mode):
    def function():
        with open_output("a.txt", mode) as file:
            pass
        return file

    use_runner(runner)(function)()
    assert "return its .source" in caplog.text


def test_text_has_the_encoding_and_the_line_ends_that_are_asked_for(folder):
    with open_output("a.txt", "w", encoding="utf-16", newline="\r\n") as file:
        print("ä", file=file)
    assert file.source.path().read_bytes().decode("utf-16") == "ä\r\n"
    with open_output("a.txt", "w", encoding="ascii", errors="replace") as file:
        file.write("ä")
    assert file.source.path().read_bytes() == b"?"


def test_an_output_is_a_file_of_io():
    with open_output() as binary, open_output(mode="w") as text:
        assert isinstance(binary, io.BufferedIOBase)
        assert isinstance(text, io.TextIOBase)
        assert binary.seekable()
        binary.write(b"abc")
        binary.seek(1)
        binary.write(b"B")
        assert os.fstat(binary.fileno())
    assert binary.source.path().read_bytes() == b"aBc"
    assert binary.closed
    assert text.closed


def test_an_output_is_in_the_store_as_soon_as_it_is_closed(runner, root):
    def function():
        before = outputs(root)
        with open_output("a.txt", "w") as file:
            file.write("x")
            file.flush()
            during = outputs(root)
        file.close()
        return before, during, file.source.uri

    before, during, uri = run_in(runner, function)
    assert before == during == []
    assert [f"{root.uri}/{key}" for key in outputs(root)] == [uri]


def run_in(runner, function):
    """What a function returns that runs in a call, whatever it captures."""
    found = []
    CAPTURED[len(CAPTURED)] = lambda: found.append(function())
    captured.with_runner(runner)(len(CAPTURED) - 1)
    return found[0]


CAPTURED = {}


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"), logic_key="1")
def captured(number):
    CAPTURED[number]()


def test_an_exception_inside_of_with_stores_nothing(runner, root):
    with pytest.raises(ValueError, match=r"a\.txt"):
        fails_half_way.with_runner(runner)("a.txt")
    assert not outputs(root)


@pytest.mark.parametrize("mode", ["wb", "w"])
def test_a_disk_that_is_full_half_way_is_an_error_and_nothing_is_stored(runner, root, mode):
    def function():
        full = os.open("/dev/full", os.O_WRONLY)
        try:
            with pytest.raises(OSError, match="No space left"), open_output("a.txt", mode) as file:
                os.dup2(full, file.fileno())
                file.write("half" if mode == "w" else b"half")
        finally:
            os.close(full)
        with pytest.raises(ConfigurationError, match="given up"):
            file.source  # noqa: B018

    run_in(runner, function)
    assert not outputs(root)


def test_an_output_that_nobody_closed_is_not_stored(runner, root):
    def function():
        file = open_output("a.txt")
        file.write(b"half")
        del file
        gc.collect()

    with pytest.warns(ResourceWarning, match="unclosed"):
        run_in(runner, function)
    assert not outputs(root)


def test_an_output_has_no_source_before_it_is_closed():
    with open_output() as file, pytest.raises(ConfigurationError, match="once it is closed"):
        file.source  # noqa: B018
    with pytest.raises(ZeroDivisionError), open_output() as given_up:
        raise ZeroDivisionError
    with pytest.raises(ConfigurationError, match="given up"):
        given_up.source  # noqa: B018


@pytest.mark.parametrize("mode", ["r", "a", "w+b", "x"])
def test_an_output_is_new_and_is_written_once(mode):
    with pytest.raises(ConfigurationError, match="mode"):
        open_output("a.txt", mode)


def test_outputs_of_a_nested_call_lie_under_its_own_folder(runner, root):
    inner = saved.with_runner(runner)

    def outer():
        mine, its = saved.__wrapped__("mine.txt", "x"), inner("its.txt", "y")
        return mine, its

    mine, its = run_in(runner, outer)
    assert "--captured@1/" in mine.uri
    assert "--saved/" in its.uri
    assert its == inner("its.txt", "y")


def test_threads_of_one_call_may_write_at_the_same_time(runner, root):
    import contextvars

    def function():
        barrier = threading.Barrier(4)

        def write(number):
            barrier.wait()
            with open_output("a.txt", "w") as file:
                file.write(str(number))
            return file.source

        with ThreadPoolExecutor(4) as pool:
            contexts = [contextvars.copy_context() for _ in range(4)]
            return list(pool.map(lambda context, number: context.run(write, number), contexts, range(4)))

    sources = run_in(runner, function)
    assert [source.path().read_text() for source in sources] == list("0123")
    assert len({source.uri for source in sources}) == 4


# ------------------------------------------------------------------------------------------------ bypassed
def test_without_mops_a_function_works_on_temporary_files(folder):
    bypassed = use_runner(MemoizingPicklingRunner(blob_root=str(folder / "root")), skip_runner=True)
    for function in (saved.__wrapped__, bypassed(saved.__wrapped__)):
        source = function("sub/a.txt", "x")
        assert source.path().read_text() == "x"
        assert source.uri.endswith("/a.txt")
    assert bypassed(in_tempdir.__wrapped__)("x").path().read_text() == "x"
    assert not os.listdir(folder)


def test_in_memory_outputs_are_stored_like_results(folder):
    f = use_runner(MemoizingPicklingRunner(blob_root=str(folder / "root")))(saved.__wrapped__)
    with in_memory():
        assert f("a.txt", "x") == f("a.txt", "x")
        assert f("a.txt", "x").path().read_text() == "x"
        assert f("a.txt", "x").uri.startswith("memory://")
    assert not os.listdir(folder)


# ------------------------------------------------------------------------------------------------ tempdir
def test_the_path_below_a_temporary_folder_is_kept_in_the_uri(runner):
    f = in_tempdir.with_runner(runner)
    f("x")
    assert f("x").uri.endswith("/sub/a.txt")
    assert f("x").path().read_text() == "x"


def test_each_request_makes_a_folder_that_outlives_the_call(runner):
    inside = run_in(runner, lambda: [tempdir(), tempdir()])
    assert len({*inside, tempdir(), tempdir()}) == 4
    assert all(folder.is_dir() for folder in inside)


def test_submitted_calls_and_maps_write_where_direct_ones_do(runner):
    f = saved.with_runner(runner)
    sources = list(f.map([f"{number}.txt" for number in range(5)], list("01234")))
    assert [source.path().read_text() for source in sources] == list("01234")
    assert f.submit("9.txt", "9").result() == f("9.txt", "9")
