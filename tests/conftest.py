"""Real PostgreSQL and Redis for every test: rolled back for services and queries, else a database of its own."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis
import sqlalchemy as sa
from sqlmodel import Session

from hotelchat import db, live, schema, settings
from hotelchat.embedded import EmbeddedServers
from tests import desk
from tests.factories import Factory

TEMPLATE = "hotelchat_template"


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    """A data folder for the whole run, where PostgreSQL's own user may go."""
    folder = Path(tempfile.mkdtemp(prefix="hotelchat-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(data_dir: Path) -> Iterator[EmbeddedServers]:
    """The embedded servers of the whole run."""
    embedded = EmbeddedServers(data_dir)
    embedded.postgres()
    embedded.redis()
    yield embedded
    embedded.stop()


@pytest.fixture(scope="session")
def template(servers: EmbeddedServers) -> str:
    """The URL of a migrated, empty database that others are cloned from."""
    with _maintenance(servers.postgres()) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {TEMPLATE}"))
    url = named(servers.postgres(), TEMPLATE)
    engine = db.configure(url, pool=2)
    schema.migrate(engine)
    engine.dispose()
    return url


@pytest.fixture(scope="session")
def shared_database(servers: EmbeddedServers, template: str) -> Iterator[sa.Engine]:
    """One clone for all tests that roll back."""
    with cloned(servers.postgres()) as url:
        engine = db.configure(url, pool=4)
        yield engine
        engine.dispose()


@pytest.fixture
def session(shared_database: sa.Engine) -> Iterator[Session]:
    """A session whose work is rolled back when the test ends, whatever it flushes."""
    connection = shared_database.connect()
    outer = connection.begin()
    rolled_back = Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
    yield rolled_back
    rolled_back.close()
    outer.rollback()
    connection.close()


@pytest.fixture
def database_url(servers: EmbeddedServers, template: str) -> Iterator[str]:
    """A database of the test's own, for what commits."""
    with cloned(servers.postgres()) as url:
        yield url


@pytest.fixture
def redis_url(servers: EmbeddedServers) -> str:
    """The embedded Redis, emptied before the test."""
    url = servers.redis()
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture
def database(database_url: str, redis_url: str) -> Iterator[sa.Engine]:
    """This process connected to a database of its own, so that `transaction()` works and really commits."""
    engine = db.configure(database_url, pool=8)
    live.configure(redis_url)
    yield engine
    live.courier().flush()
    live.configure(None)
    engine.dispose()


@pytest.fixture
def make(session: Session) -> Factory:
    """Something valid of every kind, in the session that is rolled back."""
    return Factory(session)


@pytest.fixture
def front_desk(database: sa.Engine, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[desk.FrontDesk]:
    """A hotel whose guests write over the webhook, with jobs that run in this process."""
    with desk.front_desk(redis_url, monkeypatch) as opened:
        yield opened


@contextmanager
def cloned(server_url: str) -> Iterator[str]:
    """A clone of the template, dropped at the end."""
    name = f"test_{secrets.token_hex(6)}"
    with _maintenance(server_url) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    try:
        yield named(server_url, name)
    finally:
        with _maintenance(server_url) as connection:
            connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def named(server_url: str, name: str) -> str:
    """The URL of another database on the same server, as SQLAlchemy takes it."""
    parts = urlsplit(settings.database_url(server_url) or "")
    return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))


@contextmanager
def _maintenance(server_url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(named(server_url, "postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection
    engine.dispose()
