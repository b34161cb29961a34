"""Every error that mops raises.

Grouped by what the reader does next:

    MopsError
    ├── CallError                       fix the call
    │   ├── UnkeyableArgumentError      an argument has no meaning as a value
    │   ├── UnserializableError         a value cannot be stored
    │   ├── RecursiveCallError          a call would wait for itself
    │   ├── DecorationError             the function cannot be memoized as it is declared
    │   ├── ForeignFutureError          a future that belongs to the parent of this process
    │   ├── NothingToAttachTo           nothing is stored of a call, and nobody runs it
    │   └── ConfigurationError          a setting that cannot be meant
    ├── SetupError               fix the environment
    │   ├── CodeMismatchError           the remote has other code than the orchestrator
    │   ├── FunctionNotFoundError       the remote cannot import the function
    │   ├── UndecodableResultError      a verified result cannot be decoded here
    │   ├── SourceNotFound              there is no file where a Source says
    │   ├── MissingExtraError           an optional dependency is not installed
    │   ├── StoreDenied                 no permission
    │   ├── StoreFull                   no space, or no quota
    │   ├── StoreReadOnly               the root cannot be written
    │   ├── UnsupportedStore            the root does not keep the promises of a blob store
    │   ├── BlobArchived                the blob exists, but has to be rehydrated first
    │   ├── InvalidKey                  a blob key outside the grammar
    │   └── FormatTooNew                written by a later mops
    ├── TransientError                  try again
    │   ├── StoreUnavailable            no answer; the operation may have been applied
    │   ├── FileChanged                 a file is not the one that was hashed
    │   ├── ShellFailed                 the command did not come to an outcome
    │   │   ├── RemoteCrashed           the process that ran the function died
    │   │   ├── RunTimeout              the function ran for longer than it may
    │   │   └── StartTimeout            the command never reported
    │   └── CallCancelled               nobody wanted the call any more
    ├── RemoteError                     the function raised something that cannot travel
    └── DefectError                     report it
        └── CorruptBlob                 stored bytes are not the ones that were written
            └── UnverifiedBlob          no key that is known here signed them

Every constructor takes one positional message and keyword details, which live in ``__dict__``: so every class survives
pickling by the default protocol of exceptions.
"""

from typing import Final, Literal, TypeAlias

FailureKind: TypeAlias = Literal["user", "interrupted", "out_of_memory", "infrastructure"]
"""The fields of ``Retries``: what a failure falls under."""
KINDS: Final[tuple[FailureKind, ...]] = ("user", "interrupted", "out_of_memory", "infrastructure")
_FROM_OUTSIDE: Final = frozenset({-1, -2, -9, -15, 129, 130, 137, 143})
"""Exit statuses after SIGHUP, SIGINT, SIGKILL and SIGTERM, as ``subprocess`` reports them and as a shell does."""


class MopsError(Exception):
    """What happened, to which call, and what to do.

    Attributes:
        function: reference of the function that was called, where one was.
        memo_uri: address of everything about the call, where one is known.
        advice: what to do next.
    """

    advice: str = ""

    def __init__(self, message: str, *, function: str = "", memo_uri: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.function = function
        self.memo_uri = memo_uri
        if advice:
            self.advice = advice

    def __str__(self) -> str:
        details = (("function", self.function), ("memo", self.memo_uri), ("to do", self.advice))
        return "\n".join([str(self.args[0]), *(f"  {name}: {text}" for name, text in details if text)])

    def about(self, function: str, memo_uri: str) -> "MopsError":
        """Name the call that this error befell, unless it is named already. Returns the error itself."""
        self.function = self.function or function
        self.memo_uri = self.memo_uri or memo_uri
        return self


# ------------------------------------------------------------------------------------------------ fix the call
class CallError(MopsError):
    """The call, or the way the function is declared, cannot work."""


class UnkeyableArgumentError(CallError, TypeError):
    """An argument has no meaning as a value. Raised before anything runs.

    Attributes:
        path: where the offending value stands, for example ``cfg.client._lock``.
    """

    advice = "pass a plain value, register one with @mops.key_for(type), or name the argument in ignore="

    def __init__(
        self, message: str, *, path: str = "", function: str = "", memo_uri: str = "", advice: str = ""
    ) -> None:
        super().__init__(message, function=function, memo_uri=memo_uri, advice=advice)
        self.path = path


class UnserializableError(CallError, TypeError):
    """A value cannot be pickled.

    Attributes:
        path: where the offending value stands.
    """

    advice = "return plain data, or build the offending object from it on the calling side"

    def __init__(
        self, message: str, *, path: str = "", function: str = "", memo_uri: str = "", advice: str = ""
    ) -> None:
        super().__init__(message, function=function, memo_uri=memo_uri, advice=advice)
        self.path = path


class RecursiveCallError(CallError, RecursionError):
    """A call would have to wait for its own result."""

    advice = "give the inner call other arguments, or call the plain function: f.__wrapped__(...)"


class DecorationError(CallError, TypeError):
    """The function cannot be memoized as it is declared."""


class ForeignFutureError(CallError, RuntimeError):
    """A future, or a map, of the process that this one was forked from: nobody here can know what becomes of it."""

    advice = "call the function again in this process: it joins the call, or finds what it came to"


class NothingToAttachTo(CallError, LookupError):
    """Nothing is stored of a call, and nobody runs it."""

    advice = "call the function: an address alone says neither with which arguments, nor where it is to run"


class ConfigurationError(CallError, ValueError):
    """A setting that cannot be meant."""


# ------------------------------------------------------------------------------------------------ fix the environment
class SetupError(MopsError):
    """Something around the call is not as it has to be."""


class CodeMismatchError(SetupError):
    """The remote has other code than the orchestrator.

    Attributes:
        definitions: the definitions that differ, by name.
    """

    advice = "install the same code in the remote, have it travel (code='tree'), or state on_code_change='ignore'"

    def __init__(
        self,
        message: str,
        *,
        definitions: tuple[str, ...] = (),
        function: str = "",
        memo_uri: str = "",
        advice: str = "",
    ) -> None:
        super().__init__(message, function=function, memo_uri=memo_uri, advice=advice)
        self.definitions = definitions


class FunctionNotFoundError(SetupError, ImportError):
    """The function, or something that it needs, cannot be imported where it has to run."""

    advice = "install the package in the remote, put it on its sys.path, or have it travel (code='tree')"


class UndecodableResultError(SetupError):
    """A verified result cannot be decoded in this process: most often a class of it cannot be imported here."""

    advice = "install the packages whose classes the result consists of; the stored result is intact"


class SourceNotFound(SetupError, FileNotFoundError):
    """There is no file where a Source says."""

    advice = "look where the file was written; a result whose file has gone is computed anew when it is asked for"


class MissingExtraError(SetupError, ImportError):
    """An optional dependency is not installed."""


class StoreError(MopsError):
    """A blob store could not do what it was asked. The closed set of what adapters may raise."""


class StoreDenied(StoreError, SetupError, PermissionError):
    """No permission; nothing was applied."""

    advice = "check the permissions of this user on the blob root"


class StoreFull(StoreError, SetupError):
    """No space or no quota left; nothing was applied."""

    advice = "make room under the blob root, or name another one"


class StoreReadOnly(StoreError, SetupError):
    """The root cannot be written; nothing was applied."""

    advice = 'name a writable blob root, by itself or in front of this one: blob_root=["file:///mine", ...]'


class UnsupportedStore(StoreError, SetupError):
    """The root does not keep the promises of a blob store."""


class BlobArchived(StoreError, SetupError):
    """The blob exists, but is in an archive tier and has to be rehydrated before it can be read."""


class InvalidKey(StoreError, SetupError, ValueError):
    """A blob key outside the grammar of ``core/ports/blob_store.py``."""


class FormatTooNew(StoreError, SetupError):
    """The blob was written by a later version of mops."""

    advice = "upgrade: pip install -U mops-run"


# ------------------------------------------------------------------------------------------------ try again
class TransientError(MopsError):
    """The same call may well succeed at the next attempt."""


class StoreUnavailable(StoreError, TransientError):
    """No answer, or a server's error. The operation may have been applied.

    Attributes:
        waited: seconds that this took, where the store is reached over a network.
    """

    advice = "check the network and the service; the call can be repeated as it is"
    waited: float = 0.0


class FileChanged(StoreError, TransientError):
    """A file is not the one that was hashed before: it was modified, replaced or removed while it was being stored."""

    advice = "let nobody write to the file until the call has begun; the call can be repeated as it is"

    @classmethod
    def told_by(cls, path: str, told: OSError | str = "its content is another one now") -> "FileChanged":
        """The error about one file, which could not be read, or is another one."""
        reason = told if isinstance(told, str) else told.strerror or repr(told)
        return cls(f"{path!r} is not the file that was hashed: {reason}")


class ShellFailed(TransientError):
    """The command ended, or could not be started, without an outcome in the store.

    Attributes:
        kind: the field of ``Retries`` that this failure falls under.
    """

    kind: FailureKind = "infrastructure"


class RemoteCrashed(ShellFailed):
    """The process that ran the function died.

    Attributes:
        exit_code: as ``subprocess`` reports it: negative numbers are signals. Signals that others send count as
            interrupted, everything else as the doing of the function.
    """

    def __init__(
        self, message: str, *, exit_code: int = 0, function: str = "", memo_uri: str = "", advice: str = ""
    ) -> None:
        super().__init__(message, function=function, memo_uri=memo_uri, advice=advice)
        self.exit_code = exit_code
        self.kind = "interrupted" if exit_code in _FROM_OUTSIDE else "user"


class RunTimeout(ShellFailed, TimeoutError):
    """The function ran for longer than the Shell's ``run_timeout``, and was stopped.

    Attributes:
        stack: where it stood, innermost first, each as ``file:line in function``; empty where that could not be asked.
    """

    kind = "user"
    advice = "look at the line where it stood; or give it more time: run_timeout="

    def __init__(
        self, message: str, *, stack: tuple[str, ...] = (), function: str = "", memo_uri: str = "", advice: str = ""
    ) -> None:
        super().__init__(message, function=function, memo_uri=memo_uri, advice=advice)
        self.stack = stack


class StartTimeout(ShellFailed):
    """The command was started, but no remote ever reported."""


class CallCancelled(TransientError):
    """The execution was stopped because nobody wanted the call any more."""


def kind_of(error: BaseException) -> FailureKind | None:
    """The field of ``Retries`` that a failure falls under; ``None`` where another attempt would fail the same way."""
    if isinstance(error, ShellFailed):
        return error.kind
    if isinstance(error, CallError | SetupError | CallCancelled):
        return None
    if isinstance(error, TransientError):
        return "infrastructure"
    return "out_of_memory" if isinstance(error, MemoryError) else "user"


# ------------------------------------------------------------------------------------------------ the user's function
class RemoteError(MopsError):
    """The function raised an exception that cannot be rebuilt here; its text is here instead.

    Attributes:
        type_name: qualified name of the original exception.
        traceback_text: the formatted traceback of the remote.
    """

    def __init__(
        self,
        message: str,
        *,
        type_name: str = "",
        traceback_text: str = "",
        function: str = "",
        memo_uri: str = "",
        advice: str = "",
    ) -> None:
        super().__init__(message, function=function, memo_uri=memo_uri, advice=advice)
        self.type_name = type_name
        self.traceback_text = traceback_text


# ------------------------------------------------------------------------------------------------ report it
class DefectError(MopsError):
    """Something that should not be possible."""


class CorruptBlob(StoreError, DefectError):
    """Stored bytes are not the ones that were written: torn by a power failure, truncated, or tampered with."""


class UnverifiedBlob(CorruptBlob):
    """No key that is known here signed the stored bytes for the place where they are. Nothing was decoded."""

    advice = "give MOPS_SIGNING_KEY the key of whoever wrote it, if you trust them: see the documentation on signing"
