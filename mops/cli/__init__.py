"""The command line: one command a module."""


def main() -> int:
    """Run the command line."""
    raise NotImplementedError
