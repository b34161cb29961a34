"""References and binders."""

import functools
import itertools
import pickle

import pytest

from mops.core.invocation import FunctionReference, compile_binder


def bound(function, *args, **kwargs):
    binder = compile_binder(function)
    return dict(zip(binder.names, binder.bind(*args, **kwargs), strict=True))


def everything(a, /, b, c=3, *rest, d, e=5, **options):
    return a, b, c, rest, d, e, options


def plain(a, b=2):
    return a, b


def test_a_reference_reads_as_module_and_name_and_survives_pickling():
    reference = FunctionReference("package.module", "Class.method")
    assert str(reference) == "package.module:Class.method"
    assert pickle.loads(pickle.dumps(reference)) == reference


def test_names_stand_in_the_order_of_declaration_and_show_stars():
    assert compile_binder(everything).names == ("a", "b", "c", "*rest", "d", "e", "**options")
    assert compile_binder(lambda: 0).names == ()
    assert compile_binder(lambda *, key: 0).names == ("key",)


def test_every_way_to_pass_an_argument_binds_the_same():
    calls = [((1,), {}), ((1, 2), {}), ((1,), {"b": 2}), ((), {"a": 1}), ((), {"b": 2, "a": 1})]
    assert [bound(plain, *args, **kwargs) for args, kwargs in calls] == [{"a": 1, "b": 2}] * 5


def test_rest_options_and_defaults_are_filled_in():
    assert bound(everything, 1, 2, d=4) == {"a": 1, "b": 2, "c": 3, "*rest": (), "d": 4, "e": 5, "**options": {}}
    full = bound(everything, 1, 2, 30, 31, 32, d=4, e=50, x=6, a=7)
    assert full == {"a": 1, "b": 2, "c": 30, "*rest": (31, 32), "d": 4, "e": 50, "**options": {"x": 6, "a": 7}}


def test_positional_only_and_keyword_only_parameters_are_told_apart():
    def both(a, b=2, /, *, c=3):
        return a, b, c

    def only(a, /):
        return a

    assert bound(both, 1, c=4) == {"a": 1, "b": 2, "c": 4}
    assert bound(only, 1) == {"a": 1}
    with pytest.raises(TypeError):
        bound(only, a=1)


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"z": 1}), ((1,), {"a": 1})])
def test_a_call_that_does_not_fit_raises_what_the_function_would_raise(args, kwargs):
    with pytest.raises(TypeError) as expected:
        plain(*args, **kwargs)
    with pytest.raises(TypeError) as caught:
        compile_binder(plain).bind(*args, **kwargs)
    assert str(caught.value) == str(expected.value)


def test_defaults_are_known_by_name():
    assert compile_binder(everything).defaults == {"c": 3, "e": 5}
    assert compile_binder(plain).defaults == {"b": 2}


def test_arguments_of_a_partial_count_as_passed():
    partial = functools.partial(functools.partial(everything, 1), 2, d=4)
    assert bound(partial, x=1) == bound(everything, 1, 2, d=4, x=1)
    assert bound(partial, d=5) == bound(everything, 1, 2, d=5)
    assert compile_binder(partial).defaults == {"c": 3, "e": 5}


class Scaler:
    def __init__(self, factor):
        self.factor = factor

    def scale(self, x, offset=0):
        return self.factor * x + offset

    def __call__(self, x):
        return self.scale(x)

    @classmethod
    def make(cls, factor=1):
        return cls(factor)


def test_self_of_methods_and_of_callable_instances_is_an_argument():
    scaler = Scaler(2)
    assert bound(scaler.scale, 3) == {"self": scaler, "x": 3, "offset": 0}
    assert bound(scaler, x=3) == {"self": scaler, "x": 3}
    assert bound(Scaler.make) == {"cls": Scaler, "factor": 1}


def test_callables_without_code_are_bound_as_they_are_called():
    assert bound(max, 1, 2, key=abs) == {"*args": (1, 2), "**kwargs": {"key": abs}}
    assert bound(Scaler, 2) == {"*args": (2,), "**kwargs": {}}
    assert bound(itertools.count, 1) == {"*args": (1,), "**kwargs": {}}


def wrapped(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def supplied(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function("supplied", *args, **kwargs)

    return wrapper


def test_a_wrapper_of_any_signature_is_bound_by_what_is_passed():
    for decorated in (wrapped(plain), wrapped(wrapped(plain)), supplied(plain), functools.lru_cache(plain)):
        assert bound(decorated, 1) == {"*args": (1,), "**kwargs": {}}
        assert bound(decorated, 1, b=2) == {"*args": (1,), "**kwargs": {"b": 2}}
        assert bound(decorated) == {"*args": (), "**kwargs": {}}


def test_a_wrapper_that_fills_in_another_default_is_not_bound_by_the_one_that_it_wraps():
    @functools.wraps(plain)
    def ten(*args, **kwargs):
        kwargs.setdefault("b", 10)
        return plain(*args, **kwargs)

    assert ten(1) != ten(1, b=2)
    assert bound(ten, 1) != bound(ten, 1, b=2)


class Swapping(functools.partial):
    def __call__(self, b, a):
        return super().__call__(a, b)


class Counting:
    def __init__(self, function):
        functools.update_wrapper(self, function)

    def __call__(self, x, times=2):
        return [self.__wrapped__(x) for _ in range(times)]


def test_callables_with_a_call_of_their_own_are_bound_by_it():
    swapping, counting = Swapping(plain), Counting(plain)
    assert bound(swapping, 1, a=2) == {"self": swapping, "b": 1, "a": 2}
    assert bound(counting, 1) == {"self": counting, "x": 1, "times": 2}


def test_a_wrapper_with_parameters_of_its_own_is_bound_by_them():
    @functools.wraps(plain)
    def renamed(x, *args):
        return plain(x, *args)

    assert bound(renamed, 1) == {"x": 1, "*args": ()}


def test_the_binder_keeps_the_defaults_of_its_time():
    def function(a=1):
        return a

    binder = compile_binder(function)
    function.__defaults__ = (2,)
    assert binder.bind() == (1,)
    assert compile_binder(function).bind() == (2,)
