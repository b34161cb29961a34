"""The command line: one command a module."""

from mops.cli.commands import main

__all__ = ["main"]
