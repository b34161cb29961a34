"""Run the README's example in containers of an engine of its own, which is started and stopped for it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from environments import CACHE, PROJECT, environment, image_layers, install_debian, one_at_a_time, run

_INSIDE = "MOPS_DEMO_INSIDE"


def main() -> int:
    """Return the exit status of the demonstration."""
    with one_at_a_time():
        python = environment("demo-docker", "docker")
        run(python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", ".")
        install_debian(dockerd="docker.io", **{"docker-init": "tini"})
        layers = image_layers(python)
    inside = {_INSIDE: "1", "MOPS_TEST_IMAGE": str(layers), "PYTHONPATH": str(PROJECT)}
    command = [str(python), __file__]
    return subprocess.run(command, check=False, cwd=CACHE, env={**os.environ, **inside}).returncode


def inside() -> int:
    """The same, in the environment that has mops."""
    from tests.services.docker_engine import docker_engine

    with tempfile.TemporaryDirectory() as root, docker_engine(Path(tempfile.mkdtemp(prefix="mops-docker-"))) as engine:
        variables = {**os.environ, **engine.environment, "IMAGE": engine.image, "MOPS_ROOT": root}
        variables.pop("PYTHONPATH")
        command = [sys.executable, str(PROJECT / "examples" / "docker" / "receipts.py")]
        for _ in range(2):
            print("$ python receipts.py", flush=True)
            subprocess.run(command, check=True, env=variables)
    return 0


if __name__ == "__main__":
    sys.exit(inside() if _INSIDE in os.environ else main())
