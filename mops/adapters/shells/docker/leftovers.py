"""Containers that nobody waits for any more: what is left behind where an orchestrator was killed."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from mops.adapters.shells.docker.endings import spooled
from mops.adapters.shells.docker.engine import ContainerGone, Engine
from mops.adapters.shells.docker.plan import COMMAND, EPOCH, KEPT, MEMO, ROOT

_NEVER_STARTED: Final = "created"
_ENDED: Final = ("exited", "dead")


class Container(NamedTuple):
    """A container of some orchestrator's.

    Attributes:
        id: of it.
        root: the blob root of its call.
        memo: the folder of its call.
        epoch: that it was started for.
        idle: seconds since it ended, or since it was made and not started; ``None`` while it runs.
        result: path inside of it, of a result that no store took; empty where there is none.
    """

    id: str
    root: str
    memo: str
    epoch: int
    idle: float | None
    result: str


def containers(engine: Engine) -> Iterator[Container]:
    """All containers that mops made in an engine, but for those that are to be kept.

    Raises:
        ShellFailed: the engine does not answer.
    """
    now = datetime.fromisoformat(engine.now())
    for found in engine.find({COMMAND: ""}):
        labels = found["Labels"]
        if KEPT in labels:
            continue
        container = str(found["Id"])
        try:
            idle, result = None, ""
            if found["State"] == _NEVER_STARTED:
                idle = now.timestamp() - float(found["Created"])
            elif found["State"] in _ENDED:
                idle = (now - datetime.fromisoformat(engine.finished(container))).total_seconds()
                result = spooled(engine.last_words(container))
        except ContainerGone:
            continue
        yield Container(container, labels[ROOT], labels[MEMO], int(labels[EPOCH]), idle, result)


def remove_ended(engine: Engine, older: float) -> None:
    """Remove what ended so many seconds ago, and holds nothing that is lost with it."""
    for container in containers(engine):
        if container.idle is not None and container.idle >= older and not container.result:
            discard(engine, container)


def discard(engine: Engine, container: Container) -> None:
    """Stop and remove one. It may be gone already."""
    try:
        if container.idle is None:
            engine.stop(container.id)
        engine.remove(container.id)
    except ContainerGone:
        pass
