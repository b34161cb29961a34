"""Retries of a Runner, memoized exceptions, and Shells that are chosen for each attempt."""

import threading

import pytest

from mops import Failure, Grow, InThreadShell, MemoizingPicklingRunner, Retries, use_runner
from mops.core.errors import ConfigurationError, ShellFailed, StoreFull
from mops.core.ports.shell import Attempt

AT_ONCE = {"first_delay": 0.0, "longest_delay": 0.0}


class Flaky:
    """Raises the exceptions that it was given, one a call, and returns the number of calls after that."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.calls


flaky = Flaky()


def run():
    return flaky()


@pytest.fixture
def begin(tmp_path):
    def function(*errors, shell=None, **settings):
        flaky.__init__(*errors)
        runner = MemoizingPicklingRunner(shell, tmp_path, on_code_change="ignore", **settings)
        return use_runner(runner)(run)

    return function


def test_by_default_a_failure_is_delivered(begin):
    function = begin(ValueError("one"))
    with pytest.raises(ValueError, match="one"):
        function()
    assert flaky.calls == 1


def test_an_exception_of_the_function_is_tried_again_as_often_as_said(begin):
    function = begin(ValueError("one"), KeyError("two"), retries=Retries(user=2, **AT_ONCE))
    assert function() == 3
    function = begin(*[ValueError(str(number)) for number in range(9)], retries=Retries(user=2, **AT_ONCE))
    assert function.peek().value == 3  # it is stored


def test_the_last_exception_is_the_one_that_is_raised(begin):
    function = begin(*[ValueError(str(number)) for number in range(9)], retries=Retries(user=2, **AT_ONCE))
    with pytest.raises(ValueError, match="2"):
        function()
    assert flaky.calls == 3


def test_each_kind_is_counted_on_its_own(begin):
    function = begin(
        MemoryError(), ValueError("one"), MemoryError(), retries=Retries(user=1, out_of_memory=1, **AT_ONCE)
    )
    with pytest.raises(MemoryError):
        function()
    assert flaky.calls == 3


def test_a_predicate_decides_by_the_exception(begin):
    retries = Retries(user=5, when=lambda error: "transient" in str(error), **AT_ONCE)
    function = begin(ValueError("transient"), ValueError("permanent"), retries=retries)
    with pytest.raises(ValueError, match="permanent"):
        function()
    assert flaky.calls == 2


def test_submitted_calls_are_tried_again_too(begin):
    function = begin(ValueError("one"), ValueError("two"), retries=Retries(user=2, first_delay=0.01))
    assert function.submit().result(30) == 3


def test_a_call_that_waits_for_its_next_attempt_can_be_cancelled(begin):
    failed = threading.Event()

    def tell(_):
        failed.set()
        return True

    function = begin(ValueError("one"), retries=Retries(user=1, first_delay=3600.0, longest_delay=3600.0, when=tell))
    future = function.submit()
    assert failed.wait(30)
    assert future.cancel()
    assert future.cancelled()


# ------------------------------------------------------------------------------------------------ memoized exceptions
def test_a_memoized_exception_is_raised_without_running_the_function_again(begin):
    function = begin(KeyError("one"), memoize_exceptions=(LookupError,))
    for _ in range(3):
        with pytest.raises(KeyError, match="one"):
            function()
    assert flaky.calls == 1


def test_other_exceptions_run_the_function_again(begin):
    function = begin(ValueError("one"), memoize_exceptions=(LookupError,))
    with pytest.raises(ValueError, match="one"):
        function()
    assert function() == 2


def test_memoized_exceptions_are_the_readers_choice(begin, tmp_path):
    function = begin(KeyError("one"))
    with pytest.raises(KeyError):
        function()
    reader = function.with_runner(
        MemoizingPicklingRunner(None, tmp_path, on_code_change="ignore", memoize_exceptions=[KeyError])
    )
    with pytest.raises(KeyError, match="one"):
        reader()
    assert function() == 2


# ------------------------------------------------------------------------------------------------ Shells for attempts
class Limited:
    """Fails for lack of memory below a limit."""

    def __init__(self, memory, enough, seen):
        self.memory, self.enough, self.seen = memory, enough, seen

    def with_memory(self, memory):
        return Limited(memory, self.enough, self.seen)

    def __call__(self, argv):
        self.seen.append(self.memory)
        error = ShellFailed(f"killed at {self.memory} bytes")
        error.kind = "out_of_memory" if self.memory < self.enough else "infrastructure"
        raise error


def test_memory_grows_with_each_attempt_that_had_too_little(begin):
    seen = []
    function = begin(shell=Limited(1_000, 4_000, seen), retries=Retries(out_of_memory=Grow(times=5), **AT_ONCE))
    with pytest.raises(ShellFailed, match="killed at 4000 bytes"):
        function()
    assert seen == [1_000, 2_000, 4_000]


def test_memory_grows_until_the_most_was_tried(begin):
    seen = []
    retries = Retries(out_of_memory=Grow(1.5, max=3_000), **AT_ONCE)
    function = begin(shell=Limited(1_000, 1 << 40, seen), retries=retries)
    with pytest.raises(ShellFailed, match="killed at 3000 bytes"):
        function()
    assert seen == [1_000, 1_500, 2_250, 3_000]


def test_without_a_limit_to_raise_nothing_is_tried_again_unless_it_says_how_often(begin):
    for ends, runs in (({"max": "1Ti"}, 1), ({"times": 2}, 3)):
        function = begin(*[MemoryError()] * 9, retries=Retries(out_of_memory=Grow(2, **ends), **AT_ONCE))
        with pytest.raises(MemoryError):
            function()
        assert flaky.calls == runs


def test_without_grow_each_attempt_has_the_same_memory(begin):
    seen = []
    function = begin(shell=Limited(1_000, 4_000, seen), retries=Retries(out_of_memory=1, **AT_ONCE))
    with pytest.raises(ShellFailed):
        function()
    assert seen == [1_000, 1_000]


class Builder:
    """A Shell for each attempt, and what it was asked."""

    def __init__(self, built):
        self.built, self.asked = built, []

    def build(self, func, args, kwargs, attempt):
        self.asked.append((func, args, kwargs, attempt))
        return self.built


def failing(argv):
    raise ShellFailed("no such machine")


def test_a_builder_chooses_a_shell_for_each_attempt_and_knows_why_the_one_before_failed(begin):
    builder = Builder(failing)
    function = begin(shell=builder, retries=Retries(infrastructure=1, **AT_ONCE))
    with pytest.raises(ShellFailed):
        function()
    (first, second) = (attempt for _, _, _, attempt in builder.asked)
    assert first == Attempt(1, ())
    assert second.number == 2
    assert [str(error.args[0]) for error in second.failures] == ["no such machine"]
    assert builder.asked[0][:3] == (run, (), {})


@pytest.mark.parametrize("built", [None, InThreadShell(), "a name"])
def test_a_builder_has_to_choose_what_starts_a_command(begin, built):
    function = begin(shell=Builder(built))
    with pytest.raises(ConfigurationError, match="starts no command"):
        function()
    assert function.peek() is None


def test_what_a_builder_raises_reaches_the_caller_and_nothing_is_left_open(begin):
    class Unwilling:
        def build(self, func, args, kwargs, attempt):
            raise LookupError("no machine for this")

    function = begin(shell=Unwilling())
    for _ in range(2):
        with pytest.raises(LookupError, match="no machine for this"):
            function()


def test_every_attempt_is_an_epoch(begin, tmp_path):
    function = begin(ValueError("one"), ValueError("two"), retries=Retries(user=2, **AT_ONCE))
    function()
    assert sorted(path.name for path in tmp_path.glob("mops1/memo/**/e?")) == ["e1", "e2", "e3"]


@pytest.mark.parametrize(
    "wrong", [{"retries": 3}, {"retries": None}, {"memoize_exceptions": ["ValueError"]}, {"memoize_exceptions": [int]}]
)
def test_settings_that_cannot_be_meant_are_refused(wrong, tmp_path):
    with pytest.raises(ConfigurationError):
        MemoizingPicklingRunner(None, tmp_path, **wrong)


def test_a_failure_that_cannot_end_otherwise_is_not_tried_again(begin):
    function = begin(StoreFull("no space"), retries=Retries(user=5, infrastructure=5, **AT_ONCE))
    with pytest.raises(StoreFull):
        function()
    assert flaky.calls == 1
    assert isinstance(function.peek(), Failure)
