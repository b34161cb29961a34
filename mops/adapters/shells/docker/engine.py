"""The Docker engine, through its SDK: the one module that knows it, and the errors of the engine in our words."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from http import HTTPStatus
from socket import socket
from traceback import walk_tb
from typing import Any, Final

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import DeviceRequest, Mount
from docker.utils import kwargs_from_env, parse_repository_tag

from mops.adapters.shells.docker.plan import Plan
from mops.core.errors import MopsError, SetupError, ShellFailed
from mops.core.remote_output import TAIL_LINES

GRACE: Final = 5
"""Seconds between the request to stop and the kill."""
_ADDRESS: Final = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
_PATIENCE: Final = 300
"""Seconds for an answer of the engine. Where many containers start at once, on few processors, one takes minutes."""
_CONNECTIONS: Final = 256
"""Kept open: two for each running container."""
_NOBODY: Final = "65534:65534"
_GOING: Final = ("removing", "dead")
_SUPERUSER: Final = ("", "root")
_REMEDIES: Final = (
    ("executable file not found", "name the Python inside: DockerShell(image, command=['/path/to/python'])"),
    ("no such file or directory: unknown", "name the Python inside: DockerShell(image, command=['/path/to/python'])"),
    ("could not select device driver", "the engine has no GPU to give; leave out gpu=, or install its toolkit"),
    ("bind source path does not exist", "mounts= and local roots name folders of the machine that the engine is on"),
    ("unable to find user", "user= has to be a number, or a name that the image knows"),
    ("Range of CPUs", "ask for no more with cpu= than the engine's machine has"),
    ("network", "look at docker network ls; network= names one"),
)


class ContainerGone(Exception):
    """There is no such container any more, or it is about to go."""


class EngineAway(ShellFailed):
    """The engine does not answer."""


def engine() -> "Engine":
    """The engine that the environment names, for this process.

    Raises:
        ShellFailed: none answers.
    """
    return _engine_of(os.getpid(), *map(os.environ.get, _ADDRESS))


@lru_cache
def _engine_of(process: int, *address: str | None) -> "Engine":  # a forked child has connections of its own
    return Engine()


class Engine:
    """One engine. All methods may be called from any number of threads at once.

    Raises:
        ShellFailed: it does not answer.
    """

    def __init__(self) -> None:
        with _in_our_words():
            try:
                self._client = docker.APIClient(timeout=_PATIENCE, max_pool_size=_CONNECTIONS, **kwargs_from_env())
            except ValueError as error:  # of the standard library, which takes the address apart
                raise DockerException(error) from error

    # ------------------------------------------------------------------------------------------------ images
    def has_image(self, image: str) -> bool:
        """Whether it needs no pull."""
        with _in_our_words():
            try:
                self._inspected(image)
            except ImageNotFound:
                return False
            return True

    def pull(self, image: str) -> None:
        """Fetch an image from its registry.

        Raises:
            SetupError: it is not there, or not for us.
            ShellFailed: the registry could not be asked.
        """
        repository, tag = parse_repository_tag(image)
        try:
            for line in self._client.pull(repository, tag=tag or "latest", stream=True, decode=True):
                if "error" in line:
                    raise ShellFailed(f"image {image} cannot be pulled: {line['error']}")
        except NotFound as error:
            raise SetupError(
                f"there is no image {image}, neither in the engine nor in its registry: {error.explanation}",
                advice="build it, or look at its name: docker image ls",
            ) from error
        except APIError as error:
            raise ShellFailed(
                f"image {image} is not in the engine, and cannot be pulled: {error.explanation}",
                advice="build it, or look at its name (docker image ls) and at the network",
            ) from error
        except (DockerException, OSError) as error:  # also a helper for credentials that is not there
            raise ShellFailed(f"image {image} cannot be pulled: {error}") from error

    def missing(self, image: str) -> SetupError:
        """The error where an image that is not pulled is not there."""
        return SetupError(
            f"there is no image {image} in the engine", advice="build it, or have it pulled: pull='missing'"
        )

    # ------------------------------------------------------------------------------------------------ containers
    def begin(self, plan: Plan) -> str | None:
        """Make a container, and start it; its id, or ``None`` where the image is missing.

        Raises:
            SetupError: the engine refuses it.
        """
        with _in_our_words():
            try:
                container = self._create(plan)
            except ImageNotFound:
                return None
            try:
                self._client.start(container)
            except BaseException:
                self._client.remove_container(container, v=True, force=True)
                raise
            return container

    def _create(self, plan: Plan) -> str:
        made: Mapping[str, str] = self._client.create_container(
            plan.image,
            list(plan.argv),
            entrypoint=[""],  # the command is complete
            environment=dict(plan.environment),
            labels=dict(plan.labels),
            user=plan.user if plan.user is not None else self._user_of(plan.image),
            host_config=self._host_config(plan),
        )
        return made["Id"]

    def output(self, container: str) -> Iterator[bytes]:
        """What it printed and prints, until it ends or the engine goes away.

        Raises:
            ContainerGone: it was removed.
        """
        with _in_our_words():
            stream: Any = self._client.logs(container, stream=True, follow=True)
            try:
                yield from stream
            finally:
                stream.close()

    def last_words(self, container: str) -> str:
        """The end of what it printed.

        Raises:
            ContainerGone: it was removed.
        """
        with _in_our_words():
            printed: Any = self._client.logs(container, tail=TAIL_LINES)
        return bytes(printed).decode(errors="replace")

    def wait(self, container: str) -> tuple[int, str]:
        """Wait for its end: its exit status, and what the engine has to say about it.

        Raises:
            ContainerGone: it was removed.
            EngineAway: the engine went away.
        """
        with _in_our_words():
            answer: Any = self._client.wait(container, timeout=None)
        return int(answer["StatusCode"]), str((answer.get("Error") or {}).get("Message", ""))

    def was_short_of_memory(self, container: str) -> bool:
        """Whether a process of it was killed for lack of memory.

        Raises:
            ContainerGone: it was removed, or is about to be.
        """
        with _in_our_words():
            state: Any = self._client.inspect_container(container)["State"]
        if state["Status"] in _GOING:
            raise ContainerGone
        return bool(state["OOMKilled"])

    def stop(self, container: str) -> None:
        """Ask its processes to stop, and kill them if they do not."""
        with _in_our_words():
            self._client.stop(container, timeout=GRACE)

    def remove(self, container: str) -> None:
        """Remove it, running or not, with what it wrote.

        Raises:
            ContainerGone: somebody else did, or is about to.
        """
        with _in_our_words():
            self._client.remove_container(container, v=True, force=True)

    def find(self, labels: Mapping[str, str]) -> list[Mapping[str, Any]]:
        """The containers with these labels, the youngest first; an empty text stands for any value."""
        wanted = [f"{name}={value}" if value else name for name, value in labels.items()]
        with _in_our_words():
            found: list[Mapping[str, Any]] = self._client.containers(all=True, filters={"label": wanted})
        return sorted(found, key=lambda each: -int(each["Created"]))

    def finished(self, container: str) -> str:
        """When it ended, as the engine writes it.

        Raises:
            ContainerGone: it was removed.
        """
        with _in_our_words():
            return str(self._client.inspect_container(container)["State"]["FinishedAt"])

    def now(self) -> str:
        """The engine's clock, as it writes it."""
        with _in_our_words():
            return str(self._client.info()["SystemTime"])

    def _user_of(self, image: str) -> str:
        """The image's own user, unless that is the superuser."""
        user = str(self._inspected(image)["Config"].get("User") or "")
        name = user.partition(":")[0]
        return _NOBODY if name in _SUPERUSER or not name.strip("+-0") else user  # the engine takes 00 for 0, too

    def _inspected(self, image: str) -> Any:
        client: Any = self._client  # of which the stubs leave this method untyped
        return client.inspect_image(image)

    def _host_config(self, plan: Plan) -> Any:
        settings = plan.settings
        gpus = [DeviceRequest(count=settings.gpu, capabilities=[["gpu"]])] if settings.gpu else []
        return self._client.create_host_config(
            mounts=[
                Mount(each.target, each.source, "volume" if each.source is None else "bind", read_only=each.read_only)
                for each in plan.mounts
            ],
            network_mode=settings.network,
            nano_cpus=None if settings.cpu is None else int(settings.cpu * 1e9),
            mem_limit=settings.memory,
            memswap_limit=settings.memory,
            device_requests=gpus,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=settings.read_only,
            init=True,  # what the function leaves behind is reaped, and a signal ends even what has not begun to listen
        )


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except (ImageNotFound, MopsError):
        raise
    except NotFound as error:
        if "No such container" in str(error.explanation):
            raise ContainerGone from error
        raise _refused(error) from error
    except APIError as error:
        if error.status_code == HTTPStatus.CONFLICT:  # it is being removed
            raise ContainerGone from error
        raise _refused(error) from error
    except (DockerException, OSError) as error:
        _close_what_is_left_of(error)
        raise _away(error) from error


def _refused(error: APIError) -> MopsError:
    said = str(error.explanation)
    advice = next((remedy for words, remedy in _REMEDIES if words in said), "")
    if advice or error.is_client_error():
        return SetupError(f"the Docker engine refused the container: {said}", advice=advice)
    return ShellFailed(f"the Docker engine failed: {said}")


def _close_what_is_left_of(error: BaseException | None) -> None:
    """Close the socket that found no engine: the SDK knows it in one frame alone, and leaves it to be collected."""
    while error is not None:
        for frame, _ in walk_tb(error.__traceback__):
            left = frame.f_locals.get("sock")
            if isinstance(left, socket):
                left.close()
        error = error.__context__


def _away(error: Exception) -> MopsError:
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if "Permission denied" in str(error):
        return SetupError(
            f"this user may not talk to the Docker engine at {host}", advice="add the user to the group docker"
        )
    return EngineAway(
        f"no Docker engine answers at {host}: {error}",
        advice="start it, or say in DOCKER_HOST where it is: docker context inspect shows an address",
    )
