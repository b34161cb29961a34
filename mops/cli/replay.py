"""``mops replay``: run a stored call here, and publish nothing."""

import sys

import click

from mops.cli.inspect import existing_call


@click.command(short_help="Run a stored call in this process, to debug it.")
@click.argument("uri")
@click.option("--epoch", type=click.IntRange(min=1), metavar="N", help="As attempt N was called; by default, the last.")
@click.option("--pdb", "debug", is_flag=True, help="Open the debugger where the function raised.")
def replay(uri: str, *, epoch: int | None, debug: bool) -> int:
    """Run the call at URI once more, in this process and with the code of this folder, and publish nothing.

    Prints the value; or the traceback, with exit status 1. Decorated functions that it calls run here too, as plain
    functions. Arguments are stored for calls that a Shell runs elsewhere, and where keep_arguments=True says so.

    It unpickles the arguments, which runs whatever code the pickle names: only for roots that you trust.
    """
    from mops.api.replay import Raised, run_again

    if debug and sys.stdin is None:
        raise click.UsageError("--pdb needs a terminal: there is no standard input to ask on")
    past = existing_call(uri)
    number = epoch or len(past.epochs)
    if not 1 <= number <= len(past.epochs):
        raise click.ClickException(f"there is no attempt {number}: {len(past.epochs)} in all")
    outcome = run_again(past, number, lambda remark: click.echo(f"note: {remark}", err=True))
    if not isinstance(outcome, Raised):
        click.echo(outcome)
        return 0
    click.echo(outcome.text, err=True, nl=False)
    if debug:
        import pdb  # noqa: T100 - it was asked for

        pdb.post_mortem(outcome.traceback)
    return 1
