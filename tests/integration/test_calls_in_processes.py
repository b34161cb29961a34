"""Decorated functions wherever Python runs them: threads, pools, forks, scripts, modules and cells."""

from textwrap import dedent, indent

import pytest

SHELLS = ("InThreadShell()", "SubprocessShell()")
each_shell = pytest.mark.parametrize("shell", SHELLS)

FIB = """
    @use_runner(MemoizingPicklingRunner({shell}, root))
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)
"""


# ------------------------------------------------------------------------------------------------ threads and processes
def test_threads_share_one_execution_of_each_call(project):
    out = project.script("""
        from concurrent.futures import ThreadPoolExecutor

        @use_runner(MemoizingPicklingRunner(blob_root=root))
        def square(x):
            with open("runs", "a") as file:
                print(x, file=file)
            time.sleep(0.01)
            return x * x

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(square, list(range(20)) * 8))
        assert results == [x * x for x in range(20)] * 8
        print(*sorted(map(int, open("runs").read().split())))
    """)
    assert out == " ".join(map(str, range(20))) + "\n"


@pytest.mark.parametrize("method", ["fork", "spawn"])
@each_shell
def test_process_pools_call_decorated_functions(project, method, shell):
    project.write(
        "stage.py",
        f"""
        @use_runner(MemoizingPicklingRunner({shell}, root))
        def square(x):
            return x * x
    """,
    )
    out = project.script(f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        from stage import square

        if __name__ == "__main__":
            assert square(0) == 0
            with ProcessPoolExecutor(2, multiprocessing.get_context("{method}")) as pool:
                print(list(pool.map(square, range(4))))
    """)
    assert out == "[0, 1, 4, 9]\n"
    assert len(project.results()) == 4


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_apply_of_a_pool_is_a_runner(project, method):
    out = project.script(f"""
        import multiprocessing

        def work(a, b=0):
            return a + b, os.getpid()

        if __name__ == "__main__":
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                total, process = use_runner(pool.apply)(work)(1, b=2)
                print(total, process != os.getpid())
    """)
    assert out == "3 True\n"
    assert not project.root.exists()


def test_a_decorated_function_pickles_by_its_name(project):
    project.write("stage.py", FIB.format(shell="InThreadShell()"))
    out = project.script("""
        import pickle, stage
        print(pickle.loads(pickle.dumps(stage.fib)) is stage.fib)
    """)
    assert out == "True\n"


def test_a_fork_while_all_slots_are_taken_does_not_block_the_child(project):
    project.write(
        "stage.py",
        """
        @use_runner(MemoizingPicklingRunner(SubprocessShell(max_workers=1), root))
        def nap(seconds):
            time.sleep(seconds)
            return seconds
    """,
    )
    out = project.script("""
        from stage import nap

        future = nap.submit(1.5)
        waiting = nap.submit(0.01)
        child = os.fork()
        if child == 0:
            print(nap(0.02), nap.submit(0.03).result(), flush=True)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        print(future.result(), waiting.result())
    """)
    assert out == "0.02 0.03\n1.5 0.01\n"


@each_shell
def test_a_function_that_forks_is_published_by_the_parent_alone(project, shell):
    out = project.script(f"""
        @use_runner(MemoizingPicklingRunner({shell}, root))
        def fork_and_return():
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                return "parent"
            return "child"

        here = os.getpid()
        value = fork_and_return()
        if os.getpid() == here:
            print(value, fork_and_return.peek())
    """)
    assert out == "parent Success('parent')\n"


# ------------------------------------------------------------------------------------------------ recursion and nesting
@each_shell
def test_recursive_calls_leave_one_memo_each_from_a_module(project, shell):
    project.write("stage.py", FIB.format(shell=shell))
    assert project.script("from stage import fib\nprint(fib(5), fib(5))") == "5 5\n"
    assert len(project.results()) == len(project.claims()) == 6


@each_shell
def test_recursive_calls_leave_one_memo_each_from_a_script(project, shell):
    project.write("script.py", FIB.format(shell=shell) + "\n    print(fib(5))\n")
    assert project.run("script.py").stdout == "5\n"
    assert project.run("script.py").stdout == "5\n"
    assert len(project.results()) == len(project.claims()) == 6


@each_shell
def test_recursive_calls_leave_one_memo_each_under_dash_m(project, shell):
    project.write("package/__init__.py", "")
    project.write("package/stage.py", FIB.format(shell=shell) + "\n    if __name__ == '__main__': print(fib(5))\n")
    assert project.run("-m", "package.stage").stdout == "5\n"
    assert len(project.results()) == 6
    assert project.run("-c", "from package.stage import fib; print(fib(5))").stdout == "5\n"
    assert len(project.results()) == len(project.claims()) == 6


@each_shell
def test_nested_decorated_functions_memoize_each(project, shell):
    project.write(
        "stage.py",
        f"""
        runner = MemoizingPicklingRunner({shell}, root)

        @use_runner(runner)
        def inner(x):
            return x + 1

        @use_runner(runner)
        def outer(x):
            return inner(x) + inner(x + 1) + inner.submit(x + 2).result()
    """,
    )
    assert project.script("from stage import *\nprint(outer(1), inner.peek(3))") == "9 Success(4)\n"
    assert len(project.results()) == 4


@pytest.mark.parametrize("workers", [1, 2])
def test_nested_submissions_never_exhaust_the_workers(project, workers):
    out = project.script(f"""
        @use_runner(MemoizingPicklingRunner(InThreadShell(max_workers={workers}), root))
        def total(n):
            return n if n < 2 else sum(f.result() for f in [total.submit(n - 1), total.submit(n - 2)])

        print(total.submit(12).result())
    """)
    assert out == "144\n"


@each_shell
def test_a_call_inside_of_itself_is_refused_and_never_waits(project, shell):
    project.write(
        "stage.py",
        f"""
        from mops.core.errors import RecursiveCallError
        runner = MemoizingPicklingRunner({shell}, root)

        @use_runner(runner)
        def ping(x):
            return pong(x)

        @use_runner(runner)
        def pong(x):
            return ping(x)

        @use_runner(runner)
        def own_tail(x):
            return own_tail.submit(x).result()
    """,
    )
    out = project.script("""
        from stage import *
        for function in (ping, own_tail):
            try:
                function(1)
            except RecursiveCallError as error:
                print("refused", error.function)
    """)
    assert out == "refused stage:ping\nrefused stage:own_tail\n"
    assert project.results() == []


@pytest.mark.parametrize("inner", ["pool.submit(own_tail, x)", "pool.submit(ping, x)", "own_tail.submit(x)"])
def test_a_call_inside_of_itself_is_refused_in_any_thread_of_its_remote(project, inner):
    project.write(
        "stage.py",
        f"""
        from concurrent.futures import ThreadPoolExecutor
        from mops.core.errors import RecursiveCallError
        runner = MemoizingPicklingRunner(SubprocessShell(), root)

        @use_runner(MemoizingPicklingRunner(InThreadShell(), root))
        def ping(x):
            return own_tail(x)

        @use_runner(runner)
        def own_tail(x):
            with ThreadPoolExecutor() as pool:
                return pool.submit(lambda: {inner}.result()).result()
    """,
    )
    out = project.script("""
        from stage import *
        try:
            own_tail(1)
        except RecursiveCallError as error:
            print("refused", error.function)
    """)
    assert out == "refused stage:own_tail\n"
    assert project.results() == []


def test_a_thread_that_is_started_in_a_copy_of_the_context_is_inside_of_the_call(project):
    out = project.script("""
        from concurrent.futures import ThreadPoolExecutor
        from contextvars import copy_context
        from mops.core.errors import RecursiveCallError

        @use_runner(MemoizingPicklingRunner(blob_root=root))
        def own_tail(x):
            with ThreadPoolExecutor() as pool:
                return pool.submit(copy_context().run, own_tail, x).result()

        try:
            own_tail(1)
        except RecursiveCallError as error:
            print("refused", error.function)
    """)
    assert out == "refused __main__:own_tail\n"


@each_shell
def test_threads_of_a_function_call_others_and_are_answered(project, shell):
    project.write(
        "stage.py",
        f"""
        from concurrent.futures import ThreadPoolExecutor
        runner = MemoizingPicklingRunner({shell}, root)

        @use_runner(runner)
        def part(x):
            return x * x

        @use_runner(runner)
        def total(n):
            with ThreadPoolExecutor(2) as pool:
                return sum(pool.map(part, range(n)))
    """,
    )
    assert project.script("from stage import *; print(total(4))") == "14\n"
    assert len(project.results()) == 5


# ------------------------------------------------------------------------------------------------ what travels by value
@each_shell
def test_lambdas_closures_and_local_functions_run_by_value(project, shell):
    out = project.script(f"""
        remember = use_runner(MemoizingPicklingRunner({shell}, root))
        offset = 10

        def adder(n):
            @remember
            def add(x):
                return x + n + offset
            return add

        print(adder(1)(1), adder(2)(1), remember(lambda x: x * 2)(4), remember(lambda x: x * 3)(4))
    """)
    assert out == "12 13 8 12\n"
    assert len(project.results()) == 4


@each_shell
def test_methods_are_keyed_and_run_with_their_instance(project, shell):
    project.write(
        "stage.py",
        f"""
        class Model:
            def __init__(self, factor):
                self.factor = factor

            @use_runner(MemoizingPicklingRunner({shell}, root))
            def scale(self, x):
                return self.factor * x

            @staticmethod
            @use_runner(MemoizingPicklingRunner({shell}, root))
            def double(x):
                return 2 * x
    """,
    )
    out = project.script("""
        from stage import Model
        print(Model(2).scale(3), Model(5).scale(3), Model(2).scale(3), Model.scale(Model(5), 3), Model.double(4))
    """)
    assert out == "6 15 6 15 8\n"
    assert len(project.results()) == 3


@each_shell
def test_cells_without_a_file_run_by_value(project, shell):
    cell = f"""
@use_runner(MemoizingPicklingRunner({shell}, root))
def area(square):
    return Square(helper(square.side))
"""
    out = project.script(f"""
        import __main__
        first = "class Square:\\n    def __init__(self, side): self.side = side\\ndef helper(x): return x * x\\n"
        exec(compile(first, "<cell 1>", "exec"), vars(__main__))
        exec(compile({cell!r}, "<cell 2>", "exec"), vars(__main__))
        result = area(Square(3))
        print(result.side, type(result) is Square)
        exec(compile(first.replace("x * x", "x + x"), "<cell 3>", "exec"), vars(__main__))
        print(area(Square(3)).side)
    """)
    assert out == "9 True\n6\n"


@each_shell
def test_classes_of_main_come_back_as_the_live_classes(project, shell):
    program = f"""
        import dataclasses, enum, typing
        import attrs

        class Plain:
            def __init__(self, x): self.x = x
        class Child(Plain):
            def parent(self): return super().__init__
        class Slotted:
            __slots__ = ("x",)
            def __init__(self, x): self.x = x
        @dataclasses.dataclass(slots=True)
        class Data:
            x: int
        @attrs.frozen
        class Frozen:
            x: int
        class Color(enum.Enum):
            RED = 1
        class Pair(typing.NamedTuple):
            x: int
        class Problem(Exception):
            pass

        @use_runner(MemoizingPicklingRunner({shell}, root))
        def make(x):
            return [Plain(x), Child(x), Slotted(x), Data(x), Frozen(x), Color(1), Pair(x)]

        @use_runner(MemoizingPicklingRunner({shell}, root))
        def same(value):
            return value

        @use_runner(MemoizingPicklingRunner({shell}, root))
        def fail():
            raise Problem("no")

        for value in make(1):
            live = globals()[type(value).__name__]
            assert type(value) is live, live
            assert type(same(value)) is live, live
        try:
            fail()
        except Problem as error:
            print(error)
    """
    assert project.script(program) == "no\n"
    assert project.script(program) == "no\n"  # and from the store


# ------------------------------------------------------------------------------------------------ what callers can say
def test_skip_runner_is_asked_at_every_call_and_then_mops_is_not_there(project):
    out = project.script("""
        skip = True

        @use_runner(MemoizingPicklingRunner(blob_root=root), skip_runner=lambda: skip)
        def process(x):
            return [x]

        calls = [process(1), process.submit(1).result()]
        assert not os.path.exists(root)
        skip = False
        process(1)
        assert os.path.exists(root)
        print(calls)
    """)
    assert out == "[[1], [1]]\n"
    assert len(project.results()) == 1


@each_shell
def test_another_runner_keeps_another_memory(project, shell):
    out = project.script(f"""
        @use_runner(MemoizingPicklingRunner({shell}, root))
        def place():
            return os.getpid()

        elsewhere = place.with_runner(MemoizingPicklingRunner(InThreadShell(), root + "2"))
        print(elsewhere() == os.getpid(), place.peek(), elsewhere.peek() == Success(os.getpid()))
    """)
    assert out == "True None True\n"


def test_a_future_is_awaited_waited_for_and_knows_its_call(project):
    out = project.script("""
        import asyncio
        from concurrent.futures import as_completed, wait

        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def double(x):
            return 2 * x

        async def main():
            return await asyncio.gather(*(double.submit(x) for x in range(3)))

        print(asyncio.run(main()))
        futures = [double.submit(x) for x in range(4)]
        assert sorted(future.result() for future in as_completed(futures)) == [0, 2, 4, 6]
        done, pending = wait(futures)
        assert not pending
        assert futures[3].memo_uri == double.memo_uri(3)
        print(sorted(set(futures[3].metadata) & {"memo_uri", "hit", "elapsed", "started", "producer"}))
    """)
    assert out == "[0, 2, 4]\n['elapsed', 'hit', 'memo_uri', 'producer', 'started']\n"


def test_a_plain_blocking_function_is_a_shell(project):
    out = project.script("""
        import subprocess

        def nice(argv):
            subprocess.run(["nice", "-n", "5", *argv], check=True)

        @use_runner(MemoizingPicklingRunner(nice, root))
        def niceness(x):
            return os.nice(0)

        print(niceness(1) - os.nice(0), niceness.submit(2).result() - os.nice(0))
    """)
    assert out == "5 5\n"


def test_a_module_that_makes_the_call_when_it_is_imported_is_told_so(project):
    """Its remote imports the module, which would wait for the call that this remote is to run."""
    project.write(
        "eager.py",
        """
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def double(number):
            return 2 * number

        print(double(21))
        """,
    )
    done = project.run("-c", "import eager", check=False)
    assert done.returncode == 1
    assert "would wait for its own result" in done.stderr
    assert "if __name__ == '__main__'" in done.stderr
    assert project.processes() == []


def test_methods_of_a_scripts_class_run_in_other_processes(project):
    program = """
        run = use_runner(MemoizingPicklingRunner(SubprocessShell(), root))

        class Scale:
            offset = 1

            def __init__(self, factor):
                self.factor = factor

            @run
            def apply(self, number):
                return self.factor * number + self.shift()

            def shift(self):
                return self.offset

            @staticmethod
            @run
            def double(number):
                return 2 * number

            @classmethod
            @run
            def moved(cls, number):
                return cls.offset + number

        @run
        def use(scale):
            return scale.factor, scale.shift()

        print(Scale(3).apply(2), Scale.double(4), Scale(7).double(5), Scale.moved(5), use(Scale(9)))
    """
    assert project.script(program) == "7 8 10 6 (9, 1)\n"
    assert project.script(program) == "7 8 10 6 (9, 1)\n"
    assert len(project.results()) == 5


def test_a_constant_with_another_value_in_the_remote_is_named(project):
    project.write(
        "stage.py",
        """
        RATE = 2
        LIMIT = 10

        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def scaled(x):
            return min(x * RATE, LIMIT)
    """,
    )
    program = project.write("script.py", "import stage\nstage.RATE = 3\nprint(stage.scaled(1))")
    done = project.run(program)
    assert done.stdout == "2\n"
    said = "mops remote: constants have other values here than in the orchestrator: stage:RATE\n"
    assert done.stderr == said
    (claim,) = project.claims()
    assert said.encode() in claim.with_name("e1.out").read_bytes()
    shown = project.run("-m", "mops", "inspect", str(claim.parent)).stdout
    assert "constants have other values here than in the orchestrator: stage:RATE" in shown


def test_nothing_is_said_of_constants_that_are_the_same_in_the_remote(project):
    project.write(
        "stage.py",
        """
        RATE = 2

        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def scaled(x):
            return x * RATE
    """,
    )
    done = project.run(project.write("script.py", "import stage\nprint(stage.scaled(1))"))
    assert (done.stdout, done.stderr) == ("2\n", "")


CLASSES_BY_VALUE = """
    import enum, typing
    from dataclasses import dataclass, field
    import attrs

    @dataclass
    class Row:
        x: int
        more: list = field(default_factory=list)

    @attrs.frozen
    class Frozen:
        x: int

    class Named(typing.NamedTuple):
        x: int

    class Kind(enum.IntEnum):
        x = 1

    class Shaped(typing.Protocol):
        x: int

    def work(one):
        return type(one)(one.x), Row(2).x, Frozen(3).x, Named(4).x, Kind.x.value, Shaped.__name__
"""


@pytest.mark.parametrize("main", [True, False], ids=["of a script", "of a function"])
def test_classes_that_travel_by_value_are_never_other_code(project, main):
    call = "use_runner(MemoizingPicklingRunner(SubprocessShell(), root))(work)(Row(1))[1:]"
    program = f"{dedent(CLASSES_BY_VALUE)}\nprint({call})"
    if not main:
        project.write("stage.py", f"def run():\n{indent(program, '    ')}")
        program = "import stage\nstage.run()"
    assert project.script(program) == "(2, 3, 4, 1, 'Shaped')\n"
