"""Objects that many calls of a Runner take: stored once, and referred to by their content after that."""

import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias, final

from mops.core.files import AnyFile, AsWritten, LocalFile, SharedBlob, SharedObject, StoredFile
from mops.core.ports.serializer import Serialized, Serializer, Shared
from mops.core.shared import pack

_SMALL: Final = frozenset({int, float, bool, complex, type(None), type(...), type(NotImplemented)})
"""Types whose instances are smaller than a reference to their content, and some of which are everywhere."""

KeyOf: TypeAlias = Callable[[Any], bytes | None]
"""The digest of a value as it is now; ``None`` where it has no meaning as one."""


@final
class SharedObjects:
    """What one Runner was told to share, and which states of it are stored. Safe to use from any number of threads.

    An object is found in a call by its identity, and stands for its state at that time: the digest of its encoding, by
    which arguments are keyed, says whether that state is stored. So it may be changed between two calls, and another
    object may have its ``id`` after its death.
    """

    def __init__(self) -> None:
        self._added: dict[int, Callable[[], Any]] = {}
        self._blobs: dict[tuple[str, bytes, bool], SharedBlob] = {}

    def add(self, obj: Any) -> None:
        """Share an object for as long as it lives; for good, if that cannot be known of objects of its type."""
        if type(obj) in _SMALL:
            return
        place = id(obj)
        try:
            self._added[place] = weakref.ref(obj, lambda dead: self._forget(place, dead))
        except TypeError:
            self._added[place] = lambda: obj

    def _forget(self, place: int, dead: Any) -> None:
        if self._added.get(place) is dead:
            del self._added[place]

    def of_call(self, named: Iterable[Any], root: str, key_of: KeyOf, serializer: Serializer) -> Shared:
        """What to pickle a call with.

        Args:
            named: the arguments that are shared by their names.
            root: URI of the blob root of the call.
            key_of: gives the digest of a value.
            serializer: of the call.
        """
        added = [find() for find in tuple(self._added.values())]
        objects = [obj for obj in (*named, *added) if type(obj) not in _SMALL]
        return {id(obj): partial(self._shared, obj, root, key_of, serializer) for obj in objects}

    def _shared(self, obj: Any, root: str, key_of: KeyOf, serializer: Serializer, as_written: bool) -> SharedObject:
        def pickled() -> Serialized:  # in a tuple, which no codec takes
            return serializer.dumps((AsWritten(obj) if as_written else obj,))

        key = key_of(obj)
        known = None if key is None else self._blobs.get((root, key, as_written))
        if known is not None and not known.files:
            return SharedObject(known, lambda: pack(pickled().buffers))
        now = pickled()
        if known is None or not _are_the_same(known.files, now.files):
            known = SharedBlob(now.files)
            if key is not None:
                self._blobs[root, key, as_written] = known
        return SharedObject(known, lambda: pack(now.buffers))


def _are_the_same(some: Sequence[AnyFile], others: Sequence[AnyFile]) -> bool:
    """Whether files are at the same places: what has equal content, elsewhere, may have another one later."""
    return list(map(_place, some)) == list(map(_place, others))


def _place(file: AnyFile) -> str:
    return file.path if isinstance(file, LocalFile) else file.key if isinstance(file, StoredFile) else ""
