"""The database a command works on: DATABASE_URL, or the embedded one for as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from hotelchat import db, live, schema, settings
from hotelchat.db import transaction
from hotelchat.embedded import EmbeddedServers
from hotelchat.errors import HotelChatError
from hotelchat.services import team


@contextmanager
def database(*, prepares: bool = True) -> Iterator[Engine]:
    """Connect, and disconnect at the end; an embedded server is shared where it runs, else started.

    Args: prepares: bring an embedded database up to date first; False leaves that to the caller.
    Raises: HotelChatError: if the database is away, or its schema is old.
    """
    current = settings.current()
    servers = None if current.database_url else EmbeddedServers(current.data_dir)
    try:
        url = current.database_url or settings.database_url(servers.postgres() if servers else None)
        engine = db.configure(url or "", pool=2)
        live.configure(current.redis_url or (servers.redis() if servers else None))
        if servers is not None and prepares:
            prepare(engine)
        elif prepares and (at := schema.revision(engine)) != schema.newest():
            raise HotelChatError(f"The database stands at {at or 'nothing'}: run `main.py migrate` first.")
        yield engine
        live.courier().flush()
        engine.dispose()
    except OperationalError as error:
        raise HotelChatError(f"The database cannot be reached. Check DATABASE_URL. ({_first_line(error)})") from None
    finally:
        if servers is not None:
            servers.stop()


def prepare(engine: Engine) -> tuple[str | None, str]:
    """The newest schema, the first hotel and the first admin; in demo mode none of these people.

    Returns: the revision before, and after.
    """
    revisions = schema.migrate(engine)
    current = settings.current()
    if not current.demo:
        admin = (current.admin.email, current.admin.password) if current.admin else None
        with transaction() as session:
            team.first_steps(session, current.whatsapp.number if current.whatsapp else None, admin)
    return revisions


def _first_line(error: OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error).__name__
