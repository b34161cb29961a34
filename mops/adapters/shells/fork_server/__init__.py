"""Commands as forks of an interpreter that is kept ready."""

from mops.adapters.shells.fork_server.shell import ForkServerShell

__all__ = ["ForkServerShell"]
