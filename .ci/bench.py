"""Set up an environment with mops and its peers, and run the benchmarks in it."""

import subprocess
import sys

from environments import AZURITE, PROJECT, environment, image_layers, install_debian, node_tool, run


def main() -> int:
    """Return the exit status of the benchmarks."""
    install_debian(**{"mkfs.ext4": "e2fsprogs", "dockerd": "docker.io", "docker-init": "tini"})
    node_tool(*AZURITE)
    python = environment("bench", "bench")
    image_layers(python)
    run(python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", ".")
    return subprocess.run([python, PROJECT / "benchmarks", *sys.argv[1:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
