"""Commands as processes of this machine."""

from mops.adapters.shells.subprocess.shell import SubprocessShell

__all__ = ["SubprocessShell"]
