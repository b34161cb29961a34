"""``mops probe``: see whether calls can be computed under a root."""

import warnings

import click

from mops.api.display.wording import printable
from mops.api.memo_uri import store_for_people
from mops.api.settings import defaults
from mops.cli import screen
from mops.core.ports.blob_store import SupportsProbe


@click.command(short_help="See whether calls can be computed under a root.")
@click.argument("root", required=False)
def probe(root: str | None) -> None:
    """See whether ROOT keeps what mops relies on: a URI or a path; by default, the root that decorated functions use.

    Writes a few small blobs, tries to create one twice, lists and removes them: so it also shows whether this process
    may do all that a call does. Warns of what the service keeps at a cost.
    """
    store = store_for_people(defaults.mops_root() if root is None else root)
    if not isinstance(store, SupportsProbe):
        raise click.ClickException(f"{printable(store.uri)} is a store that offers no probe")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        store.probe()
    for warning in said:
        click.echo(f"warning: {printable(warning.message)}", err=True)
    screen.line(f"{store.uri} keeps what mops relies on")
