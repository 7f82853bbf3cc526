"""`main.py hotel`."""

from __future__ import annotations

import click

from hotelchat.cli.database import database
from hotelchat.db import transaction
from hotelchat.queries import team as queries
from hotelchat.services import team


@click.group()
def hotel() -> None:
    """The hotels of this installation."""


@hotel.command()
@click.argument("slug")
@click.option("--name", required=True, help="As guests and agents know it.")
@click.option("--whatsapp", metavar="NUMBER", help="Its WhatsApp sender at Twilio: whatsapp:+34…")
def add(slug: str, name: str, whatsapp: str | None) -> None:
    """Add a hotel, known by SLUG."""
    with database(), transaction() as session:
        team.add_hotel(session, slug, name, whatsapp)
    click.echo(f"Added {slug}.")


@hotel.command(name="list")
def list_() -> None:
    """All hotels: slug, name and WhatsApp number."""
    with database(), transaction() as session:
        for facts, number in queries.hotels(session):
            click.echo(f"{facts.slug}\t{facts.name}\t{number or '-'}")
