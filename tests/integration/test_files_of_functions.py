"""Files between real processes: named by sources, written as outputs, never moved by whoever only passes them on."""

import os
import signal
from pathlib import Path

import pytest

MODULE = """
    from pathlib import Path

    shell = ForkServerShell() if os.environ.get("WARM") else SubprocessShell()
    there = use_runner(MemoizingPicklingRunner(shell))


    def tell(line):
        with open("log.txt", "a") as log:
            print(line, file=log)


    @there
    def produce(text: str) -> Source:
        tell(f"produce {text}")
        with open_output("deep/raw.txt", "w") as file:
            file.write(text)
        return file.source


    @there
    def refine(source: Source) -> Source:
        tell(f"refine {os.path.basename(source)}")
        path = Path(".out/sub") / f"{os.getpid()}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Path(source).read_text().upper())
        return Source.from_file(path)


    @there
    def measure(*sources: Source) -> list:
        tell("measure")
        return [source.size for source in sources]


    @there
    def by_uri(name: str) -> Source:
        uri = invocation_output_fqn(name=name)
        with open(uri.removeprefix("file://"), "w") as file:
            file.write(name)
        return Source.from_uri(uri)


    @there
    def drafted(how: str):
        folder = tempdir()
        (folder / "a.txt").write_text("draft")
        tell(folder)
        if how == "killed":
            os.kill(os.getpid(), 9)
        if how == "fails":
            raise ValueError(how)
        if how == "hangs":
            time.sleep(600)
        return Source.from_file(folder / "a.txt")


    @there
    def nested(text: str) -> Source:
        return pure(produce.__wrapped__)(text)


    @there
    def passed_on(text: str) -> Source:
        with open_output("outer.txt", "w") as file:
            file.write(text)
        return refine(file.source)
"""


@pytest.fixture(params=["subprocess", "fork server"])
def stages(project, request):
    """A project of functions that run in remotes of one kind."""
    project.write("stages.py", MODULE)
    environment = project.environment(WARM="1" if request.param == "fork server" else "")
    project.environment = lambda **more: {**environment, **more}
    return project


def copies(project):
    """The files that were brought from the store, by their content."""
    return sorted(path.read_text() for path in project.root.glob("~files/**/content"))


def test_a_result_that_is_handed_on_is_never_downloaded_by_whoever_passes_it(stages):
    out = stages.script("""
        from stages import *
        first = produce("abc")
        print(first.size, first.uri.rpartition("/")[2])
        second = refine(first)
        print(second.size, measure(first, second))
        """)
    assert out.splitlines() == ["3 raw.txt", "3 [3, 3]"]
    assert copies(stages) == ["abc"]  # the one that refine read
    assert stages.lines("log.txt") == ["produce abc", "refine raw.txt", "measure"]


def test_another_program_finds_all_of_a_chain_and_moves_nothing(stages):
    text = "from stages import *\nprint(measure(produce('abc'), refine(produce('abc'))))"
    assert stages.script(text) == stages.script(text) == "[3, 3]\n"
    assert stages.lines("log.txt") == ["produce abc", "refine raw.txt", "measure"]
    assert copies(stages) == ["abc"]


def test_a_source_is_read_where_it_is_needed(stages):
    out = stages.script("""
        from stages import *
        source = refine(produce("abc"))
        with open(source) as file:
            print(file.read(), oct(source.path().stat().st_mode & 0o777), source.uri.rpartition("/")[0][-4:])
        """)
    assert out == "ABC 0o444 /sub\n"


def test_an_output_can_be_written_by_its_uri(stages):
    out = stages.script("""
        from stages import *
        source = by_uri("table.csv")
        print(source.path().read_text(), source.path().name, source == by_uri("table.csv"))
        """)
    assert out == "table.csv table.csv True\n"


def test_a_local_file_goes_along_as_an_argument_and_is_stored_once(stages):
    (stages.folder / "local.txt").write_text("local")
    out = stages.script("""
        from stages import *
        local = Source.from_file("local.txt")
        print(measure(local, local), refine(local).path().read_text())
        os.unlink("local.txt")
        print(refine(local).size)
        """)
    assert out == "[5, 5] LOCAL\n5\n"
    assert len(list(stages.root.glob("mops1/blob/*/*"))) == 1


def test_outputs_of_a_nested_call_in_the_same_process_lie_under_its_own_folder(stages):
    out = stages.script("""
        from stages import *
        print(nested("x").uri.partition("/mops1/out/default/")[2].partition("/")[0], nested("x").path().read_text())
        """)
    assert out == "stages--produce x\n"
    assert "stages--nested" not in os.listdir(stages.root / "mops1" / "out" / "default")


def test_an_output_may_be_passed_to_a_remote_before_its_own_call_has_returned(stages):
    assert stages.script("from stages import *\nprint(passed_on('abc').path().read_text())") == "ABC\n"


def test_maps_hand_sources_on(stages):
    out = stages.script("""
        from stages import *
        print([source.path().read_text() for source in refine.map(produce.map("abcd"))])
        """)
    assert out == "['A', 'B', 'C', 'D']\n"


def test_a_result_whose_file_has_gone_is_computed_anew_with_one_warning(stages):
    stages.script("from stages import *\nproduce('abc')")
    (stored,) = stages.root.glob("mops1/out/**/raw.txt")
    stored.unlink()
    done = stages.run(stages.write("again.py", "from stages import *\nprint(produce('abc').path().read_text())"))
    assert done.stdout == "abc\n"
    assert done.stderr.count("raw.txt; it is voided and computed anew") == 1
    assert stages.lines("log.txt") == ["produce abc"] * 2


@pytest.mark.parametrize("how", ["returns", "fails", "killed"])
def test_the_temporary_folder_of_a_remote_goes_with_it(stages, how):
    stages.script(f"""
        from stages import *
        try:
            print(drafted({how!r}).path().read_text())
        except Exception as error:
            print(type(error).__name__)
        """)
    (folder,) = stages.lines("log.txt")
    stages.wait_until(lambda: not Path(folder).parent.exists())  # the program may end before the remote does


def test_the_temporary_folder_of_a_remote_that_is_told_to_stop_goes_with_it(stages):
    program = stages.write("program.py", "from stages import *\ndrafted('hangs')")
    process = stages.start(program)
    stages.wait_until(lambda: stages.lines("log.txt"))
    (folder,) = stages.lines("log.txt")
    assert Path(folder).is_dir()
    process.send_signal(signal.SIGINT)
    process.communicate()
    stages.wait_until(lambda: not Path(folder).parent.exists())


def test_the_temporary_folder_of_a_program_goes_with_it(project):
    out = project.script("""
        @pure
        def drafted():
            (tempdir() / "a.txt").write_text("x")
            return Source.from_file(tempdir() / "a.txt") if (tempdir() / "a.txt").exists() else str(tempdir())

        folder = drafted()
        print(os.path.isdir(folder), flush=True)
        pid = os.fork()
        if not pid:
            sys.exit()
        os.waitpid(pid, 0)
        print(os.path.isdir(folder), os.path.dirname(folder))
        """)
    before, after, folder = out.split()
    assert (before, after) == ("True", "True")
    assert not os.path.exists(folder)


def test_a_forked_child_of_a_function_does_not_write_where_its_parent_does(stages):
    stages.write(
        "forks.py",
        """
        from stages import there

        @there
        def forked() -> list:
            mine = invocation_output_fqn(name="a.txt")
            told, tell = os.pipe()
            pid = os.fork()
            if not pid:
                os.write(tell, invocation_output_fqn(name="a.txt").encode())
                os._exit(0)
            os.waitpid(pid, 0)
            return [mine, os.read(told, 4096).decode()]
        """,
    )
    out = stages.script("from forks import forked\nmine, its = forked()\nprint(mine != its, mine[-6:], its[-6:])")
    assert out == "True /a.txt /a.txt\n"


def test_a_replayed_call_writes_nothing_under_the_root(stages):
    uri = stages.script("from stages import *\nrefine(produce('abc'))\nprint(refine.memo_uri(produce('abc')))").strip()
    before = sorted(stages.root.glob("mops1/out/**/*"))
    done = stages.run("-m", "mops", "replay", uri)
    assert "Source('file://" in done.stdout
    assert str(stages.root) not in done.stdout
    assert sorted(stages.root.glob("mops1/out/**/*")) == before


def test_sources_travel_between_processes_without_a_store(project):
    (project.folder / "local.txt").write_text("local")
    out = project.script("""
        import multiprocessing

        def read(source):
            return source.path().read_text()

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.apply(read, (Source.from_file("local.txt"),)))
        """)
    assert out == "local\n"
    assert not project.root.exists()
