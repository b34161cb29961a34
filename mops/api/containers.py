"""What ``mops docker gc`` does: containers whose call is over go, those whose call is under way stay."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from mops.api.worlds import world_of
from mops.core.blob_layout import memo_from_folder, result_slot
from mops.core.claim import key, read_epoch, read_log
from mops.core.effects import Get, Steps
from mops.core.errors import MissingExtraError, MopsError
from mops.core.patience import patiently
from mops.runtime.inline import drive
from mops.runtime.session import DEFAULT_HEARTBEAT

_PATIENCE = 5.0


class Verdict(NamedTuple):
    """What became of one container.

    Attributes:
        id: of the container.
        memo_uri: of its call.
        removed: whether it was.
        why: or why not.
    """

    id: str
    memo_uri: str
    removed: bool
    why: str


def collect_containers(older: float) -> Iterator[Verdict]:
    """Remove the containers of Docker's that nobody waits for.

    Args:
        older: seconds for which one that has ended is left to who waits for it.

    Raises:
        MissingExtraError: the docker SDK is not installed.
        ShellFailed: the engine does not answer.
    """
    leftovers, engine = _of_docker()
    for container in leftovers.containers(engine):
        removed, why = _judge(container, older)
        if removed:
            leftovers.discard(engine, container)
        yield Verdict(container.id, f"{container.root}/{container.memo}", removed, why)


def _judge(container: Any, older: float) -> tuple[bool, str]:
    if container.result:
        return False, f"holds a result that no store took: docker cp {container.id[:12]}:{container.result} ."
    if container.idle is not None:
        return (True, "has ended") if container.idle >= older else (False, "has just ended")
    try:
        over = drive(
            _is_over(container.memo, container.epoch), world_of(container.root, DEFAULT_HEARTBEAT).perform_waiting
        )
    except MopsError as error:
        return False, f"runs, and its blob root cannot be asked: {error.args[0]}"
    return (True, "ran on, while its call is over") if over else (False, "runs")


def _is_over(folder: str, number: int) -> Steps[bool]:
    memo = memo_from_folder(folder)
    epoch = yield from read_epoch(memo, number, _PATIENCE)
    if epoch is None or epoch.claim is None:
        return True
    yield from read_log(memo, epoch, _PATIENCE)
    if epoch.end is not None:
        return True
    result = key(memo, result_slot(epoch.claim.generation))
    return (yield from patiently(Get(result), _PATIENCE)) is not None


def _of_docker() -> tuple[Any, Any]:
    try:
        from mops.adapters.shells.docker import leftovers
        from mops.adapters.shells.docker.engine import engine
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "docker":
            raise
        raise MissingExtraError(
            "mops docker needs a package that is not installed: docker", advice="pip install 'mops-run[docker]'"
        ) from error
    return leftovers, engine()
