"""Set up an environment by ``pip install .`` and run the demonstration in it."""

import subprocess
import sys

from environments import PROJECT, environment, run


def main() -> int:
    """Return the exit status of the demonstration."""
    python = environment("demo", "demo")
    run(python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", ".")
    return subprocess.run([python, PROJECT / "examples" / "demo.py", *sys.argv[1:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
