"""Which codec stores the results of a type: the user's, or that of a library that mops knows."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from mops.core.canonical.leaves import LEAVES
from mops.core.errors import ConfigurationError, UndecodableResultError, UnserializableError
from mops.core.ports.blob_store import Buffer
from mops.core.ports.codec import NO_REDUCTIONS, Codec, Codecs, Reductions

_C = TypeVar("_C", bound="Codec[Any] | type[Codec[Any]]")

FAMILIES: Final[Mapping[str, str]] = {
    "builtins": "mops.adapters.codecs.raw",
    **{package: f"mops.adapters.codecs.{package}" for package in ("numpy", "polars", "pyarrow")},
}
"""The adapter for the types of each top-level package, imported when a value of such a type is met."""

BUILT_IN: Final[Mapping[str, str]] = {
    "arrow": "mops.adapters.codecs.pyarrow:TableCodec",
    "arrow-batch": "mops.adapters.codecs.pyarrow:RecordBatchCodec",
    "bytearray": "mops.adapters.codecs.raw:BytearrayCodec",
    "bytes": "mops.adapters.codecs.raw:BytesCodec",
    "json": "mops.adapters.codecs.plain_json:JsonCodec",
    "npy": "mops.adapters.codecs.numpy:NpyCodec",
    "polars": "mops.adapters.codecs.polars:FrameCodec",
}
"""The classes of the codecs that mops has, by their names."""

_REDUCING: Final = "polars"  # the one library that copies its values into a pickle
_RESERVED: Final = frozenset({"pickle5"})
_LONGEST_NAME: Final = 64
_OUR_OWN: Final = "mops.adapters.codecs."


class CodecRegistry(Codecs):
    """Finds codecs by the exact type of a value, and by their names. To be used by any number of threads at once.

    In the store, a codec of a user's is ``name@module``: who meets a name that nobody registered imports the module.
    """

    def __init__(self, families: Mapping[str, str] = FAMILIES) -> None:
        self._families = families
        self._registered: WeakKeyDictionary[type, Codec[Any]] = WeakKeyDictionary()
        self._found: WeakKeyDictionary[type, Codec[Any] | None] = WeakKeyDictionary()
        self._named: dict[str, Codec[Any]] = {}
        self._owners: dict[str, str] = {}

    def register(self, cls: type, codec: "Codec[Any] | type[Codec[Any]]") -> None:
        """Store results of exactly this class by a codec. Once more from the same class of codec: the later holds.

        Raises:
            ConfigurationError: the class has a fixed format or another codec, the name is not one or is another
                codec's, or a method is missing.
        """
        made: Codec[Any] = codec() if isinstance(codec, type) else codec
        if cls in LEAVES or cls in {object, type, tuple} or issubclass(cls, BaseException):
            text = f"the format of {cls.__qualname__} is fixed; register a class of your own, dict or list"
            raise ConfigurationError(text)
        _check(made)
        other = self._registered.get(cls)
        if other is not None and _home(other) != _home(made):
            raise ConfigurationError(f"{_home(other)} stores {cls.__qualname__} already, so {_home(made)} cannot")
        owner = _home(made) if isinstance(codec, type) else f"{_home(made)} of {cls.__module__}:{cls.__qualname__}"
        if self._owners.setdefault(made.name, owner) != owner:
            raise ConfigurationError(f"the name {made.name!r} belongs to {self._owners[made.name]}, not to {owner}")
        self._registered[cls] = self._named[made.name] = made
        self._found.clear()

    def codec_of(self, cls: type) -> Codec[Any] | None:
        """Give the codec of a class, remembered as long as the class lives."""
        try:
            return self._found[cls]
        except KeyError:
            found = self._found[cls] = self._registered.get(cls) or self._known(cls)
            return found

    def encode(self, value: Any, /) -> tuple[str, Sequence[Buffer]] | None:
        """As the port says."""
        codec = self.codec_of(type(value))
        if codec is None:
            return None
        try:
            pieces = codec.encode(value)
            if pieces is NotImplemented:
                return None
            return _stored_name(codec), _flat_pieces(pieces)
        except Exception as error:
            text = f"the codec {codec.name!r} cannot encode a {type(value).__qualname__}: {_text(error)}"
            raise UnserializableError(text, advice="have it return NotImplemented for what is to be pickled") from error

    def decode(self, name: str, buffer: Buffer, /) -> Any:
        """As the port says."""
        codec = self._find(*name.partition("@")[::2])
        try:
            return codec.decode(buffer)
        except Exception as error:
            text = f"the codec {codec.name!r} cannot decode a stored value: {_text(error)}"
            raise UndecodableResultError(text, advice="the stored bytes are intact: see the codec") from error

    def reductions(self) -> Reductions:
        """As the port says."""
        if _REDUCING not in sys.modules:
            return NO_REDUCTIONS
        reductions: Reductions = import_module(self._families[_REDUCING]).REDUCTIONS
        return reductions

    def _known(self, cls: type) -> Codec[Any] | None:
        family = self._families.get(cls.__module__.partition(".")[0])
        codecs: Mapping[type, Codec[Any]] = {} if family is None else import_module(family).CODECS
        return codecs.get(cls)

    def _find(self, name: str, module: str) -> Codec[Any]:
        text = f"a stored value is in the format {name!r}, which cannot be read here"
        try:
            if name not in self._named and name in BUILT_IN:
                home, _, qualname = BUILT_IN[name].partition(":")
                self._named[name] = getattr(import_module(home), qualname)()
            elif name not in self._named and module:
                import_module(module)
        except Exception as error:
            text = f"{text}: the import of {BUILT_IN.get(name, module)} failed: {_text(error)}"
            raise UndecodableResultError(text) from error
        if name not in self._named:
            advice = (
                f"import what registers it with @mops.codec_for: {module or 'a module'} of the process that stored it"
            )
            raise UndecodableResultError(f"{text}: nobody has registered it", advice=advice)
        return self._named[name]


def _check(codec: Codec[Any]) -> None:
    name = getattr(codec, "name", None)
    if not isinstance(name, str) or not _is_plain(name):
        raise ConfigurationError(f"a codec needs a name of letters, digits, dots and dashes, not {name!r}")
    taken = BUILT_IN.get(name)
    if name in _RESERVED or (taken is not None and _home(codec) != taken):
        raise ConfigurationError(f"the name {name!r} belongs to mops")
    for method in ("encode", "decode"):
        if not callable(getattr(codec, method, None)):
            raise ConfigurationError(f"the codec {name!r} has no method {method}")


def _is_plain(name: str) -> bool:
    letters = name.replace("-", "").replace(".", "").replace("_", "")
    return letters.isascii() and letters.isalnum() and len(name) <= _LONGEST_NAME


def _home(codec: Codec[Any]) -> str:
    """Where the class of a codec is: the same when its module was loaded again."""
    return f"{type(codec).__module__}:{type(codec).__qualname__}"


def _stored_name(codec: Codec[Any]) -> str:
    module = type(codec).__module__
    return codec.name if module.startswith(_OUR_OWN) else f"{codec.name}@{module}"


def _flat_pieces(pieces: Any) -> list[Buffer]:
    if isinstance(pieces, bytes | bytearray | memoryview | str):  # whose items are no buffers
        raise TypeError("encode gives a list of pieces: return [data]")
    return [_flat(piece) for piece in pieces]


def _flat(piece: Buffer) -> Buffer:
    """As single bytes, so that its length is that in bytes."""
    view = memoryview(piece)
    return view.cast("B") if view.nbytes else b""


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


registry = CodecRegistry()
"""The registry of this process."""


def codec_for(cls: type) -> Callable[[_C], _C]:
    """Store results of a type in a format of their own, so that others can read them without mops.

    ::

        @mops.codec_for(Mesh)
        class MeshCodec:
            name = "mesh1"

            def encode(self, value):
                return [value.to_stl()]

            def decode(self, buffer):
                return Mesh.from_stl(buffer)

    It applies to results of exactly this class; arguments, and values inside of others, are pickled. What a codec
    promises stands in ``mops.core.ports.codec``, and ``mops.testing.codec_suite`` tests it.

    Raises:
        ConfigurationError: the class is always pickled or has another codec, or the name is not one or is taken.
    """

    def register(codec: _C) -> _C:
        registry.register(cls, codec)
        return codec

    return register
