"""Paths as arguments and results of real processes: by content, read-only, under their final name."""

import os

import pytest

STAGE = """
from pathlib import Path

@use_runner(MemoizingPicklingRunner({shell}, root))
def shout(path: Path) -> Path:
    with open("ran", "a") as file:
        file.write(f"{{path.name}}\\n")
    out = Path("shouted-" + path.name)
    out.write_text(path.read_text().upper())
    return out

@use_runner(MemoizingPicklingRunner({shell}, root))
def names(directory: Path):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))

@use_runner(MemoizingPicklingRunner({shell}, root))
def make(count: int) -> Path:
    folder = Path(f"made-{{count}}")
    (folder / "empty").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{{number}}.txt").write_text(str(number))
    return folder

@use_runner(MemoizingPicklingRunner({shell}, root), ignore=("log",))
def logged(x: int, log: Path) -> int:
    with open(log, "a") as file:
        file.write(f"{{x}}\\n")
    return x

@use_runner(MemoizingPicklingRunner({shell}, root))
def slow(path: Path) -> str:
    text = path.read_text()
    Path("started").write_text("")
    while not Path("go").exists():
        time.sleep(0.01)
    return text
"""
SHELLS = ["InThreadShell()", "SubprocessShell()", "ForkServerShell()"]
each_shell = pytest.mark.parametrize("shell", SHELLS)
each_remote_shell = pytest.mark.parametrize("shell", SHELLS[1:])


@pytest.fixture
def stage(project):
    def write(shell):
        project.write("stage.py", STAGE.format(shell=shell))
        return project

    return write


@each_shell
def test_a_file_goes_by_content_and_comes_back_read_only_under_its_name(stage, shell):
    project = stage(shell)
    out = project.script("""
        from stage import Path, shout
        os.makedirs("here"), os.makedirs("there")
        Path("here/a.txt").write_text("one"), Path("there/a.txt").write_text("one"), Path("b.txt").write_text("one")
        for path in ("here/a.txt", "there/a.txt", os.path.abspath("here/a.txt"), "b.txt"):
            shout(Path(path))
        os.remove("shouted-a.txt")
        hit = shout(Path("here/a.txt"))
        print(hit.name, hit.read_text(), oct(hit.stat().st_mode & 0o777), hit.is_absolute())
        Path("here/a.txt").write_text("two")
        print(shout(Path("here/a.txt")).read_text())
    """)
    assert out == "shouted-a.txt ONE 0o444 True\nTWO\n"
    assert project.lines("ran") == ["a.txt", "b.txt", "a.txt"]


@each_shell
def test_what_a_function_returned_can_be_handed_on(stage, shell):
    project = stage(shell)
    out = project.script("""
        from stage import Path, shout
        Path("a.txt").write_text("one")
        print([shout(shout(Path("a.txt"))).name for _ in range(2)])
    """)
    assert out == "['shouted-shouted-a.txt', 'shouted-shouted-a.txt']\n"
    assert project.lines("ran") == ["a.txt", "shouted-a.txt"]


@each_shell
def test_editing_a_file_afterwards_changes_nothing_stored(stage, shell):
    project = stage(shell)
    out = project.script("""
        from stage import Path, shout
        Path("a.txt").write_text("one")
        shout(Path("a.txt"))
        with open("shouted-a.txt", "r+") as file:
            file.write("X")
        with open("a.txt", "r+") as file:
            file.write("XXX")
        Path("a.txt").write_text("one")
        print(shout(Path("a.txt")).read_text())
    """)
    assert out == "ONE\n"
    assert project.lines("ran") == ["a.txt"]


@each_shell
def test_a_directory_travels_with_all_that_is_in_it(stage, shell):
    project = stage(shell)
    out = project.script("""
        from stage import make, names
        import shutil
        print(make(3).name)
        shutil.rmtree("made-3")
        hit = make(3)
        print(hit.name, (hit / "2.txt").read_text(), oct((hit / "2.txt").stat().st_mode & 0o777))
        print(names(hit))
    """)
    assert out == "made-3\nmade-3 2 0o444\n['0.txt', '1.txt', '2.txt', 'empty']\n"


@each_shell
@pytest.mark.parametrize("path", ["nothing", "/nothing/here.txt", "here/nothing"])
def test_a_path_to_nothing_is_refused_before_anything_runs(stage, shell, path):
    project = stage(shell)
    done = project.run(
        project.write("script.py", f"from stage import Path, shout\nshout(Path({path!r}))\n"), check=False
    )
    assert done.returncode == 1
    assert "UnkeyableArgumentError: path: " in done.stderr
    for advice in ("mops.open_output", "str(path)", "ignore="):
        assert advice in done.stderr
    assert project.lines("ran") == []


@each_shell
def test_a_result_that_is_a_path_to_nothing_is_told(stage, shell):
    project = stage(shell)
    done = project.run(
        project.write(
            "script.py",
            f"""
            from pathlib import Path

            @use_runner(MemoizingPicklingRunner({shell}, root))
            def lost():
                return {{"files": [Path("nothing")]}}

            lost()
            """,
        ),
        check=False,
    )
    assert "nothing" in done.stderr
    assert "['files'][0]" in done.stderr
    assert done.returncode == (0 if "InThread" in shell else 1)  # in this thread the value is there, and is returned


@each_shell
def test_an_ignored_argument_names_a_place_whether_something_is_there_or_not(stage, shell):
    project = stage(shell)
    project.script("""
        from stage import Path, logged
        for x in (1, 2, 1):
            logged(x, Path("log.txt"))
            logged(x, log=Path("log.txt"))
    """)
    assert project.lines("log.txt") == ["1", "2"]


@each_shell
def test_a_result_whose_file_has_gone_is_a_miss_with_one_warning(stage, shell):
    project = stage(shell)
    text = """
        from stage import Path, shout
        Path("a.txt").write_text("one")
        print(shout(Path("a.txt")).read_text())
    """
    project.script(text)
    for blob in (project.root / "mops1" / "blob").rglob("*"):
        if blob.is_file():
            blob.unlink()
    done = project.run(project.write("script.py", text))
    assert done.stdout == "ONE\n"
    assert done.stderr.count("is gone") == 1
    assert project.lines("ran") == ["a.txt", "a.txt"]
    assert project.run(project.write("script.py", text)).stderr == ""


@each_shell
def test_a_damaged_file_is_never_delivered(stage, shell):
    project = stage(shell)
    text = """
        from stage import Path, shout
        Path("a.txt").write_text("one")
        print(shout(Path("a.txt")).read_text())
    """
    project.script(text)
    damaged = [path for part in ("mops1/blob", "~files") for path in (project.root / part).rglob("*") if path.is_file()]
    for path in damaged:
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().replace(b"O", b"X"))
    done = project.run(project.write("script.py", text))
    assert done.stdout == "ONE\n"


def test_an_input_that_is_changed_while_the_function_runs_here_stores_nothing(stage):
    project = stage(SHELLS[0])
    (project.folder / "a.txt").write_text("one")
    process = project.start(
        project.write("script.py", "from stage import Path, slow\nprint(slow(Path('a.txt')))\n"), stderr=-1
    )
    project.wait_until((project.folder / "started").exists)
    (project.folder / "a.txt").write_text("two")
    (project.folder / "go").write_text("")
    out, err = process.communicate(timeout=60)
    assert out == "one\n"
    assert "not stored" in err
    assert "a.txt, which the call is keyed by, was changed while the function ran" in err
    assert project.results() == []


@each_remote_shell
def test_a_remote_keeps_the_content_that_the_call_was_keyed_by(stage, shell):
    project = stage(shell)
    (project.folder / "a.txt").write_text("one")
    process = project.start(project.write("script.py", "from stage import Path, slow\nprint(slow(Path('a.txt')))\n"))
    project.wait_until((project.folder / "started").exists)
    (project.folder / "a.txt").write_text("two")
    (project.folder / "go").write_text("")
    assert process.communicate(timeout=60)[0] == "one\n"
    assert len(project.results()) == 1


@each_remote_shell
def test_files_of_one_content_are_stored_once(stage, shell):
    project = stage(shell)
    project.script("""
        from stage import Path, shout
        for name in ("a.txt", "b.txt", "c.txt"):
            Path(name).write_text("the same")
            shout(Path(name))
    """)
    blobs = [path for path in (project.root / "mops1" / "blob").rglob("*") if path.is_file()]
    assert sorted(path.read_text() for path in blobs) == ["THE SAME", "the same"]
    assert all(os.stat(path).st_nlink == 1 for path in blobs)


@each_remote_shell
def test_two_files_of_equal_name_and_content_stay_two(stage, shell):
    project = stage(shell)
    project.write(
        "counting.py",
        f"""
        from pathlib import Path
        runner = MemoizingPicklingRunner({shell}, root)

        @use_runner(runner)
        def count(sizes):
            return len(sizes), sum(sizes.values()), {{path.read_text() for path in sizes}}

        @use_runner(runner)
        def marks(runs):
            made = {{}}
            for run in range(runs):
                path = Path(f"run-{{run}}") / "_SUCCESS"
                path.parent.mkdir(exist_ok=True)
                path.touch()
                made[path] = run
            return made, [Path("run-1/_SUCCESS"), *made]
    """,
    )
    out = project.script("""
        from pathlib import Path
        from counting import count, marks

        for folder in ("a", "b"):
            os.mkdir(folder)
            Path(folder, "state").write_text("same")
        print(count({Path("a/state"): 1, Path("b/state"): 2}))
        for _ in range(2):
            made, (one, *others) = marks(500)
            print(len(made), sum(made.values()), made[one], len(set(others)))
            print({path.name for path in made}, all(map(os.path.isfile, made)))
    """)
    found = ["500 124750 1 500", "{'_SUCCESS'} True"]
    assert out.splitlines() == ["(2, 3, {'same'})", *found, *found]


@each_shell
def test_what_a_path_of_a_subclass_has_besides_its_path_counts_and_travels(stage, shell):
    project = stage(shell)
    project.write(
        "labels.py",
        f"""
        from pathlib import Path

        class Labelled(type(Path())):
            __slots__ = ("unit", "__dict__")

        def labelled(path, unit, label):
            made = Labelled(path)
            made.unit, made.label = unit, label
            return made

        @use_runner(MemoizingPicklingRunner({shell}, root))
        def labels(path):
            return path.unit, path.label, path.read_text()
    """,
    )
    out = project.script("""
        from labels import labelled, labels

        open("data.txt", "w").write("data")
        for unit, label in (("m", "x"), ("m", "y"), ("s", "y")):
            print(*labels(labelled("data.txt", unit, label)))
    """)
    assert out == "m x data\nm y data\ns y data\n"


@each_remote_shell
def test_a_path_that_a_function_captured_travels_with_its_file_as_an_argument(stage, shell):
    project = stage(shell)
    out = project.script(f"""
        from pathlib import Path

        DATA = Path("data.txt").absolute()

        @use_runner(MemoizingPicklingRunner({shell}, root), ignore=("log",))
        def places(log, *paths):
            return str(log["place"]), str(DATA), *map(str, paths)

        DATA.write_text("data")
        log, captured, first, second = places({{"place": DATA}}, DATA, DATA)
        print(log == captured == str(DATA), first == second != captured, open(first).read())
    """)
    assert out == "True True data\n"
