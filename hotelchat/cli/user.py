"""`main.py user`."""

from __future__ import annotations

import sys

import click

from hotelchat.cli.database import database
from hotelchat.db import transaction
from hotelchat.models import Role
from hotelchat.queries import team as queries
from hotelchat.services import team


@click.group()
def user() -> None:
    """Who may sign in."""


@user.command()
@click.argument("email")
@click.option("--name", required=True, help="As guests and colleagues will see it.")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--hotel", metavar="SLUG", help="Where; the first hotel if left out.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def add(email: str, name: str, role: str, hotel: str | None, password_stdin: bool) -> None:
    """Let EMAIL sign in."""
    password = _read_password(password_stdin)
    with database(), transaction() as session:
        team.add_user(session, email=email, name=name, role=Role(role), password=password, hotel_slug=hotel)
    click.echo(f"{email} may sign in.")


@user.command(name="list")
def list_() -> None:
    """Everybody: e-mail, name, role, hotel, and whether they are disabled."""
    with database(), transaction() as session:
        for member in queries.members(session):
            state = "disabled" if member.disabled_at else "active"
            click.echo(f"{member.email}\t{member.name}\t{member.role}\t{member.hotel}\t{state}")


@user.command()
@click.argument("email")
def disable(email: str) -> None:
    """Nobody signs in as EMAIL any more; open screens end at once."""
    with database(), transaction() as session:
        team.disable_user(session, email)
    click.echo(f"{email} is disabled.")


@user.command()
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def passwd(email: str, password_stdin: bool) -> None:
    """Set a new password for EMAIL; whoever is signed in with the old one is signed out."""
    password = _read_password(password_stdin)
    with database(), transaction() as session:
        team.set_password(session, email, password)
    click.echo(f"{email} has a new password.")


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
