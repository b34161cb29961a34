"""``python -m mops``: the remote entries, dispatched before anything else is imported, and the command line."""

import sys


def main() -> int:
    """Run what the command line asks for; the exit status."""
    if sys.version_info < (3, 11):  # noqa: UP036 - what installs packages refuses this, and what copies them does not
        version = ".".join(map(str, sys.version_info[:2]))
        sys.stderr.write(f"mops needs Python 3.11 or later, and this is Python {version}: {sys.executable}\n")
        return 2
    if sys.argv[1:2] == ["remote"]:
        from mops.api.remote import main as remote

        return remote(sys.argv[2:])
    if sys.argv[1:2] == ["fork-server"]:
        from mops.api.fork_server import main as fork_server

        return fork_server(sys.argv[2:])
    from mops.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
