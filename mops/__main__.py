"""``python -m mops``: the remote entry, dispatched before anything else is imported, and the command line."""

import sys


def main() -> int:
    """Run what the command line asks for; the exit status."""
    if sys.argv[1:2] == ["remote"]:
        from mops.api.remote import main as remote

        return remote(sys.argv[2:])
    from mops.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
