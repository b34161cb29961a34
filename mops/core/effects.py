"""What the core asks of the world. A use case is a generator that yields these and receives the answers.

Rules of this file:

* An effect is a request as a plain value. It does nothing.
* What an effect may raise is thrown into the generator at the ``yield``.
* Nothing here knows who performs it: the inline driver, the engine, or a simulator under virtual time.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, Literal, TypeAlias, TypeVar, final

from mops.core.files import LocalFile, StoredFile
from mops.core.ports.blob_store import Buffer

T = TypeVar("T")
Steps: TypeAlias = Generator["Effect", Any, T]
"""A computation that yields effects and returns a ``T``."""
News: TypeAlias = Literal["claimed", "started", "adopted", "waiting", "published", "hit", "failed"]


# ------------------------------------------------------------------------------------------------ the blob store
@final
class Get:
    """Read a blob. Answer: ``Buffer | None``."""

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key


@final
class PutIfAbsent:
    """Create a blob. Answer: ``bool``, as ``BlobStore.put_if_absent``."""

    __slots__ = ("key", "parts")

    def __init__(self, key: str, parts: Sequence[Buffer]) -> None:
        self.key = key
        self.parts = parts


@final
class Put:
    """Replace a blob. Answer: ``None``."""

    __slots__ = ("key", "parts")

    def __init__(self, key: str, parts: Sequence[Buffer]) -> None:
        self.key = key
        self.parts = parts


@final
class GetContent:
    """Read what is stored by content, that many bytes. Answer: ``Buffer | None``, verified; raises ``CorruptBlob``."""

    __slots__ = ("digest", "size")

    def __init__(self, digest: bytes, size: int) -> None:
        self.digest = digest
        self.size = size


@final
class PutContent:
    """Store the parts of one blob by content. Answer: its digest, ``bytes``."""

    __slots__ = ("parts",)

    def __init__(self, *parts: Buffer) -> None:
        self.parts = parts


@final
class PutFile:
    """Store a file or directory of this machine; durably, it survives a power failure.

    Answer: ``StoredFile``. Raises ``FileChanged`` where it is not, or does not stay, what its digest says.
    """

    __slots__ = ("durable", "file")

    def __init__(self, file: LocalFile, *, durable: bool = False) -> None:
        self.file = file
        self.durable = durable


@final
class FetchFile:
    """Bring a file or directory here. Answer: its local path, ``str``, of the same final name; ``None``: it is gone."""

    __slots__ = ("file",)

    def __init__(self, file: StoredFile) -> None:
        self.file = file


@final
class HasFile:
    """Look for a file where it was stored. Answer: ``StoredFile``, as this root names it; ``None``: it is gone."""

    __slots__ = ("file",)

    def __init__(self, file: StoredFile) -> None:
        self.file = file


@final
class Sync:
    """Make a blob survive a power failure, where the store supports it. Answer: ``None``."""

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key


# ------------------------------------------------------------------------------------------------ time
@final
class Now:
    """Answer: monotonic seconds, ``float``."""

    __slots__ = ()


@final
class Wait:
    """Do nothing for about that many seconds, jittered by the driver. Answer: ``None``.

    With a memo's folder, the wait ends early when this process publishes under it, or when a job of the call has news.
    """

    __slots__ = ("folder", "seconds")

    def __init__(self, seconds: float, folder: str = "") -> None:
        self.seconds = seconds
        self.folder = folder


# ------------------------------------------------------------------------------------------------ sessions


@final
class Issue:
    """Answer: a new ``Ticket``."""

    __slots__ = ()


@final
class Enter:
    """Enter a claim, ``<folder>/e<n>#<nonce>``, into this session's table, before it is written. Answer: ``None``."""

    __slots__ = ("entry",)

    def __init__(self, entry: str) -> None:
        self.entry = entry


@final
class Exit:
    """Remove a claim from this session's table: its epoch is over, or was never ours. Answer: ``None``."""

    __slots__ = ("entry",)

    def __init__(self, entry: str) -> None:
        self.entry = entry


@final
class Owe:
    """This session left a claim and cannot write that now: name it in the heartbeat, drive ``release()``.

    Answer: ``None``.
    """

    __slots__ = ("entry", "release")

    def __init__(self, entry: str, release: "Callable[[], Steps[None]]") -> None:
        self.entry = entry
        self.release = release


@final
class Held:
    """Whether this session has a claim that is not owed. Answer: ``bool``; ``None`` where the session is another's."""

    __slots__ = ("entry", "session")

    def __init__(self, session: str, entry: str) -> None:
        self.session = session
        self.entry = entry


@final
class Look:
    """Look at the heartbeat of a session; one read an interval, whoever asks. Answer: ``Pulse``."""

    __slots__ = ("session",)

    def __init__(self, session: str) -> None:
        self.session = session


@final
class KnownDead:
    """Whether the process that wrote this producer is known to be dead. Answer: ``bool``; unknown is ``False``."""

    __slots__ = ("producer",)

    def __init__(self, producer: Any) -> None:
        self.producer = producer


# ------------------------------------------------------------------------------------------------ running
@final
class Admit:
    """Wait for a slot of the Shell, before anything is claimed. Answer: ``None``."""

    __slots__ = ()


@final
class Start:
    """Start a command for an epoch. Answer: ``None``; its progress is asked for by ``Ask``."""

    __slots__ = ("epoch", "folder")

    def __init__(self, folder: str, epoch: int) -> None:
        self.folder = folder
        self.epoch = epoch


@final
class Ask:
    """Ask the Shell how the command of this call fares. Answer: ``Job``."""

    __slots__ = ()


@final
class Stop:
    """Give the slot of the Shell back, and stop the command that runs in it, if any. Answer: ``None``."""

    __slots__ = ()


@final
class Attach:
    """Find the command that an earlier process started for an epoch; from then on ``Ask`` tells of it.

    Answer: ``bool``, whether there is one.
    """

    __slots__ = ("epoch", "folder")

    def __init__(self, folder: str, epoch: int) -> None:
        self.folder = folder
        self.epoch = epoch


@final
class Detach:
    """Forget the command that was found by ``Attach``: its epoch is over. Answer: ``None``."""

    __slots__ = ()


@final
class Run:
    """Run the function of this call here. Answer: ``Ran``. An exception that is no ``Exception`` is thrown instead."""

    __slots__ = ()


@final
class Describe:
    """Turn an exception into what is stored of it. Answer: ``mops.core.failure.FailureRecord``."""

    __slots__ = ("exception",)

    def __init__(self, exception: BaseException) -> None:
        self.exception = exception


@final
class Published:
    """Wake whoever waits for this memo in this process. Answer: ``None``."""

    __slots__ = ("folder",)

    def __init__(self, folder: str) -> None:
        self.folder = folder


@final
class Report:
    """Tell the user, once a process for each text. Answer: ``None``."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


@final
class Tell:
    """Something happened to a call: tell whoever observes this process. Answer: ``None``.

    Attributes:
        what: the event, as the classes of ``mops.core.events`` are named.
        folder: of the memo.
        epoch: its number; 0 where there is none.
        about: what the details are taken from, where somebody observes.
    """

    __slots__ = ("about", "epoch", "folder", "what")

    def __init__(self, what: News, folder: str, epoch: int, about: Any = None) -> None:
        self.what = what
        self.folder = folder
        self.epoch = epoch
        self.about = about


@final
class Spool:
    """Keep what could not be published in this machine's temporary directory. Answer: where it is, ``str``.

    Attributes:
        parts: of one file.
        files: copied beside it.
    """

    __slots__ = ("files", "name", "parts")

    def __init__(self, name: str, parts: Sequence[Buffer], files: Sequence[LocalFile] = ()) -> None:
        self.name = name
        self.parts = parts
        self.files = files


Effect: TypeAlias = (
    Get | PutIfAbsent | Put | GetContent | PutContent | PutFile | FetchFile | HasFile | Sync
    | Now | Wait | Issue | Enter | Exit | Owe | Held | Look | KnownDead
    | Admit | Start | Ask | Stop | Attach | Detach | Run | Describe | Published | Report | Tell | Spool
)  # fmt: skip
