"""Bringing one value out of a root: to standard output, or into a file."""

import os
import pickle
import subprocess
import sys
import textwrap
from importlib import import_module, invalidate_caches
from itertools import count
from pathlib import Path

import pytest

from mops import InThreadShell, MemoizingPicklingRunner, use_runner
from mops.__main__ import main
from mops.cli import get as getting

_numbers = count(1)
NOTE = "note: unpickling the value, which runs whatever code the pickle names\n"
MB = 1 << 20

FUNCTIONS = """
    from pathlib import Path

    import mops

    def plain():
        return {"a": [1, 2]}

    def text():
        return "h\\u00e9llo\\n\\x1b[31mred"

    def surrogate():
        return "\\ud800"

    def data(size):
        return b"\\x00\\xff" * (size // 2)

    def local():
        class Local:
            pass
        return Local()

    def path(name):
        file = mops.tempdir() / name
        file.write_text(f"of {name}")
        return file

    def paths():
        return {name: path(name) for name in ("a", "b")}

    def folder():
        folder = mops.tempdir() / "tree"
        (folder / "sub").mkdir(parents=True, exist_ok=True)
        (folder / "sub" / "file").write_text("in a folder")
        (folder / "empty").mkdir(exist_ok=True)
        tool = folder / "tool"
        tool.write_text("runs")
        tool.chmod(0o755)
        return folder

    def source():
        with mops.open_output("out.txt", "w") as out:
            out.write("of a source")
        return out.source

    def outside(path):
        return mops.Source.from_file(path)

    def fail():
        raise ValueError
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Call one of the functions; the URI of everything about the call."""
    name = f"bring_out_{os.getpid()}_{next(_numbers)}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(FUNCTIONS))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    invalidate_caches()
    module = import_module(name)
    runner = MemoizingPicklingRunner(InThreadShell(), str(tmp_path / "root"))

    def call_function(function, *args):
        function = use_runner(runner)(getattr(module, function))
        function(*args)
        return function.memo_uri(*args)

    call_function.runner, call_function.module = runner, module
    yield call_function
    sys.modules.pop(name, None)


@pytest.fixture
def run(capfdbinary, monkeypatch):
    """Run a command in this process, piped: its status, what it wrote, and what it said."""

    def run_command(*arguments):
        monkeypatch.setattr(sys, "argv", ["mops", *map(str, arguments)])
        capfdbinary.readouterr()
        status = main()
        out, err = capfdbinary.readouterr()
        return status, out, err.decode()

    return run_command


@pytest.fixture
def file(tmp_path):
    return tmp_path / "brought"


def leftovers(file):
    return [path.name for path in file.parent.iterdir() if path.name.startswith(".mops-")]


# ------------------------------------------------------------------------------------------------ what is brought out
@pytest.mark.parametrize(
    ("function", "args", "content"),
    [
        ("text", (), "héllo\n\x1b[31mred".encode()),
        ("surrogate", (), b"\xed\xa0\x80"),
        ("data", (10,), b"\x00\xff" * 5),
        ("path", ("a.txt",), b"of a.txt"),
        ("source", (), b"of a source"),
    ],
)
def test_what_has_bytes_is_written_as_they_are_and_unpickling_is_said(call, run, file, function, args, content):
    uri = call(function, *args)
    assert run("cat", uri) == (0, content, NOTE)
    assert run("get", uri, file) == (0, b"", NOTE)
    assert file.read_bytes() == content
    assert leftovers(file) == []


def test_what_a_codec_has_stored_is_written_as_it_is_and_nothing_is_unpickled(call, run, file):
    uri = call("data", 3 * MB)
    status, out, err = run("cat", uri)
    assert (status, out == b"\x00\xff" * (3 * MB // 2), err) == (0, True, "")
    assert run("get", uri, file) == (0, b"", "")
    assert file.read_bytes() == out


def test_another_value_is_shown_as_python_shows_it_and_brought_out_as_a_pickle(call, run, file):
    uri = call("plain")
    assert run("cat", uri) == (0, b"{'a': [1, 2]}\n", NOTE)
    status, out, err = run("get", uri, file)
    assert (status, out, err) == (0, b"", NOTE + "note: the value is a dict, and is written as a pickle\n")
    assert pickle.loads(file.read_bytes()) == {"a": [1, 2]}


def test_a_directory_is_brought_out_whole_and_may_be_changed(call, run, file):
    uri = call("folder")
    status, out, err = run("cat", uri)
    assert (status, out) == (1, b"")
    assert err == f"{NOTE}Error: {uri} is a directory; mops get brings it out\n"
    assert run("get", uri, file)[0] == 0
    assert (file / "sub" / "file").read_text() == "in a folder"
    assert (file / "empty").is_dir()
    assert os.access(file / "tool", os.X_OK)
    assert not os.access(file / "sub" / "file", os.X_OK)
    assert (file / "sub" / "file").stat().st_mode & 0o200, "it is the user's now"
    assert leftovers(file) == []


def test_the_addresses_that_inspect_shows_are_brought_out_too(call, run, file):
    for uri, content in (
        (call("paths"), b"of "),
        (call("source"), b"of a source"),
        (call("data", 2 * MB), b"\x00\xff"),
    ):
        shown = run("inspect", uri)[1].decode()
        lines = [line for line in shown.splitlines() if line.split()[:1] in (["file"], ["source"], ["payload"])]
        assert lines, shown
        for line in lines:
            *_, size, there, address = line.split()
            assert there == "there"
            status, out, err = run("cat", address)
            assert (status, len(out), err) == (0, int(size), "")
            assert out.startswith(content)
            assert run("get", "--force", address, file)[0] == 0
            assert file.read_bytes() == out


def test_a_source_outside_of_the_root_is_found_by_its_own_uri(call, run, tmp_path):
    outside = tmp_path / "outside, with a space"
    outside.write_text("elsewhere")
    assert run("cat", call("outside", str(outside)))[:2] == (0, b"elsewhere")
    assert run("cat", outside.as_uri())[:2] == (0, b"elsewhere")
    assert run("cat", outside)[:2] == (0, b"elsewhere")


def test_sizes_and_codecs_and_files_that_are_gone_are_inspected_without_unpickling(call, run, tmp_path):
    uri = call("paths")
    shown = run("inspect", uri)[1].decode()
    assert "  codec         pickle5\n" in shown
    gone, *_ = (line.split()[-1] for line in shown.splitlines() if line.startswith("  file "))
    Path(gone.removeprefix("file://")).unlink()
    lines = [line.split() for line in run("inspect", uri)[1].decode().splitlines() if line.startswith("  file ")]
    assert sorted(line[3] for line in lines) == ["gone", "there"]
    assert [line[:3] for line in lines] == [["file", "a", "4"], ["file", "b", "4"]]
    sizes = [row.split(b"\t")[4] for row in run("ls", tmp_path / "root")[1].splitlines()]
    assert int(sizes[0]) > 8, "files count"
    assert "  codec         bytes\n" in run("inspect", call("data", 2 * MB))[1].decode()


# ------------------------------------------------------------------------------------------------ what is refused
@pytest.mark.parametrize("command", ["cat", "get"])
def test_what_is_not_there_is_said_in_a_line(call, run, tmp_path, file, command):
    root = call.runner
    fail = use_runner(root)(call.module.fail)
    with pytest.raises(ValueError):
        fail()
    blob = f"file://{tmp_path}/root/mops1/blob/00/{'00' * 32}"
    more = [file] if command == "get" else []
    for uri, said in {
        fail.memo_uri(): "Error: there is no value: the call is failed\n",
        use_runner(root)(call.module.plain).memo_uri(): "Error: there is no value: nothing is stored about the call\n",
        blob: f"Error: there is no {blob}\n",
        f"{tmp_path}/nothing": f"Error: there is no file://{tmp_path}/nothing\n",
        "memory://x/mops1/out/y": "error: memory://x lives in the memory of the process that uses it; nobody",
        "nobody://knows/mops1/out/y": "error: nobody://knows names no blob root that this mops can open",
        "nobody://knows": "error: ",
        "/dev/null": "Error: file:///dev/null is no file\n",
    }.items():
        status, out, err = run(command, uri, *more)
        assert (status, out, err.startswith(said)) == (1, b"", True), err
        assert err.count("\n") == 1 or "\n  " in err
    assert not file.exists()
    assert leftovers(file) == []


@pytest.mark.parametrize("command", ["cat", "get"])
def test_damaged_bytes_are_never_brought_out(call, run, file, command):
    uri = call("data", 2 * MB)
    address = next(line.split()[-1] for line in run("inspect", uri)[1].decode().splitlines() if " payload " in line)
    blob = Path(address.removeprefix("file://"))
    damaged = bytearray(blob.read_bytes())
    damaged[MB] ^= 1
    blob.unlink()
    blob.write_bytes(damaged)
    for each in (uri, address):
        status, out, err = run(command, each, *([file] if command == "get" else []))
        assert (status, out) == (1, b"")
        assert "does not hold the bytes of its digest" in err
    assert not file.exists()


def test_what_stands_is_not_replaced_unasked(call, run, file, tmp_path):
    uri = call("text")
    file.write_text("precious")
    assert run("get", uri, file) == (1, b"", f"Error: {file} exists; --force replaces it\n")
    assert file.read_text() == "precious"
    assert run("get", "--force", uri, file)[0] == 0
    assert file.read_text().startswith("héllo")
    assert run("get", "--force", uri, tmp_path)[2] == f"Error: {tmp_path} is a directory\n"
    missing = tmp_path / "missing" / "file"
    assert run("get", uri, missing)[2] == f"Error: there is no folder {missing.parent}\n"
    dangling = tmp_path / "dangling"
    dangling.symlink_to("nowhere")
    assert run("get", uri, dangling)[0] == 1
    assert dangling.is_symlink()


def test_what_appears_meanwhile_is_not_replaced(call, run, file, monkeypatch):
    uri = call("text")
    publish = getting._publish

    def somebody_else_first(draft, target, *, force):
        target.write_text("precious")
        publish(draft, target, force=force)

    monkeypatch.setattr(getting, "_publish", somebody_else_first)
    assert run("get", uri, file)[0] == 1
    assert file.read_text() == "precious"
    assert leftovers(file) == []


def test_a_file_system_without_links_is_written_to_all_the_same(call, run, file, monkeypatch):
    def no_link(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", no_link)
    assert run("get", call("path", "a"), file)[0] == 0
    assert file.read_text() == "of a"


def test_a_value_that_names_files_is_not_pickled_without_them(call, run, file):
    status, _, err = run("get", call("paths"), file)
    assert status == 1
    assert "the value is a dict that names files: bring out each of them by its URI, which mops inspect shows" in err
    assert not file.exists()


def test_a_value_that_cannot_be_pickled_by_itself_is_refused_in_a_line(call, run, file):
    status, _, err = run("get", call("local"), file)
    assert status == 1
    assert "Error: the value is a " in err
    assert "which cannot be pickled by itself: " in err
    assert not file.exists()
    assert leftovers(file) == []


# ------------------------------------------------------------------------------------------------ streams
def test_a_reader_that_has_seen_enough_is_no_error(call):
    command = [sys.executable, "-m", "mops", "cat", call("data", 4 * MB)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.read(2) == b"\x00\xff"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


def test_bulk_is_never_held_in_memory(call, tmp_path, file):
    uri = call("data", 256 * MB)
    program = (
        "import re, sys\n"
        "from mops.cli import main\n"
        "status = main()\n"
        "sys.stderr.write(re.search('VmHWM:(.*)kB', open('/proc/self/status').read())[1])\n"
        "sys.exit(status)\n"
    )
    out = tmp_path / "out"
    for arguments in (["cat", uri], ["get", uri, file]):
        with out.open("ab") as stream:
            done = subprocess.run(
                [sys.executable, "-c", program, *arguments], stdout=stream, stderr=subprocess.PIPE, check=True
            )
        assert int(done.stderr) < 64 * 1024, arguments
    assert out.stat().st_size == file.stat().st_size == 256 * MB
