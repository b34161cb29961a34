"""The canonical encoding of values: equal bytes if and only if equal types and equal observable state.

Grammar. An encoding is at most 64 bytes; a longer one is replaced by ``#`` and the BLAKE3 digest of it, shared or not,
so nested sharing costs nothing twice. Every encoding starts with a tag of one byte, and no encoding starts with ``#``
otherwise.

    leaf     = tag payload                               scalars, packed columns of them (``columns.py``)
    node     = tag count:u64 lengths:count*u8 children   each child an encoding, so each length fits a byte

    0 + - . !   None, True, False, Ellipsis, NotImplemented: no payload
    i n         int of 64 bits; wider int: two's complement, little-endian, the latter in the fewest bytes that hold it
    f c         float, complex: IEEE doubles, little-endian, bit by bit, so NaN payloads and -0.0 are apart
    u b a       str, bytes, bytearray: str as UTF-8 with lone surrogates passed
    l t         list, tuple: the elements in order
    L T         list, tuple of 8 elements or more: one child, a column (``columns.py``)
    d           dict: key and value by turns, sorted by the encoding of the key, then of the value
    D           dict of 8 entries or more, keys all str or all int: list of the sorted keys, list of their values
    s z         set, frozenset: members sorted by encoding
    S Z         set, frozenset of 8 members or more, all int, all str or all bytes: list of the sorted members
    C F M       class, function, bound method: what a hook says of it; function and self
    x           instance of a subclass of a built-in, or with fields and a base in C: class, content, state as dict
    o           any other instance: class, instance state as dict
    k v         instance of a registered class; of a known library's class: class, structure
    r           instance that says so itself: class, then the members of ``__reduce_ex__(4)``; and, of an exception that
                has them, cause, context, whether the latter is suppressed, and attributes of its built-in bases
    g           the same, where that is a name: class, module, name; what wraps a function is an ``F``

A tag says how many children there are or that all count, and what each means, so two values with one encoding are one
value, as far as BLAKE3 has no collisions. Golden tests freeze the bytes.

Rules of this module: no recursion (an explicit stack, so any depth works at any depth of the caller), no ``==`` and no
``hash`` of a user's value, and whatever was seen is held until the end, so that no ``id`` is used twice.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from mops.core.canonical.columns import DEEPEST, SHORTEST, Column, Expansion, Part, column_of, sorted_alike
from mops.core.canonical.frames import Frame, path_to_child
from mops.core.canonical.instances import Layout, chain_of, is_plain, reduction
from mops.core.canonical.leaves import LEAVES, Encoded
from mops.core.errors import UnkeyableArgumentError

_HOME_OF_PATHS = "pathlib._local:"  # in Python 3.13 alone

MAX_DEPTH = 250_000
"""Levels of nesting. An object that unfolds into new objects without end is refused here."""


class Rule(NamedTuple):
    """How the instances of one class are keyed.

    Attributes:
        structure: gives what stands for a value: built-ins, and anything else that can be keyed.
        by_author: the user said so, by ``key_for`` or ``__mops_key__``; otherwise mops knows the library.
    """

    structure: Callable[[Any], object]
    by_author: bool


def by_reference(definition: Any) -> object:
    """Name a function or class that can be imported: ``module:qualname``.

    Raises:
        UnkeyableArgumentError: it is nested in a function, or is a lambda.
    """
    module: object = getattr(definition, "__module__", None)
    qualname = definition.__qualname__
    if "<" in qualname:
        raise UnkeyableArgumentError(f"{module}:{qualname} cannot be imported")
    return f"{'__main__' if module == '__mp_main__' else module}:{qualname}"


class Hooks:
    """What the encoding has to be told about classes and functions. Shared by any number of threads.

    Args:
        rule_for: the rule for the instances of a class that is no exact built-in, if there is one.
        reference_class: what stands for a class; two different classes never share it.
        reference_function: what stands for a function; two different functions never share it.
        cached_properties: whether values that a ``functools.cached_property`` left in an instance count.
    """

    def __init__(
        self,
        rule_for: Callable[[type], Rule | None] = lambda _: None,
        reference_class: Callable[[type], object] = by_reference,
        reference_function: Callable[[Any], object] = by_reference,
        *,
        cached_properties: bool = True,
    ) -> None:
        self.rule_for = rule_for
        self.reference_class = reference_class
        self.reference_function = reference_function
        self._cached_properties = cached_properties
        self._layouts: WeakKeyDictionary[type, Layout] = WeakKeyDictionary()

    def layout_of(self, cls: type) -> Layout:
        """Give the layout of a class's instances, remembered as long as the class lives."""
        known = self._layouts.get(cls)
        if known is None:
            known = self._layouts[cls] = Layout(cls, cached_properties=self._cached_properties)
        return known


class Encoder:
    """Encodes values, each object that they share once. One for the values of one call, in one thread.

    Objects must not change between two calls of ``encode``. After an error the encoder must not be used again.
    """

    __slots__ = ("_frames", "_held", "_hooks", "_known", "_level", "_plans", "_references")

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._level = 0
        self._known: dict[int, bytes] = {}
        self._held: list[object] = []
        self._references: dict[type, object] = {}
        self._plans: dict[type, _Plan] = {}
        self._frames: list[Frame] = []

    def encode(self, value: object, name: str) -> bytes:
        """Encode one value.

        Args:
            value: anything.
            name: what the value is called in an error, for example the name of the argument.

        Returns:
            At most 64 bytes.

        Raises:
            UnkeyableArgumentError: with the path to what has no meaning as a value, or refers back to itself.
        """
        leaf = LEAVES.get(type(value))
        if leaf is not None:
            return leaf(value)
        try:
            return self._run(value)
        except UnkeyableArgumentError as error:
            raise self._located(error, value, name) from error.__cause__

    def _run(self, root: object) -> bytes:
        known = self._known
        if id(root) in known:
            return known[id(root)]
        frames = self._frames = []
        frames.append(self._enter(root))
        while True:
            frame = frames[-1]
            for child in frame.pending:
                leaf = LEAVES.get(type(child))
                encoding = known.get(id(child)) if leaf is None else leaf(child)
                if encoding is None:
                    frames.append(self._enter(child))
                    break
                if not encoding:
                    encoding = self._recurring(child)
                frame.done.append(encoding)
            else:
                encoding = frame.close()
                if frame.identity:
                    known[frame.identity] = encoding
                frames.pop()
                if not frames:
                    return encoding
                frames[-1].done.append(encoding)

    def _recurring(self, value: object) -> bytes:
        raise UnkeyableArgumentError("refers back to an object that contains it")

    def _enter(self, value: object) -> Frame:
        """Open the frame of a value that is no leaf. Until it is closed, the value is known by an empty encoding."""
        cls = type(value)
        if len(self._frames) > MAX_DEPTH:
            raise UnkeyableArgumentError(f"nested more than {MAX_DEPTH:,} levels deep")
        if cls is Part or cls is Column:
            return Frame(*_BUILT_IN[cls](self, value), 0)
        self._known[id(value)] = b""
        self._held.append(value)
        plan = _BUILT_IN.get(cls) or self._plans.get(cls)
        if plan is None:
            plan = self._plans[cls] = self._plan(cls, value)
        return Frame(*plan(self, value), id(value))

    # -------------------------------------------------------------------------------------------- built-in containers
    def _column(self, value: Column) -> Expansion:
        return self._sequence(b"l", b"L", value.items, value.level)

    def _list(self, value: list[Any]) -> Expansion:
        return self._sequence(b"l", b"L", value, self._level)

    def _tuple(self, value: tuple[Any, ...]) -> Expansion:
        return self._sequence(b"t", b"T", value, self._level)

    def _sequence(self, short: bytes, long: bytes, items: Sequence[Any], level: int) -> Expansion:
        if len(items) < SHORTEST:
            return short, items
        column = column_of(items, level) or self._instances(items, level)
        return (short, items) if column is None else (long, (column,))

    def _instances(self, items: Sequence[Any], level: int) -> Part | None:
        cls = type(items[0])
        if level >= DEEPEST or cls in _BUILT_IN or cls in LEAVES or any(type(item) is not cls for item in items):
            return None
        plan = self._plans.get(cls)
        if plan is None:
            plan = self._plans[cls] = self._plan(cls, items[0])
        layout = self._hooks.layout_of(cls)
        if plan is _by_content:
            contents = layout.contents(items)
            return None if contents is None else Part(b"X", (self._reference(cls), Column(contents, level)))
        if plan is not _by_state:
            return None
        slots = layout.slots(items)
        if slots is None:
            return Part(b"O", (self._reference(cls), Column(layout.states(items), level)))
        names, columns = slots
        return Part(b"P", (self._reference(cls), list(names), *(Column(column, level + 1) for column in columns)))

    def _dict(self, value: dict[Any, Any]) -> Expansion:
        if len(value) >= SHORTEST and self._level < DEEPEST:
            keys = sorted_alike(value)
            if keys is not None and type(keys[0]) is not bytes:
                return b"D", (Column(keys, 1), Column([value[key] for key in keys], 1))
        return b"d", list(chain.from_iterable(value.items()))

    def _set(self, value: set[Any]) -> Expansion:
        members = sorted_alike(value) if len(value) >= SHORTEST else None
        return (b"s", list(value)) if members is None else (b"S", (Column(members, 0),))

    def _frozenset(self, value: frozenset[Any]) -> Expansion:
        members = sorted_alike(value) if len(value) >= SHORTEST else None
        return (b"z", list(value)) if members is None else (b"Z", (Column(members, 0),))

    # -------------------------------------------------------------------------------------------- definitions
    def _class(self, value: type) -> Expansion:
        return b"C", (self._reference(value),)

    def _function(self, value: FunctionType) -> Expansion:
        return b"F", (self._hooks.reference_function(value),)

    def _builtin_function(self, value: BuiltinFunctionType) -> Expansion:
        owner = value.__self__
        if owner is None or type(owner) is ModuleType:
            return b"F", (by_reference(value),)
        return b"M", (value.__name__, owner)

    def _method(self, value: MethodType) -> Expansion:
        return b"M", (value.__func__, value.__self__)

    # -------------------------------------------------------------------------------------------- instances
    def _plan(self, cls: type, value: object) -> "_Plan":
        """Decide how the instances of a class are encoded; the value is one of them."""
        if issubclass(cls, type):
            return Encoder._class
        rule = self._hooks.rule_for(cls)
        if rule is not None:
            tag, structure = b"k" if rule.by_author else b"v", rule.structure
            return lambda encoder, value: (tag, (encoder._reference(cls), structure(value)))
        layout = self._hooks.layout_of(cls)
        if not layout.is_explicit:
            return _by_its_word
        if layout.has_content:
            return _by_content
        if layout.declares_fields:
            return _by_word_and_state if layout.is_hidden else _by_state
        return _by_state if is_plain(value) else _by_its_word

    def _reference(self, cls: type) -> object:
        reference = self._references.get(cls)
        if reference is None:
            reference = self._hooks.reference_class(cls)
            if type(reference) is str:
                reference = Encoded(LEAVES[str](reference.replace(_HOME_OF_PATHS, "pathlib:")))
            self._references[cls] = reference
        return reference

    # -------------------------------------------------------------------------------------------- errors
    def _located(self, error: UnkeyableArgumentError, value: object, name: str) -> UnkeyableArgumentError:
        """Find the value again, without columns, so that the open frames are the path to it."""
        search = Encoder(self._hooks)
        search._level = DEEPEST
        path = name
        try:
            search._run(value)
        except UnkeyableArgumentError as again:
            error, path = again, name + path_to_child(search._frames)
        return UnkeyableArgumentError(f"{path}: {error.args[0]}", path=path, advice=error.advice)


def _by_state(encoder: Encoder, value: object) -> Expansion:
    cls = type(value)
    return b"o", (encoder._reference(cls), encoder._hooks.layout_of(cls).state(value))


def _by_content(encoder: Encoder, value: object) -> Expansion:
    cls = type(value)
    layout = encoder._hooks.layout_of(cls)
    return b"x", (encoder._reference(cls), layout.content(value), layout.state(value))


def _by_word_and_state(encoder: Encoder, value: object) -> Expansion:
    cls = type(value)
    content = Part(*_by_its_word(encoder, value))
    return b"x", (encoder._reference(cls), content, encoder._hooks.layout_of(cls).state(value))


def _by_its_word(encoder: Encoder, value: object) -> Expansion:
    reduced = reduction(value)
    reference = encoder._reference(type(value))
    if isinstance(reduced, str):
        if hasattr(value, "__wrapped__") and hasattr(value, "__qualname__"):  # ``functools.lru_cache`` made it
            return b"F", (encoder._hooks.reference_function(value),)
        return b"g", (reference, getattr(value, "__module__", None), reduced)
    constructor, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    content = Part(b"d", [*chain.from_iterable(pairs or ())])
    return b"r", (reference, constructor, arguments, state, list(items or ()), content, *chain_of(value))


_Plan: TypeAlias = Callable[[Encoder, Any], Expansion]

_BUILT_IN: dict[type, _Plan] = {
    Part: lambda _, value: value,
    Column: Encoder._column,
    list: Encoder._list,
    tuple: Encoder._tuple,
    dict: Encoder._dict,
    set: Encoder._set,
    frozenset: Encoder._frozenset,
    type: Encoder._class,
    FunctionType: Encoder._function,
    BuiltinFunctionType: Encoder._builtin_function,
    MethodType: Encoder._method,
}
