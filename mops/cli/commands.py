"""The commands, and what becomes of their errors: text without a traceback, and an exit status."""

import os
import sys
from contextlib import suppress

import click

from mops.cli.cat import cat
from mops.cli.docker import docker
from mops.cli.get import get
from mops.cli.inspect import inspect
from mops.cli.logs import logs
from mops.cli.ls import ls
from mops.cli.probe import probe
from mops.cli.replay import replay
from mops.cli.summary import summary
from mops.cli.watch import watch
from mops.cli.why import why
from mops.core.errors import MopsError
from mops.core.version import MOPS_VERSION

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Nothing is unpickled and nothing is written, unless a command says so.",
)
@click.version_option(MOPS_VERSION, prog_name="mops", message="%(prog)s %(version)s")
def command_line() -> None:
    """Look into a blob root: which calls are stored, what became of them, and in what they differ."""


for _command in (ls, inspect, why, cat, docker, get, logs, replay, summary, watch, probe):
    command_line.add_command(_command)


def main() -> int:
    """Run what ``sys.argv`` asks for.

    Returns:
        The exit status: 0; 1 where the answer could not be had; 2 where the command was not understood.
    """
    if sys.stdout is None:
        click.echo("error: there is no standard output to answer on", err=True)
        return FAILED
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that knows no unicode still sees something
            stream.reconfigure(errors="backslashreplace")
    try:
        status = command_line.main(prog_name="mops", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except MopsError as error:
        click.echo(f"error: {error}", err=True)
        return FAILED
    except BrokenPipeError:
        return _unheard()  # whoever read has seen enough
    except OSError as error:
        click.echo(f"error: {error}", err=True)
        return _unheard()
    return status if isinstance(status, int) else 0


def _unheard() -> int:
    """The exit status where standard output takes no more: nor must the interpreter flush there at its end."""
    with suppress(OSError):
        sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED
