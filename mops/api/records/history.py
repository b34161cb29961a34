"""What a store knows of past calls, for people: read from headers alone, nothing is ever unpickled.

Whatever cannot be read is said to be so, and never raised: one damaged blob must not hide the others. Records are plain
data that somebody wrote; nothing here believes that a field exists, or is of some type.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Final, Literal, TypeAlias, final

import attrs

from mops.core.blob_layout import (
    claim_slot,
    content_key,
    describe_folder,
    log_slot,
    memo_from_folder,
    output_slot,
    result_slot,
    session_key,
    session_owner,
)
from mops.core.claim import entry, key
from mops.core.envelope import (
    ADOPTION,
    CLAIM,
    END,
    LEAVE,
    OUTPUT,
    RESULT,
    TOMBSTONE,
    Envelope,
    StoredSegment,
    kind_of,
    unseal,
)
from mops.core.errors import CorruptBlob, FormatTooNew, InvalidKey, UnsupportedStore, UnverifiedBlob
from mops.core.files import StoredFile
from mops.core.payload import files_in
from mops.core.ports.blob_store import BlobInfo, BlobStore

Kind: TypeAlias = Literal["result", "tombstone", "claim", "adoption", "leave", "end", "output", "unreadable"]
State: TypeAlias = Literal["stored", "running", "failed", "stopped", "interrupted", "voided", "unreadable", "absent"]

_KINDS: Final[Mapping[int, Kind]] = {
    RESULT: "result",
    TOMBSTONE: "tombstone",
    CLAIM: "claim",
    ADOPTION: "adoption",
    LEAVE: "leave",
    END: "end",
    OUTPUT: "output",
}
_ENDLESS: Final = 1e11
"""Seconds after the epoch, or of a duration, beyond which a number says nothing."""
_ENDLESS_SIZE: Final = 1 << 63
"""Bytes that no file has."""


@final
@attrs.frozen
class Record:
    """One blob of a memo.

    Attributes:
        slot: the last part of its key.
        kind: what it is; ``"unreadable"`` where that cannot be told.
        header: what it says, as plain data; empty where it cannot be read.
        fingerprint: of the code, in hexadecimal.
        size: bytes of the payload, wherever they are stored.
        payload: the parts of it that are stored by content.
        trouble: why it cannot be read, or nothing.
        is_passed_over: whether that is for want of a signature: a call goes on to the next slot.
    """

    slot: str
    kind: Kind
    header: Mapping[str, Any] = attrs.Factory(dict)
    fingerprint: str = ""
    size: int = 0
    payload: Sequence[StoredFile] = ()
    trouble: str = ""
    is_passed_over: bool = False

    @property
    def utc(self) -> float | None:
        """When it was written, in seconds since the epoch, by the clock of its writer."""
        return number_in(self.header, "utc")

    @property
    def failure(self) -> Mapping[str, Any] | None:
        """What an end says of the exception that ended the epoch."""
        return mapping_in(self.header, "failure") or None

    @property
    def producer(self) -> Mapping[str, Any]:
        """Who wrote it."""
        return mapping_in(self.header, "producer")

    @property
    def call(self) -> Mapping[str, Any]:
        """What a claim says of the call."""
        return mapping_in(self.header, "call")

    @property
    def files(self) -> Sequence[StoredFile]:
        """What a value, or the arguments of a call, consist of beside the payload, as far as it makes sense."""
        try:
            files = files_in({"files": list_in(self.header, "files")})
        except (CorruptBlob, OverflowError):
            return ()
        return [file for file in files if 0 <= file.size < _ENDLESS_SIZE]

    @property
    def value_size(self) -> int:
        """Bytes of the payload and of all files."""
        return self.size + sum(file.size for file in self.files)


def mapping_in(header: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A field that should be a mapping; empty where it is none."""
    value = header.get(name)
    return value if isinstance(value, dict) else {}


def list_in(header: Mapping[str, Any], name: str) -> Sequence[Any]:
    """A field that should be a list; empty where it is none."""
    value = header.get(name)
    return value if isinstance(value, list) else []


def number_in(header: Mapping[str, Any], name: str) -> float | None:
    """A field that should be a number; ``None`` where it is none, or none that means anything."""
    value = header.get(name)
    sound = isinstance(value, int | float) and abs(value) < _ENDLESS
    return float(value) if sound else None  # type: ignore[arg-type]


@final
@attrs.frozen
class EpochHistory:
    """One epoch: its claim, its log in order, and whether something that it printed is kept."""

    number: int
    claim: Record
    log: tuple[Record, ...]
    has_output: bool = False

    @property
    def end(self) -> Record | None:
        """What ended it, if its log says so."""
        return self.log[-1] if self.log and self.log[-1].kind == "end" else None

    @property
    def adoption(self) -> Record | None:
        """The last remote that adopted it."""
        return next((record for record in reversed(self.log) if record.kind == "adoption"), None)


@final
class PastCall:
    """Everything that is stored about one call, as one listing found it. Blobs are read when they are asked for, once.

    Attributes:
        heartbeat: reads the last heartbeat of a session: from the store, unless somebody knows better.
        uri: its memo URI.
        memo: its address under the root.
        store: where it is.
        blobs: size and time of each of its blobs, by slot.
    """

    def __init__(self, store: BlobStore, folder: str, blobs: Mapping[str, BlobInfo]) -> None:
        self.heartbeat: Callable[[str], Mapping[str, Any]] = partial(read_heartbeat, store)
        self.store = store
        self.memo = memo_from_folder(folder)
        self.uri = f"{store.uri}/{folder}"
        self.blobs = blobs

    @cached_property
    def results(self) -> tuple[Record, ...]:
        """The result slots of all generations, in order."""
        return tuple(self.read(result_slot(generation)) for generation in range(self._count("r")))

    @cached_property
    def epochs(self) -> tuple[EpochHistory, ...]:
        """All epochs, in order."""
        return tuple(self._epoch(number) for number in range(1, self._count("e", 1) + 1))

    @cached_property
    def result(self) -> Record | None:
        """What stands in the last result slot, but for those that a call passes over for want of a signature."""
        slots = [result_slot(generation) for generation in reversed(range(self._count("r")))]
        last = self.read(slots[0]) if slots else None
        if last is None or not last.is_passed_over:
            return last
        return next((record for record in map(self.read, slots[1:]) if not record.is_passed_over), last)

    @cached_property
    def last_epoch(self) -> EpochHistory | None:
        """The last epoch."""
        count = self._count("e", 1)
        return self._epoch(count) if count else None

    @cached_property
    def claim(self) -> Record | None:
        """The claim of the epoch that the result comes from; without a result, the last that can be read."""
        count = self._count("e", 1)
        result = self.result if count > 1 else None  # with one epoch, there is nothing to ask it
        epoch = None if result is None else number_in(result.header, "epoch")
        numbers = [*([] if epoch is None else [int(epoch)]), *range(count, 0, -1)]
        records = (self.read(claim_slot(number)) for number in numbers if claim_slot(number) in self.blobs)
        return next((record for record in records if record.kind == "claim"), None)

    @property
    def names(self) -> tuple[str, str, str | None]:
        """Pipeline id, ``module:qualname`` and logic key: from the folder, or the claim where they were cut."""
        try:
            names = describe_folder(self.memo.folder)
        except ValueError:  # no mops wrote this name
            names = "?", "/".join(self.memo.folder.split("/")[2:-2]), None
        call = self.claim.call if self.claim is not None and _is_cut(self.memo.folder) else {}
        if "function" not in call:
            return names
        logic_key = call.get("logic_key")
        return names[0], str(call["function"]), None if logic_key is None else str(logic_key)

    @property
    def description(self) -> Mapping[str, Any]:
        """What its claim says of the call, and its names: those are known without a claim."""
        pipeline_id, function, logic_key = self.names
        call = self.claim.call if self.claim is not None else {}
        return {"function": function, "logic_key": logic_key, **call, "pipeline_id": pipeline_id}

    @property
    def code_in_key(self) -> bool:
        """Whether other code would be another call."""
        return self.memo.folder.rsplit("/", 2)[1] != "any"

    @property
    def begun(self) -> float:
        """When the first blob of it was written, by the clock of the store."""
        return min((info.modified for info in self.blobs.values()), default=0.0)

    @property
    def modified(self) -> float:
        """When a blob of it was written last, by the clock of the store."""
        return max((info.modified for info in self.blobs.values()), default=0.0)

    @cached_property
    def state(self) -> State:
        """What became of the call, when it was asked for first."""
        return self.judge()

    def judge(self) -> State:
        """What became of the call by now: its blobs are those that were listed, heartbeats and processes as they are.

        Raises:
            StoreError: the store cannot be read.
        """
        if self.result is not None and self.result.kind != "tombstone":
            return "stored" if self.result.kind == "result" else "unreadable"
        epoch = self.last_epoch
        if epoch is None:
            return "voided" if self.result else "absent"
        if (number_in(epoch.claim.header, "generation") or 0) < self._count("r"):
            return "voided"
        if epoch.end is not None:
            return "failed" if epoch.end.failure else "stopped"
        return "interrupted" if self._is_abandoned(epoch) else "running"

    def read(self, slot: str) -> Record:
        """Read one blob.

        Raises:
            StoreError: the store cannot be read.
        """
        try:
            data = self.store.get(key(self.memo, slot))
        except UnsupportedStore as error:  # a named pipe, for one, which has a name under the root
            return Record(slot, "unreadable", trouble=str(error.args[0]))
        if data is None:
            return Record(slot, "unreadable", trouble="it is gone")
        try:
            envelope = unseal(data, owner=self.memo.digest, slot=slot)
            kind = _KINDS.get(envelope.kind, "unreadable")
            fingerprint, payload = envelope.fingerprint.hex(), tuple(_stored_by_content(envelope))
            return Record(slot, kind, envelope.header(), fingerprint, envelope.size, payload)
        except (CorruptBlob, FormatTooNew) as error:
            kind = "end" if kind_of(data) == END and "." in slot else "unreadable"  # as the protocol counts it
            passed_over = isinstance(error, UnverifiedBlob)
            return Record(slot, kind, trouble=str(error.args[0]), is_passed_over=passed_over)

    def _count(self, letter: str, first: int = 0) -> int:
        """How many slots of that letter follow each other, from the first possible one."""
        count = 0
        while f"{letter}{first + count}" in self.blobs:
            count += 1
        return count

    def _epoch(self, number: int) -> EpochHistory:
        log: list[Record] = []
        while (slot := log_slot(number, len(log) + 1)) in self.blobs:
            log.append(self.read(slot))
        has_output = output_slot(number) in self.blobs
        return EpochHistory(number, self.read(claim_slot(number)), tuple(log), has_output)

    def _is_abandoned(self, epoch: EpochHistory) -> bool:
        """Whether it is certain, without waiting, that nobody runs an open epoch any more."""
        from mops.runtime.process_identity import known_dead

        if epoch.claim.kind != "claim":
            return True
        if epoch.adoption is not None and not self._heartbeat_of(epoch.adoption).get("gone"):
            return known_dead(epoch.adoption.producer)
        beat = self._heartbeat_of(epoch.claim)
        claimed = entry(self.memo, epoch.number, str(epoch.claim.header.get("nonce")))
        return (
            any(record.kind == "leave" for record in epoch.log)
            or bool(beat.get("gone"))
            or claimed in list_in(beat, "owed")
            or known_dead(epoch.claim.producer)
        )

    def _heartbeat_of(self, record: Record) -> Mapping[str, Any]:
        return self.heartbeat(str(record.header.get("session")))


def _stored_by_content(envelope: Envelope) -> Iterator[StoredFile]:
    for part in envelope.segments():
        if isinstance(part, StoredSegment):
            yield StoredFile(content_key(part.digest), part.digest, part.length, "file", part.digest.hex())


def read_heartbeat(store: BlobStore, session: str) -> Mapping[str, Any]:
    """The last heartbeat of a session; empty where there is none that can be read.

    Raises:
        StoreError: the store cannot be read.
    """
    try:
        data = store.get(session_key(session))
        return {} if data is None else unseal(data, owner=session_owner(session), slot="session").header()
    except (CorruptBlob, FormatTooNew, InvalidKey, UnsupportedStore):
        return {}


def _is_cut(folder: str) -> bool:
    """Whether a name of a memo's folder was too long to stand in it whole."""
    return any(
        part.rpartition("=")[2].startswith("h") for part in folder.replace("--", "/").replace("@", "/").split("/")
    )
