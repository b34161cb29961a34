"""What ``mops docker gc`` does: containers whose call is over go, those whose call is under way stay."""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from mops.api.worlds import world_of
from mops.core.blob_layout import Memo, memo_from_folder, result_slot
from mops.core.claim import key, read_epoch, read_log
from mops.core.effects import Get, Steps
from mops.core.errors import ConfigurationError, MissingExtraError, MopsError
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
    silent: dict[str, str] = {}
    for container in leftovers.containers(engine):
        removed, why = _judge(container, older, silent)
        if removed:
            leftovers.discard(engine, container)
        yield Verdict(container.id, f"{container.root}/{container.memo}", removed, why)


def _judge(container: Any, older: float, silent: dict[str, str]) -> tuple[bool, str]:
    """Whether a container is to go, and why, or why not. ``silent``: what is known of roots that do not answer."""
    if container.result:
        return False, f"holds a result that no store took: docker cp {container.id[:12]}:{container.result} ."
    if container.idle is not None:
        return (True, "has ended") if container.idle >= older else (False, "has just ended")
    if container.root in silent:
        return False, silent[container.root]
    try:
        memo = memo_from_folder(container.memo)
        _check_that_it_is_here(container.root)
        world = world_of(container.root, DEFAULT_HEARTBEAT)
        return drive(_verdict(memo, container.epoch), world.perform_waiting)
    except ValueError as error:  # of what its labels say
        return False, f"runs, and its blob root cannot be asked: {error.args[0]}"
    except MopsError as error:
        silent[container.root] = f"runs, and its blob root cannot be asked: {error.args[0]}"
        return False, silent[container.root]


def _check_that_it_is_here(root: str) -> None:
    """Let a blob root pass that means here what it means to the engine: what is not there holds no claim.

    Raises:
        ConfigurationError: it is a folder of another machine, or one that is not there, as where nothing is mounted.
    """
    from mops.adapters.shells.docker.reach import reach

    for folder in reach(root, os.environ, "host", os.environ.get("DOCKER_HOST") or "unix:").folders:
        if not os.path.isdir(folder):
            raise ConfigurationError(f"{folder} is not there")


def _verdict(memo: Memo, number: int) -> Steps[tuple[bool, str]]:
    over = True, "ran on, while its call is over"
    epoch = yield from read_epoch(memo, number, _PATIENCE)
    if epoch is not None and epoch.refused:
        return False, f"runs, and its claim is not believed here: {epoch.refused}"
    if epoch is None or epoch.claim is None:
        return over
    yield from read_log(memo, epoch, _PATIENCE)
    if epoch.end is not None:
        return over
    result = key(memo, result_slot(epoch.claim.generation))
    return over if (yield from patiently(Get(result), _PATIENCE)) is not None else (False, "runs")


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
