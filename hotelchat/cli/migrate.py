"""`main.py migrate`."""

from __future__ import annotations

import click

from hotelchat.cli.database import database, prepare


@click.command()
def migrate() -> None:
    """Bring the database to the newest schema; safe to run twice, and from two machines at once."""
    with database(prepares=False) as engine:
        before, after = prepare(engine)
    moved = f"Migrated from {before or 'nothing'} to {after}."
    click.echo(f"The database stands at {after}." if before == after else moved)
