"""``mops docker``: the containers of ``DockerShell``."""

import click

from mops.api.containers import collect_containers
from mops.cli import screen


@click.group(short_help="Look after the containers of DockerShell.")
def docker() -> None:
    """Look after the containers that DockerShell made in the engine that DOCKER_HOST names."""


@docker.command(short_help="Remove containers that nobody waits for.")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Leave those alone that ended later: whoever waits for one removes it himself.",
)
def gc(older_than: float) -> None:
    """Remove containers whose orchestrator was killed: those that have ended, and those whose call is over.

    A container whose call is under way stays, and so does one that holds a result which no store took. Piped: id,
    removed or kept, why, and memo URI, between tabs.
    """
    for verdict in collect_containers(older_than):
        what = "removed" if verdict.removed else "kept"
        if screen.is_for_people():
            screen.line(f"{what} {verdict.id[:12]}: {verdict.why}")
        else:
            screen.row((verdict.id, what, verdict.why, verdict.memo_uri))
