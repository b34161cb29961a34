"""Programs under Python's development mode, in which every warning is an error and nothing may be left open."""

import pytest

STAGE = """
    class Refused(Exception):
        pass

    @use_runner(MemoizingPicklingRunner({shell}(), root))
    def work(number):
        if number < 0:
            raise Refused(number)
        return bytes(number)
"""
SIZES = [1, 1000, 6_000_000]


@pytest.mark.parametrize("shell", ["InThreadShell", "SubprocessShell", "ForkServerShell"])
@pytest.mark.parametrize(
    "program",
    [
        "for size in SIZES: print(len(work(size)), len(work(size)))",
        "for future in [work.submit(size) for size in SIZES]: print(len(future.result()))",
        "print([len(content) for content in work.map(SIZES)])",
        "calls = work.map(SIZES, return_exceptions=True); next(calls); calls.cancel(); print(len(list(calls)))",
        "print(type(work.submit(-1).exception()).__name__)",
        "import asyncio; print(len(asyncio.run(asyncio.wait_for(work.submit(1), 60))))",
        "work(1); print(len(attach(work.memo_uri(1)).result()), work.peek(1), work.explain(2).hit)",
    ],
    ids=["calls", "submit", "map", "cancelled map", "failure", "awaited", "looks"],
)
def test_a_program_warns_of_nothing(project, shell, program):
    project.write("stage.py", STAGE.format(shell=shell))
    script = project.write("program.py", f"from stage import work\nSIZES = {SIZES}\n{program}\n")
    ended = project.run("-X", "dev", "-W", "error", script)
    assert not [word for word in ("Warning", "Traceback", "ignored in") if word in ended.stderr], ended.stderr


def test_pickles_in_a_circle_of_references_are_given_up_in_silence(project):
    script = project.write(
        "program.py",
        """
        import gc
        from mops.adapters.serializers.pickling import PicklingSerializer

        circle = [PicklingSerializer().dumps(["value"])]
        circle.append(circle)
        del circle
        gc.collect()
        """,
    )
    assert project.run("-X", "dev", "-W", "error", script).stderr == ""
