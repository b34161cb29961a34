"""Large results lie in the store as files that others read, and no side holds a large value in memory twice."""

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

LIBRARY = """
    import threading
    import numpy as np, pandas as pd, polars as pl, pyarrow as pa

    ROWS = 4 << 20  # of 16 bytes

    def numpy_value(): return np.ones((ROWS, 2))
    def numpy_in_columns(): return np.ones((2, ROWS)).T
    def pandas_value(): return pd.DataFrame(np.ones((ROWS, 2)), columns=["a", "b"])
    def polars_value(): return pl.DataFrame({"a": np.ones(ROWS), "b": np.ones(ROWS, np.int64)})
    def polars_series(): return pl.Series("a", np.ones(2 * ROWS))
    def polars_nested(): return {"frame": polars_value()}
    def arrow_value(): return pa.table({"a": np.ones(ROWS), "b": np.ones(ROWS, np.int64)})
    def arrow_nested(): return [arrow_value()]
    def bytes_value(): return b"x" * (16 * ROWS)

    def memory(kind):
        for line in open("/proc/self/status"):
            if line.startswith(kind):
                return int(line.split()[1]) / 1024  # MiB

    def grown_during(step):
        # MiB of memory that belongs to no file, at most, beyond what there was before
        before, seen, over = memory("RssAnon"), [0], threading.Event()

        def watch():
            while not over.wait(0.0005):
                seen.append(memory("RssAnon"))

        watching = threading.Thread(target=watch)
        watching.start()
        step()
        over.set()
        watching.join()
        return max(*seen, memory("RssAnon")) - before
"""
SIZE = 64  # MiB
KINDS = [
    "numpy_value",
    "numpy_in_columns",
    "pandas_value",
    "polars_value",
    "polars_series",
    "polars_nested",
    "arrow_value",
    "arrow_nested",
]
LITTLE = SIZE / 4  # MiB


@pytest.mark.parametrize("kind", [*KINDS, "bytes_value"])
def test_storing_a_large_result_takes_no_copy_of_it(project, kind):
    project.write("library.py", LIBRARY)
    grown = project.script(f"""
        import library, mops
        made = library.{kind}()
        small = use_runner(MemoizingPicklingRunner())(lambda: library.{kind})
        small()
        f = use_runner(MemoizingPicklingRunner())(lambda: library.made)
        library.made = made
        print(library.grown_during(f))
    """)
    assert float(grown) < LITTLE


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_result_is_not_copied_where_it_is_found(project, kind):
    project.write("library.py", LIBRARY)
    store = f"import library\nf = use_runner(MemoizingPicklingRunner())(library.{kind})\nf()\n"
    project.script(store)
    grown = project.script(
        f"{store[: store.rindex('f()')]}\n"
        "warm = use_runner(MemoizingPicklingRunner())(lambda: 1)\nwarm()\n"
        "print(library.grown_during(lambda: globals().update(result=f())))\n"
    )
    assert float(grown) < LITTLE


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_argument_reaches_a_remote_without_a_copy_on_either_side(project, kind):
    project.write(
        "library.py",
        LIBRARY
        + """
    @use_runner(MemoizingPicklingRunner(SubprocessShell()), ignore=["value"])
    def peak_with(value, kind):
        return memory("VmHWM")
    """,
    )
    here, empty, there = project.script(f"""
        import library
        value = library.{kind}()
        empty = library.peak_with(None, "none")
        seen = []
        here = library.grown_during(lambda: seen.append(library.peak_with(value, "{kind}")))
        print(here, empty, *seen)
    """).split()
    assert float(here) < LITTLE
    assert float(there) - float(empty) < SIZE + 2 * LITTLE  # the map itself, and the library of the value


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_argument_is_keyed_without_a_copy(project, kind):
    project.write("library.py", LIBRARY)
    grown = project.script(f"""
        import library
        value = library.{kind}()
        f = use_runner(MemoizingPicklingRunner())(lambda value: None)
        f.memo_uri(library.{kind}.__name__)
        print(library.grown_during(lambda: f.memo_uri(value)))
    """)
    assert float(grown) < LITTLE


def blob_of(project) -> Path:
    (blob,) = [path for path in project.root.glob("mops1/blob/*/*") if path.is_file()]
    return blob


@pytest.mark.parametrize("shell", ["InThreadShell()", "SubprocessShell()"])
def test_numpy_reads_a_stored_array(project, shell):
    project.write(
        "library.py",
        f"""
        import numpy as np

        @use_runner(MemoizingPicklingRunner({shell}))
        def f(count):
            return np.arange(count, dtype="<f4").reshape(2, -1).T
        """,
    )
    printed = project.script("from library import f\nfor _ in range(2): print(f(400_000).sum(), f(400_000).shape)\n")
    assert len(set(printed.splitlines())) == 1
    blob = blob_of(project)
    array = np.load(blob, mmap_mode="r")
    assert (array == np.arange(400_000, dtype="<f4").reshape(2, -1).T).all()
    assert blob.stat().st_size == 128 + array.nbytes  # alone, and its data on a multiple of 64


def test_arrow_and_polars_read_a_stored_frame(project):
    project.script("""
        import polars as pl

        @pure
        def f():
            return pl.DataFrame({"a": range(200_000), "b": ["text"] * 200_000})

        f()
    """)
    blob = blob_of(project)
    table = pa.ipc.open_file(pa.memory_map(str(blob))).read_all()
    frame = pl.read_ipc(blob.read_bytes())
    assert table.column("a").to_pylist() == frame["a"].to_list() == list(range(200_000))
    assert table.column("b")[0].as_py() == frame["b"][0] == "text"


def test_a_codec_of_a_users_stores_and_reads_results_of_remotes(project):
    project.write(
        "shapes.py",
        """
        import mops

        class Shape:
            def __init__(self, corners): self.corners = corners

        @mops.codec_for(Shape)
        class ShapeCodec:
            name = "shape1"
            def encode(self, value): return [b"corners:", value.corners]
            def decode(self, buffer): return Shape(bytes(buffer)[8:])

        @use_runner(MemoizingPicklingRunner(SubprocessShell()))
        def shape(count): return Shape(b"x" * count)
        """,
    )
    program = "from shapes import shape\nfor n in (3, 2 << 20): print(len(shape(n).corners))\n"
    assert project.script(program) == project.script(program) == f"3\n{2 << 20}\n"
    assert blob_of(project).read_bytes() == b"corners:" + b"x" * (2 << 20)
    listed = [path for path in project.results() if b'"codec":"shape1@shapes"' in path.read_bytes()]
    assert len(listed) == 2


def test_a_result_is_read_where_its_codec_was_never_imported(project):
    project.write(
        "shapes.py",
        """
        import mops
        class Shape: pass

        @mops.codec_for(Shape)
        class ShapeCodec:
            name = "shape1"
            def encode(self, value): return [b"a shape"]
            def decode(self, buffer): return Shape()
        """,
    )
    uri = project.script("""
        @pure
        def f():
            import shapes
            return shapes.Shape()

        f()
        print(f.memo_uri())
    """).strip()
    read = f"import sys, mops\nprint(type(mops.attach({uri!r}).result()).__module__)\n"
    assert project.script(read) == "shapes\n"
    (project.folder / "shapes.py").unlink()
    done = project.run(project.write("script.py", read), check=False)
    assert "UndecodableResultError" in done.stderr
    assert "shape1" in done.stderr
    assert "shapes" in done.stderr
