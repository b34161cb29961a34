"""A failure as it is stored: plain text first, the pickled exception beside it.

Whoever reads a store learns what went wrong without unpickling anything, and in a process that cannot import the
exception's class.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, final

from mops.core.errors import KINDS, FailureKind, MopsError, RemoteError


@final
class FailureRecord:
    """What is stored of one exception.

    Attributes:
        type_name: qualified name of its class.
        message: its text.
        traceback: formatted, with its causes.
        lineage: qualified names of its class and the bases of it.
        pickled: the exception for a process that can import it; empty where it cannot be pickled.
        kind: the field of ``Retries`` that it falls under; ``None`` where another attempt would fail the same way.
    """

    __slots__ = ("kind", "lineage", "message", "pickled", "traceback", "type_name")

    def __init__(
        self,
        *,
        message: str,
        traceback: str,
        lineage: Sequence[str],
        pickled: bytes = b"",
        kind: FailureKind | None = "user",
    ) -> None:
        self.type_name = lineage[0]
        self.message = message
        self.traceback = traceback
        self.lineage = tuple(lineage)
        self.pickled = pickled
        self.kind = kind

    def plain(self) -> dict[str, Any]:
        """As plain data, for a header."""
        plain = {"message": self.message, "traceback": self.traceback, "lineage": list(self.lineage)}
        return plain | {"kind": self.kind}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], pickled: bytes) -> "FailureRecord":
        """Undo ``plain``."""
        return cls(
            message=str(plain["message"]),
            traceback=str(plain["traceback"]),
            lineage=[str(name) for name in plain["lineage"]],
            pickled=pickled,
            kind=kind if (kind := plain.get("kind", "user")) in KINDS else None,
        )

    def remote_error(self) -> RemoteError:
        """The exception as text, for a process that cannot have it as it was."""
        return RemoteError(
            f"{self.type_name}: {self.message}",
            type_name=self.type_name,
            traceback_text=self.traceback,
            advice="the original exception could not be rebuilt here; its traceback is above",
        )


class RemoteTraceback(Exception):
    """The traceback of another process: the cause of an exception that travelled."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def with_remote_traceback(error: BaseException, record: FailureRecord) -> BaseException:
    """Show the traceback of the other process as the error's cause."""
    object.__setattr__(error, "__cause__", RemoteTraceback(record.traceback))  # a frozen dataclass refuses a plain one
    return error


def annotate(error: BaseException, note: str) -> None:
    """Add a note to an exception, a frozen one too; to one whose class takes none, nothing is done."""
    with suppress(Exception):
        if not isinstance(getattr(error, "__notes__", None), list):
            object.__setattr__(error, "__notes__", [])
        error.add_note(note)


def located(error: BaseException, function: str, memo_uri: str) -> BaseException:
    """Name the call in an error of ours; a user's exception stays as it is."""
    return error.about(function, memo_uri) if isinstance(error, MopsError) else error
