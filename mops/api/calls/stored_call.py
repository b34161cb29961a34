"""A call as its claim tells it, brought back so that it can be run in this process."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

from mops.api.calls.serving import Served, serve_throughout
from mops.api.functions.call_description import CallDescription
from mops.api.functions.code import CodeOfProcess
from mops.api.functions.declaration import declaration_of
from mops.api.functions.references import resolve
from mops.core import payload
from mops.core.claim import Claim
from mops.core.errors import CodeMismatchError, CorruptBlob
from mops.core.files import Arrived, StoredFile
from mops.core.fingerprint import Fingerprint, differences
from mops.core.invocation import FunctionReference
from mops.core.ports.blob_store import Buffer
from mops.core.ports.serializer import Serializer
from mops.runtime.inline import drive
from mops.runtime.world import World


@final
class StoredCall:
    """A function of this process and the arguments that it was called with.

    Attributes:
        definitions_that_differ: the code here is not the caller's in these; nothing where that does not count.
        remark: why the code could not be compared, or which constants have other values here; empty else.
    """

    __slots__ = ("_args", "_function", "_kwargs", "_serving", "definitions_that_differ", "remark")

    def __init__(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        serving: tuple[Served, ...],
        definitions_that_differ: tuple[str, ...],
        remark: str,
    ) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self._serving = serving
        self.definitions_that_differ = definitions_that_differ
        self.remark = remark

    def run(self) -> Any:
        """Call the function, in the knowledge of which call that is."""
        serve_throughout(self._serving)
        return self._function(*self._args, **self._kwargs)


def load_call(
    world: World, folder: str, claim: Claim, serializer: Serializer, use_code: Callable[[Buffer], None] | None = None
) -> StoredCall:
    """Find the function, bring in the arguments, and compare the code. Unpickles what the claim holds.

    Args:
        world: the store.
        folder: of the memo.
        claim: of the call.
        serializer: of the call.
        use_code: has this process import the code that travelled with the call; otherwise that of this process is run.

    Raises:
        FunctionNotFoundError: it cannot be imported here.
        CodeMismatchError: it travels as bytecode of another Python.
        UndecodableResultError: the arguments cannot be decoded here.
        StoreError: they cannot be read.
    """
    about = CallDescription.read(claim.header["call"])
    if not about.importable:
        _refuse_another_python(about)
    outer = [Served(each, entered=True) for each in about.serving]
    assert claim.envelope is not None
    fetched = drive(payload.fetch(claim.envelope, 0), world.perform)
    if about.tree and use_code is not None:
        use_code(_code_among(payload.files_in(claim.header), fetched.files, bytes.fromhex(about.tree)))
    serve_throughout((*outer, Served(folder, entered=True)))  # a module that makes this very call when it is imported
    by_reference: Any = resolve(FunctionReference(*about.importable.split(":", 1))) if about.importable else None
    declaration = declaration_of(by_reference)
    plain: Any = by_reference if declaration is None else declaration.function
    by_value, extras, args, kwargs = serializer.loads(*fetched)
    names: tuple[str, ...] = ()
    remark = ""
    if about.on_code_change != "ignore":
        names, remark = _compare(about, CodeOfProcess(about.first_party).fingerprint(by_value or plain, extras))
    own = Served(folder, entered=by_reference is None or declaration is not None, world=world)
    return StoredCall(by_value or plain, args, kwargs, (*outer, own), names, remark)


def _code_among(files: Sequence[StoredFile], arrived: Sequence[Arrived], digest: bytes) -> Buffer:
    """The code tree of a call, whose bytes were verified when they arrived."""
    for file, content in zip(files, arrived, strict=True):
        if file.digest == digest and isinstance(content, bytes | memoryview):
            return content
    raise CorruptBlob("its code tree is not among its files")


def _refuse_another_python(about: CallDescription) -> None:
    here = ".".join(map(str, sys.version_info[:2]))
    if about.python != here:
        raise CodeMismatchError(
            f"the function travels by value, as bytecode of Python {about.python}; this is Python {here}",
            advice="define the function in a module that both sides can import, or use the same Python",
        )


def _compare(about: CallDescription, fingerprint: Fingerprint) -> tuple[tuple[str, ...], str]:
    """The definitions that differ, and a remark. Constants may rightly differ: the number of CPUs, the environment.

    Or the image is stale, or the caller has set them: nobody can tell, so that is said and nothing is refused.
    """
    here = sys.implementation.cache_tag
    if about.cache_tag != here:
        remark = f"the code cannot be compared: this is {here}, the orchestrator {about.cache_tag}"
        if about.edited:
            raise CodeMismatchError(remark)
        return (), remark
    constants = frozenset() if about.edited else about.constants | fingerprint.constants
    # What one side alone reaches was chosen at run time, by platform or environment: who chooses is in both tables.
    both = about.definitions.keys() & fingerprint.table.keys()
    if not about.importable:  # what travels by value is the caller's; a class that was built from it holds other things
        both = {name for name in both if not (name.startswith("__main__:") or "<locals>" in name)}
    names = differences(
        {name: about.definitions[name] for name in both}, {name: fingerprint.table[name] for name in both}
    )
    other = [name for name in names if name in constants]
    remark = f"constants have other values here than in the orchestrator: {'; '.join(other)}" if other else ""
    return tuple(name for name in names if name not in constants), remark
