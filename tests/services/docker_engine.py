"""A Docker engine of the tests' own, with an image of the mops under test."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.services.docker_image import IMAGE, write_archive, write_image

_UNTIL_INPUT_ENDS = '"$@" & cat >/dev/null; kill $!; wait $!'  # nothing is left behind where the tests are killed
_PATIENCE = 60.0
LAYERS = Path(os.environ.get("MOPS_TEST_IMAGE", Path(__file__).resolve().parents[2] / ".cache" / "image"))
"""A folder with the layers of images: a Debian with Python, and what mops needs."""


class DockerEngine:
    """A running engine.

    Attributes:
        url: its address.
        environment: what a process needs to use it.
        image: an image with mops.
    """

    image = IMAGE

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = f"unix://{folder}/docker.sock"
        self.environment = {"DOCKER_HOST": self.url}
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        """Start it with more options, if need be, and wait until it answers."""
        folder = self._folder
        options = ["--data-root", folder / "data", "--exec-root", folder / "exec", "--pidfile", folder / "pid"]
        alone = ["--bridge=none", "--iptables=false", "--ip6tables=false"]
        log = (folder / "log").open("ab")
        self._guard = subprocess.Popen(
            ["sh", "-c", _UNTIL_INPUT_ENDS, "sh", "dockerd", "-H", self.url, *map(str, options), *alone, *more],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        deadline = time.monotonic() + _PATIENCE
        while self._docker("version").returncode:
            assert time.monotonic() < deadline, (folder / "log").read_text()[-4000:]
            assert self._guard.poll() is None, (folder / "log").read_text()[-4000:]
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it: it stops its containers."""
        assert self._guard is not None
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait(_PATIENCE)

    def kill(self) -> None:
        """Kill it: nothing is done about its containers."""
        assert self._guard is not None
        containerd = int((self._folder / "exec" / "containerd" / "containerd.pid").read_text())
        os.kill(int((self._folder / "pid").read_text()), signal.SIGKILL)
        self._guard.communicate(timeout=_PATIENCE)
        deadline = time.monotonic() + _PATIENCE
        while Path(f"/proc/{containerd}").exists():  # it dies with its parent; the next engine takes over what lives
            assert time.monotonic() < deadline, f"process {containerd} lives on"
            time.sleep(0.02)

    def pids(self, container: str) -> tuple[int, int, int]:
        """Of one container, as this machine counts: the engine's init, the supervisor, the process of the function."""
        init = int(self.docker("inspect", "--format", "{{.State.Pid}}", container))
        supervisor = _only_child(init)
        return init, supervisor, _only_child(supervisor)

    def load(self, name: str, layers: Sequence[Path]) -> None:
        """Have another image, of these layers."""
        archive = write_archive(self._folder / "more.tar", name, layers)
        self.docker("load", "-i", str(archive))
        archive.unlink()

    def docker(self, *arguments: str) -> str:
        """What the command line of Docker prints."""
        done = self._docker(*arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def containers(self) -> list[str]:
        """The ids of all its containers."""
        return self.docker("ps", "-aq", "--no-trunc").split()

    def wait_until_tidy(self) -> None:
        """Wait until there are no containers any more; those that stay are an error, and no burden of the next test."""
        deadline = time.monotonic() + _PATIENCE
        while left := self.containers():
            if time.monotonic() > deadline:
                told = self.docker("ps", "-a")
                self.docker("rm", "-f", "-v", *left)
                raise AssertionError(told)
            time.sleep(0.05)

    def _docker(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["docker", *arguments],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


@contextmanager
def docker_engine(folder: Path) -> Iterator[DockerEngine]:
    """Start an engine with its data in a folder, and stop it in the end. Fails where it is not installed.

    Args:
        folder: whose path is short: the engine makes sockets in it.
    """
    if not shutil.which("dockerd"):
        raise RuntimeError("dockerd is missing: make test installs it")
    engine = DockerEngine(folder)
    try:
        engine.start()
        archive = write_image(folder / "image.tar", LAYERS)
        engine.docker("load", "-i", str(archive))
        archive.unlink()
        yield engine
        left = engine.containers()
        if left:
            engine.docker("rm", "-f", "-v", *left)
    finally:
        engine.stop()
        for place in _mounted_in(folder):
            subprocess.run(["umount", "--lazy", place], check=True)
        shutil.rmtree(folder)


def _only_child(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def _mounted_in(folder: Path) -> list[str]:
    """What an engine leaves mounted that ran a container in the network of its machine."""
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [place for place in reversed(mounted) if place.startswith(f"{folder}/")]
