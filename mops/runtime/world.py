"""A blob store, a session on it, and who waits here: what the core asks of them is performed."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mops.core import answers, effects
from mops.core.errors import CallCancelled, StoreUnavailable
from mops.core.files import StoredFile
from mops.core.payload import sync
from mops.core.ports.blob_store import BETWEEN_LAYERS, LAYERS, BlobStore, Buffer, SupportsSync
from mops.core.ports.clock import Clock
from mops.core.result import Failure
from mops.runtime.inline import drive
from mops.runtime.observers import OBSERVERS, deliver
from mops.runtime.wakers import Wakers

if TYPE_CHECKING:
    from mops.core.call import Answer
    from mops.runtime.contents import Contents
    from mops.runtime.layered_contents import LayeredContents
    from mops.runtime.session import Pulses, Session

_NEAR: Final = ("file:", "memory:")


class World:
    """One blob store as this process sees it. All methods may be called from any number of threads at once.

    Args:
        store: the blob store.
        clock: the clocks.
        report: tells the user something.
        heartbeat: seconds between the beats of the session.
        contents: makes what moves large payloads and files; asked at the first one.
        supervised: somebody else beats for this process.
        verify: whether remotes have to require signatures, as this process does of the store.

    Attributes:
        is_far: a look at the store, or at one of its layers, goes over a network.
    """

    def __init__(
        self,
        store: BlobStore,
        clock: Clock,
        report: Callable[[str], None],
        heartbeat: float,
        contents: "Callable[[BlobStore], Contents | LayeredContents]",
        *,
        supervised: bool = False,
        verify: str = "off",
    ) -> None:
        self.store = store
        places = store.uri.removeprefix(LAYERS).split(BETWEEN_LAYERS)
        self.is_far = not all(place.startswith(_NEAR) for place in places)
        self.verify = verify
        self.clock = clock
        self.wakers = Wakers()
        self._report = report
        self._supervised = supervised
        self._heartbeat = heartbeat
        self._make_contents = contents
        self._contents: Contents | LayeredContents | None = None
        self._session: Session | None = None
        self._pulses: Pulses | None = None
        self._lock = threading.Lock()
        self._reported: set[str] = set()

    @property
    def session(self) -> "Session":
        """The session of this process, made at the first miss: a hit needs none, nor what a session imports."""
        if self._session is None:
            from mops.runtime.session import Session

            with self._lock:
                if self._session is None:
                    self._session = Session(self.store, self.clock, self._heartbeat)
        return self._session

    @property
    def contents(self) -> "Contents | LayeredContents":
        """What moves large payloads and files."""
        if self._contents is None:
            with self._lock:
                if self._contents is None:
                    self._contents = self._make_contents(self.store)
        return self._contents

    def peak_memory(self) -> int | None:
        """Bytes that this process had at most; ``None`` where it is not the process of one call."""
        if not self._supervised:
            return None
        from mops.runtime.memory import peak

        return peak()

    def beat_from_a_thread(self) -> None:
        """Keep the session alive from a thread for as long as it holds something. A supervisor does it itself."""
        if not self._supervised:
            self.session.keep_beating(self._drive_release)

    def leave_everything(self) -> None:
        """At the end of the process: tell others that its calls are theirs now."""
        if self._session is not None:
            self._session.leave_everything()

    def _drive_release(self, release: effects.Steps[None]) -> None:
        drive(release, self.perform_waiting)

    def perform_waiting(self, effect: effects.Effect) -> Any:
        """As ``perform``, for a thread that may wait as well."""
        if isinstance(effect, effects.Wait):
            return threading.Event().wait(effect.seconds)
        return self.perform(effect)

    def perform(self, effect: effects.Effect) -> Any:
        """Answer one effect that concerns no particular call.

        Raises:
            StoreError: as the store does.
        """
        if self.is_far:
            return self._perform_and_time(effect)
        return _PERFORM[type(effect)](self, effect)

    def _perform_and_time(self, effect: effects.Effect) -> Any:
        begun = self.clock.monotonic()
        try:
            return _PERFORM[type(effect)](self, effect)
        except StoreUnavailable as error:
            error.waited = self.clock.monotonic() - begun
            raise

    def _get(self, effect: effects.Get) -> Buffer | None:
        return self.store.get(effect.key)

    def _put_if_absent(self, effect: effects.PutIfAbsent) -> bool:
        return self.store.put_if_absent(effect.key, *effect.parts)

    def _put(self, effect: effects.Put) -> None:
        self.store.put(effect.key, *effect.parts)

    def _get_content(self, effect: effects.GetContent) -> Buffer | None:
        return self.contents.get_payload(effect.digest, effect.size)

    def _put_content(self, effect: effects.PutContent) -> bytes:
        return self.contents.put_payload(effect.parts)

    def _put_file(self, effect: effects.PutFile) -> StoredFile:
        return self.contents.put(effect.file, self._sync_or_say if effect.durable else _nothing)

    def _sync_or_say(self, key: str) -> None:
        drive(sync(key), self.perform_waiting)

    def _fetch_file(self, effect: effects.FetchFile) -> str | None:
        return self.contents.fetch(effect.file)

    def _has_file(self, effect: effects.HasFile) -> StoredFile | None:
        return self.contents.find(effect.file)

    def _sync(self, effect: effects.Sync) -> None:
        if isinstance(self.store, SupportsSync):
            self.store.sync(effect.key)

    def _now(self, _: effects.Now) -> float:
        return self.clock.monotonic()

    def _issue(self, _: effects.Issue) -> answers.Ticket:
        return self.session.issue()

    def _enter(self, effect: effects.Enter) -> None:
        self.session.enter(effect.entry)

    def _exit(self, effect: effects.Exit) -> None:
        self.session.exit(effect.entry)

    def _owe(self, effect: effects.Owe) -> None:
        self.session.owe(effect.entry, effect.release)
        self.beat_from_a_thread()

    def _held(self, effect: effects.Held) -> bool | None:
        return self.session.holds(effect.entry) if effect.session == self.session.id else None

    def _look(self, effect: effects.Look) -> answers.Pulse:
        if self._pulses is None:
            from mops.runtime.session import Pulses

            self._pulses = Pulses(self.store, self.clock)
        return self._pulses.look(effect.session)

    def _known_dead(self, effect: effects.KnownDead) -> bool:
        from mops.runtime.process_identity import known_dead

        return known_dead(effect.producer)

    def _published(self, effect: effects.Published) -> None:
        self.wakers.wake(effect.folder)

    def tell(self, text: str) -> None:
        """Tell the user, once for each text."""
        if text not in self._reported:
            self._reported.add(text)
            self._report(text)

    def _tell(self, effect: effects.Report) -> None:
        self.tell(effect.text)

    def _observed(self, effect: effects.Tell) -> None:
        if OBSERVERS:
            deliver(effect, self.store.uri, self.clock.utc_now())

    def tell_end(self, folder: str, answer: "Answer | None", error: BaseException | None) -> None:
        """Tell observers what only the driver of a call knows: a hit at once, or an end without an answer."""
        if answer is not None and answer.hit:
            self.perform(effects.Tell("hit", folder, 0, answer.envelope))
        elif isinstance(error, Exception) and not isinstance(error, CallCancelled):
            self.perform(effects.Tell("failed", folder, 0, Failure(error)))

    def _spool(self, effect: effects.Spool) -> str:
        from mops.runtime.spool import spool  # only where a store fails

        return spool(effect.name, effect.parts, effect.files)


def _nothing(_: str) -> None:
    pass


_PERFORM: Final[dict[type, Callable[[World, Any], Any]]] = {
    effects.Get: World._get,
    effects.PutIfAbsent: World._put_if_absent,
    effects.Put: World._put,
    effects.GetContent: World._get_content,
    effects.PutContent: World._put_content,
    effects.PutFile: World._put_file,
    effects.FetchFile: World._fetch_file,
    effects.HasFile: World._has_file,
    effects.Sync: World._sync,
    effects.Now: World._now,
    effects.Issue: World._issue,
    effects.Enter: World._enter,
    effects.Exit: World._exit,
    effects.Owe: World._owe,
    effects.Held: World._held,
    effects.Look: World._look,
    effects.KnownDead: World._known_dead,
    effects.Published: World._published,
    effects.Report: World._tell,
    effects.Tell: World._observed,
    effects.Spool: World._spool,
}
