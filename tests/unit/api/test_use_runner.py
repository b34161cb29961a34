"""Decorating a function: what is refused, with which words, and what the wrapper looks like."""

import functools
import inspect
import pickle
import time

import pytest

from mops import Failure, InThreadShell, MemoizingPicklingRunner, SubprocessShell, Success, pure, use_runner
from mops.core.errors import ConfigurationError, DecorationError, UnkeyableArgumentError


def direct(func, args, kwargs):
    return func(*args, **kwargs)


@use_runner(direct)
def documented(a: int, /, b: str = "x", *, c: float = 1.0) -> tuple[int, str, float]:
    """What it does."""
    return a, b, c


@use_runner(direct)
def plain(x):
    return x


def test_the_wrapper_has_the_name_docstring_and_signature_of_the_function():
    assert (documented.__name__, documented.__doc__, documented.__module__) == ("documented", "What it does.", __name__)
    assert (
        str(inspect.signature(documented)) == "(a: int, /, b: str = 'x', *, c: float = 1.0) -> tuple[int, str, float]"
    )
    assert documented.__wrapped__(1, c=2) == (1, "x", 2)
    assert documented(1, "y") == (1, "y", 1.0)


def test_the_wrapper_pickles_by_name():
    assert pickle.loads(pickle.dumps(plain)) is plain


def test_wrappers_of_wrappers_are_refused_nothing():
    @functools.wraps(plain)
    def outer(*args):
        return plain(*args) + 1

    assert outer(1) == 2


def generator():
    yield 1


async def coroutine():
    return 1


async def asynchronous_generator():
    yield 1


class Static:
    @staticmethod
    def method():
        return 1

    @classmethod
    def of_class(cls):
        return 1


@pytest.mark.parametrize(("function", "words"), [
    (generator, "is a generator: what it yields cannot be stored; return a list"),
    (coroutine, "is asynchronous; decorate a plain function, and call it with asyncio.to_thread"),
    (asynchronous_generator, "is asynchronous"),
    (Static.__dict__["method"], "put @staticmethod above this decorator"),
    (Static.__dict__["of_class"], "put @classmethod above this decorator"),
    (Static, "only functions can be memoized"),
    (7, "only functions can be memoized"),
    (functools.partial(direct), "only functions can be memoized"),
])  # fmt: skip
def test_what_cannot_be_memoized_is_refused_with_the_recipe(function, words):
    with pytest.raises(DecorationError, match=words):
        use_runner(direct)(function)


@pytest.mark.parametrize(("make", "words"), [
    (lambda: use_runner("k8s"), "runner"),
    (lambda: use_runner(direct, ignore="verbose"), r"ignore=\('verbose',\)"),
    (lambda: use_runner(direct, name="work"), "module:qualname"),
    (lambda: use_runner(direct, name=":work"), "module:qualname"),
    (lambda: use_runner(direct, name="a:b:c"), "module:qualname"),
    (lambda: MemoizingPicklingRunner("bash"), "cannot be called"),
    (lambda: MemoizingPicklingRunner(on_code_change="panic"), "'rerun', 'warn' or 'ignore'"),
    (lambda: MemoizingPicklingRunner(durability="maybe"), "'auto', 'always' or 'never'"),
    (lambda: MemoizingPicklingRunner(pipeline_id=""), "at least one character"),
    (lambda: MemoizingPicklingRunner(pipeline_id=7), "string"),
    (lambda: MemoizingPicklingRunner(heartbeat=0), "seconds"),
    (lambda: MemoizingPicklingRunner(store_patience=(-1, 0)), "seconds"),
])  # fmt: skip
def test_a_setting_that_cannot_be_meant_is_refused_at_once(make, words):
    with pytest.raises(ConfigurationError, match=words):
        make()


class Untouchable:
    """A callable whose own comparison and hash are nobody's business."""

    def __call__(self, number):
        return number

    def __eq__(self, other):
        raise AssertionError("== was asked")

    def __hash__(self):
        raise AssertionError("hash() was asked")


class Unhashable(Untouchable):
    __hash__ = None


def yields():
    yield 1


@pytest.mark.parametrize(
    "function",
    [functools.partial(divmod, 2), Untouchable(), Unhashable(), Untouchable, 3, yields],
    ids=["partial", "instance", "unhashable", "class", "number", "generator"],
)
def test_a_runner_that_is_called_straight_refuses_what_a_decorator_refuses(runner, function):
    with pytest.raises(DecorationError):
        runner(function, (3,), {})
    with pytest.raises(DecorationError):
        runner.submit(function, 3)


def test_a_runner_that_is_called_straight_asks_no_function_what_it_is_equal_to(runner):
    function = functools.update_wrapper(Untouchable(), divmod)
    assert runner(function, (3,), {}) == runner(function, (3,), {}) == 3


def test_methods_are_new_at_every_look_and_known_all_the_same(runner):
    numbers = [3, 1, 2]
    assert runner(numbers.index, (1,), {}) == runner(numbers.index, (1,), {}) == 1
    assert runner.memo_uri(numbers.index, (1,), {}) == runner.memo_uri(numbers.index, (1,), {})
    assert runner.invocation(numbers.index, (1,), {}).target is runner.invocation(numbers.index, (1,), {}).target


def test_an_ignored_argument_that_does_not_exist_is_refused():
    with pytest.raises(DecorationError, match="plain has no argument 'verbose'"):
        use_runner(direct, ignore=("verbose",))(plain.__wrapped__)
    use_runner(direct, ignore=("anything",))(lambda **options: options)


def test_a_runner_without_memory_says_what_it_cannot_do():
    for method in (plain.peek, plain.memo_uri):
        with pytest.raises(ConfigurationError, match="does not memoize"):
            method(1)
    with pytest.raises(ConfigurationError, match="has no submit"):
        plain.submit(1)


# ------------------------------------------------------------------------------------------------ memoized
@pytest.fixture
def runner(request):
    return MemoizingPicklingRunner(blob_root=f"memory://{request.node.name}")


@use_runner(direct)
def stamped(x, *, verbose=False):
    return x, time.perf_counter_ns()


@use_runner(direct)
def failing(x):
    raise LookupError(x)


def test_skip_runner_bypasses_the_runner_and_delivers_exceptions():
    calls = []
    for skip in (True, lambda: calls.append(1) or True):
        function = use_runner(lambda *_: pytest.fail("asked"), skip)(failing.__wrapped__)
        with pytest.raises(LookupError):
            function(1)
        assert isinstance(function.submit(1).exception(), LookupError)
    assert calls == [1, 1]


def test_ignored_arguments_are_not_part_of_the_key(runner):
    function = use_runner(runner, ignore=("verbose",))(stamped.__wrapped__)
    assert function(1) == function(1, verbose=True)
    assert function(1) != function(2)


def test_arguments_that_do_not_fit_are_a_type_error_of_the_call(runner):
    with pytest.raises(TypeError, match="stamped"):
        stamped.with_runner(runner)(1, 2, 3)


def test_an_argument_without_a_meaning_is_named_before_anything_runs(runner):
    with pytest.raises(UnkeyableArgumentError) as caught:
        stamped.with_runner(runner)({"a": [object()]})
    assert caught.value.path.startswith("x['a'][0]")
    assert caught.value.function.endswith(":stamped")


def test_peek_tells_success_failure_and_nothing(runner):
    assert stamped.with_runner(runner).peek(1) is None
    value = stamped.with_runner(runner)(1)
    assert stamped.with_runner(runner).peek(1) == Success(value)
    with pytest.raises(LookupError):
        failing.with_runner(runner)(1)
    seen = failing.with_runner(runner).peek(1)
    assert isinstance(seen, Failure)
    assert repr(seen.exception) == "LookupError(1)"


def test_map_peek_tells_which_of_many_are_stored(runner):
    here = stamped.with_runner(runner)
    values = {number: here(number) for number in range(0, 300, 3)}
    seen = here.map_peek(range(300))
    assert list(seen) == [Success(values[number]) if number in values else None for number in range(300)]
    assert list(here.map_peek([])) == []


def test_map_peek_raises_at_the_place_and_reads_its_inputs_as_it_goes(runner):
    here, read = stamped.with_runner(runner), []
    value = here(1)
    seen = here.map_peek(read.append(number) or (object() if number == 2 else number) for number in range(10**9))
    assert next(seen) is None
    assert next(seen) == Success(value)
    with pytest.raises(UnkeyableArgumentError):
        next(seen)
    assert list(seen) == []
    assert len(read) < 1000


def test_the_memo_uri_is_one_a_call(runner):
    function = stamped.with_runner(runner)
    assert function.memo_uri(1) == function.memo_uri(x=1) == function.submit(1).memo_uri
    assert function.memo_uri(1) != function.memo_uri(1.0)


def test_a_root_that_is_a_callable_is_asked_at_every_call(request):
    current = [f"memory://{request.node.name}-one"]
    function = stamped.with_runner(MemoizingPicklingRunner(blob_root=lambda: current[0]))
    first = function(1)
    current[0] = f"memory://{request.node.name}-two"
    second = function(1)
    assert first != second
    current[0] = f"memory://{request.node.name}-one"
    assert function(1) == first


def test_pure_is_used_bare_and_called(tmp_path, monkeypatch):
    monkeypatch.setenv("MOPS_ROOT", str(tmp_path))
    bare, called = pure(stamped.__wrapped__), pure(logic_key="2", ignore=("verbose",))(stamped.__wrapped__)
    assert bare(1) == bare(1) != called(1) == called(1, verbose=True)
    assert "@2/" in called.memo_uri(1)


def test_a_runner_pickles_by_its_settings(tmp_path):
    runner = MemoizingPicklingRunner(blob_root=tmp_path, pipeline_id="p", heartbeat=3.0)
    again = pickle.loads(pickle.dumps(runner))
    assert repr(again) == repr(runner)
    assert stamped.with_runner(again).memo_uri(1) == stamped.with_runner(runner).memo_uri(1)


class Bar:
    def __init__(self):
        self.value = 1


@pytest.mark.parametrize("before", ["a miss", "a call that is refused"])
def test_what_the_arguments_of_one_call_are_made_of_is_no_part_of_the_next(tmp_path, before):
    runner = MemoizingPicklingRunner(None, tmp_path)
    function = use_runner(runner)(plain.__wrapped__)
    uri = function.memo_uri(1)
    if before == "a miss":
        function(Bar())
    else:
        with pytest.raises(UnkeyableArgumentError):
            function([Bar(), (value for value in ())])
    assert function.memo_uri(1) == uri


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: use_runner(MemoizingPicklingRunner), r"is a class; write MemoizingPicklingRunner\("),
        (lambda: use_runner(InThreadShell()), r"MemoizingPicklingRunner\(shell\)"),
        (lambda: plain.with_runner(None), "None is none"),
        (lambda: plain.with_runner(SubprocessShell()), r"MemoizingPicklingRunner\(shell\)"),
        (lambda: MemoizingPicklingRunner(SubprocessShell), r"is a class; write SubprocessShell\(\)"),
    ],
)
def test_what_is_taken_for_a_runner_or_a_shell_is_told_apart(wrong, says):
    with pytest.raises(ConfigurationError, match=says):
        wrong()


def test_a_decorator_without_its_runner_says_what_is_missing():
    bare = use_runner(plain.__wrapped__)
    with pytest.raises(DecorationError, match=r"use_runner takes a Runner first: @use_runner\(runner\)"):
        bare(3)


def test_a_runner_prints_as_it_is_written():
    runner = MemoizingPicklingRunner(InThreadShell(), "/root")
    assert repr(runner) == "MemoizingPicklingRunner(InThreadShell(max_workers=None), '/root')"
    assert repr(MemoizingPicklingRunner(InThreadShell())).endswith(", mops.defaults.mops_root)")
