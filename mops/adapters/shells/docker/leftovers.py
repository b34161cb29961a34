"""Containers that nobody waits for any more: what is left behind where an orchestrator was killed."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from mops.adapters.shells.docker.endings import spooled
from mops.adapters.shells.docker.engine import ContainerGone, Engine
from mops.adapters.shells.docker.plan import COMMAND, EPOCH, KEPT, MEMO, ROOT

_NEVER_STARTED: Final = "created"
_ENDED: Final = ("exited", "dead")
_GOING: Final = "removing"
_EPOCH: Final = re.compile("[0-9]{1,9}")


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
    """All containers that mops made in an engine, but for those that are to be kept, or are going.

    Raises:
        ShellFailed: the engine does not answer.
    """
    now = datetime.fromisoformat(engine.now())
    for found in engine.find({COMMAND: ""}):
        labels, container = found["Labels"], str(found["Id"])
        if KEPT in labels or found["State"] == _GOING or not _are_ours(labels):
            continue
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


def _are_ours(labels: Mapping[str, str]) -> bool:
    """Whether labels are as mops writes them: whoever may talk to the engine can write any."""
    return {ROOT, MEMO, EPOCH} <= labels.keys() and _EPOCH.fullmatch(labels[EPOCH]) is not None


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
