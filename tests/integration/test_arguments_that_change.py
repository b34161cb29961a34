"""Arguments that change after a call was keyed, and before it runs: what was computed from them is never its result."""

import pytest

from mops import InThreadShell, MemoizingPicklingRunner, Retries, use_runner

SHELLS = ["SubprocessShell(max_workers=1)", "InThreadShell(max_workers=1)"]
STAGE = """
    runner = MemoizingPicklingRunner({shell}, root)

    @use_runner(runner)
    def total(numbers, gate=None):
        while gate and not os.path.exists(gate):
            time.sleep(0.01)
        return sum(numbers)
"""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_list_that_is_changed_after_the_submission_is_not_what_the_call_was_keyed_by(project, shell):
    project.write("stage.py", STAGE.format(shell=shell))
    out = project.script("""
        from mops.core import errors
        from stage import total

        numbers = [1]
        first = total.submit([0], "gate")
        second = total.submit(numbers)
        numbers.append(2)
        open("gate", "w").close()
        print(first.result())
        try:
            print(second.result())
        except errors.UnkeyableArgumentError as error:
            print(error.args[0])
        print(total([1]))
    """)
    assert out.splitlines()[0] == "0"
    assert out.splitlines()[1].startswith("an argument was changed before the call could run")
    assert out.splitlines()[2] == "1"


def test_one_list_that_grows_gives_no_result_to_the_calls_of_a_map_that_it_had_been_shorter_for(project):
    project.write("stage.py", STAGE.format(shell="SubprocessShell(max_workers=1)"))
    out = project.script("""
        from mops.core import errors
        from stage import total

        def growing():
            numbers = []
            for number in range(1, 6):
                numbers.append(number)
                yield numbers

        got = list(total.map(growing(), return_exceptions=True))
        print([each for each in got if not isinstance(each, errors.UnkeyableArgumentError)])
        print([total(list(range(1, last + 1))) for last in range(1, 6)])
    """)
    assert out.splitlines()[1] == "[1, 3, 6, 10, 15]"
    assert out.splitlines()[0].endswith("15]")


def test_a_file_that_a_function_captured_is_not_read_as_it_is_later(project):
    project.write(
        "script.py",
        """
        from pathlib import Path
        from mops.core import errors
        from stage import runner, total

        def reader(path):
            return use_runner(runner)(lambda: path.read_text())

        path = Path("data.txt")
        path.write_text("one")
        first = total.submit([0], "gate")
        second = reader(path).submit()
        path.write_text("two")
        open("gate", "w").close()
        first.result()
        try:
            print(second.result())
        except errors.UnkeyableArgumentError as error:
            print(error.args[0])
        path.write_text("one")
        print(reader(path)())
    """,
    )
    project.write("stage.py", STAGE.format(shell="SubprocessShell(max_workers=1)"))
    out = project.run("script.py").stdout
    assert out.splitlines()[0].startswith("an argument, or what the function captured, was changed")
    assert out.splitlines()[1] == "one"


def test_a_function_that_changes_its_arguments_is_not_tried_again_with_what_it_left(tmp_path):
    runner = MemoizingPicklingRunner(InThreadShell(), tmp_path / "root", retries=Retries(user=2, first_delay=0.0))

    @use_runner(runner)
    def drain(numbers):
        if len(numbers) > 1:
            numbers.pop()
            raise ValueError("half-way")
        return sum(numbers)

    numbers = [1, 2]
    with pytest.raises(ValueError, match="half-way"):
        drain(numbers)
    assert drain([1]) == 1
    assert numbers == [1]
