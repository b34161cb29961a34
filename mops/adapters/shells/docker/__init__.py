"""Commands as containers of a Docker engine."""

from mops.adapters.shells.docker.shell import DockerShell

__all__ = ["DockerShell"]
