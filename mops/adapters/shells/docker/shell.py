"""The Shell: its settings, and nothing that only a miss needs."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from mops.adapters.limits import LocalLimits
from mops.adapters.shells.docker.image import Image
from mops.adapters.shells.docker.plan import COMMAND, labels_of, plan, remote_of
from mops.adapters.shells.docker.reach import Reach, reach
from mops.adapters.shells.docker.settings import Pull, Settings
from mops.core.errors import MissingExtraError
from mops.core.ports.shell import Shell, SupportsAttach, SupportsMemory, SupportsReach

if TYPE_CHECKING:
    from concurrent.futures import Future

    from mops.adapters.shells.docker.command import ContainerFuture
    from mops.adapters.shells.docker.engine import Engine
    from mops.adapters.shells.docker.plan import Plan

_NOTHING: Final[Mapping[str, Any]] = {}
_ALIVE: Final = ("running", "paused", "restarting")


class DockerShell(LocalLimits, Shell, SupportsAttach, SupportsMemory, SupportsReach):
    """Starts each command in a container of its own, which is removed when it has ended.

    The image has Python, mops, and the package that holds the function. A local blob root is mounted at the path that
    it has; a remote one is opened from inside, with those of this process's credentials that its kind needs. What a
    container prints appears on this process's standard error as it comes. A container outlives an orchestrator that is
    killed: it finishes and publishes, and ``mops docker gc`` removes what is left of it.

    Containers have no capabilities, gain no privileges, and cannot write but to the root and to ``/tmp``, which ends
    with them. They run as the owner of the local root that is written to, else as the user of the image, and never as
    superuser unless ``user`` says so. Safe to share between threads; no constructor asks the engine for anything.

    Args:
        image: its name, or what gives it: asked once a process, at the first command; it may build or push one. What
            it raises reaches the caller, and it is asked again the next time.
        command: the Python inside, and what stands before it. The image's entrypoint does not run.
        env: variables of the containers; ``None`` hands on what this process has.
        mounts: folders of the engine's machine, and where they are inside: to be read only, unless ``:rw`` stands
            behind. They have to be absolute.
        network: as ``docker run --network`` has it; the engine's default by default.
        cpu: processors, of which a part will do.
        memory: limit of each container, in bytes or as ``"11Gi"``; by default, what the machine has.
        gpu: how many.
        user: as ``docker run --user`` has it.
        pull: when the image is pulled: ``"missing"``, ``"always"``, which is once a process, or ``"never"``.
        read_only: ``False``: functions may write to all that their user may, until the container ends.
        labels: of the containers, beside those by which mops finds them.
        remove: ``False``: containers are kept to be looked at.
        max_workers: running containers of this process; by default, as many as this machine has CPUs.
        start_timeout: seconds from the start of a container to the report of the remote. A pull does not count.
        run_timeout: seconds until the function has to return, imports included; by default, as long as it takes.

    Raises:
        ConfigurationError: a setting that cannot be meant.
    """

    def __init__(
        self,
        image: str | Callable[[], str],
        *,
        command: Sequence[str] = ("python",),
        env: Mapping[str, str | None] = _NOTHING,
        mounts: Mapping[str, str] = _NOTHING,
        network: str | None = None,
        cpu: float | None = None,
        memory: int | str | None = None,
        gpu: int = 0,
        user: str | int | None = None,
        pull: Pull = "missing",
        read_only: bool = True,
        labels: Mapping[str, str] = _NOTHING,
        remove: bool = True,
        max_workers: int | None = None,
        start_timeout: float = 300.0,
        run_timeout: float | None = None,
    ) -> None:
        super().__init__(max_workers=max_workers, start_timeout=start_timeout, run_timeout=run_timeout)
        self._settings = Settings(
            command=command,
            env=env,
            mounts=mounts,
            network=network,
            cpu=cpu,
            memory=memory,
            gpu=gpu,
            user=user,
            pull=pull,
            read_only=read_only,
            labels=labels,
            remove=remove,
        )
        self._image = Image(image)

    def __call__(self, argv: Sequence[str], /) -> "Future[None]":
        """See the port. The Future is pending until the image is there and the container was started.

        Raises:
            MissingExtraError: the docker SDK is not installed.
            ConfigurationError: the containers cannot open the blob root, or would run as superuser.
        """
        needs = self._reach(remote_of(argv).root)
        future, engine = _of_the_engine()

        def begin(engine: "Engine", start: "Callable[[Plan], str | None]") -> str:
            image = self._image.name()
            if self._settings.pull == "always":
                self._image.pull_once(engine)
            planned = plan(image, argv, self._settings, needs, os.environ)
            container = start(planned)
            if container is None and self._settings.pull != "never":
                self._image.pull(engine)
                container = start(planned)
            if container is None:
                raise engine.missing(image)
            return container

        container = None
        if self._image.is_ready(self._settings.pull):
            container = engine().begin(plan(self._image.name(), argv, self._settings, needs, os.environ))
        return future(begin, container or "", remove=self._settings.remove, memory=self._settings.memory)

    def attach(self, argv: Sequence[str], /) -> "Future[None] | None":
        """See the port."""
        future, engine = _of_the_engine()
        found = engine().find({COMMAND: labels_of(argv)[COMMAND]})
        running = [str(each["Id"]) for each in found if each["State"] in _ALIVE]
        if not running:
            return None
        return future(_nothing, running[0], remove=self._settings.remove, memory=self._settings.memory)

    def check_reach(self, root: str, /) -> None:
        """See the port."""
        needs = self._reach(root)
        if self._settings.user is None:
            needs.owner()

    @property
    def memory(self) -> int:
        """See the port. Without a limit, what this machine has."""
        if self._settings.memory is not None:
            return self._settings.memory
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

    def with_memory(self, memory: int, /) -> "DockerShell":
        """See the port."""
        return self._with(attrs.evolve(self._settings, memory=memory))

    def _with(self, settings: Settings) -> "DockerShell":
        same = DockerShell.__new__(type(self))
        same.__dict__.update(self.__dict__, _settings=settings)
        return same

    def _reach(self, root: str) -> Reach:
        return reach(root, os.environ, self._settings.network, os.environ.get("DOCKER_HOST") or "unix:")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"DockerShell({self._image.stated!r}, max_workers={self._max_workers})"


def _nothing(*_: object) -> str:
    return ""  # it has begun already


def _of_the_engine() -> "tuple[type[ContainerFuture], Callable[[], Engine]]":
    """What needs the SDK, which costs more than everything else that a process imports for its first command.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        from mops.adapters.shells.docker.command import ContainerFuture
        from mops.adapters.shells.docker.engine import engine
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "docker":
            raise
        raise MissingExtraError(
            "DockerShell needs a package that is not installed: docker", advice="pip install 'mops-run[docker]'"
        ) from error
    return ContainerFuture, engine
