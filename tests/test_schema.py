"""The schema: from nothing to the newest, once, whoever asks; and the models are what the database has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from hotelchat import db, schema
from hotelchat.embedded import EmbeddedServers
from hotelchat.models.base import OneOf
from tests.conftest import cloned

EMPTY = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
MIGRATE = """
import os
from hotelchat import db, schema
print(*schema.migrate(db.configure(os.environ["URL"], pool=2)))
"""


@pytest.fixture
def empty_url(servers: EmbeddedServers, template: str) -> Iterator[str]:
    """A database with nothing in it."""
    with cloned(servers.postgres()) as url:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text(EMPTY))
        yield url


def test_an_empty_database_is_brought_to_the_newest_and_then_nothing_is_left_to_do(empty_url: str) -> None:
    engine = db.configure(empty_url, pool=2)
    assert schema.revision(engine) is None

    assert schema.migrate(engine) == (None, schema.newest())
    assert schema.migrate(engine) == (schema.newest(), schema.newest())

    assert schema.revision(engine) == schema.newest()
    with engine.connect() as connection:
        assert connection.execute(sa.text("SHOW statement_timeout")).scalar_one() == "15s", "the pool is as it was"
    engine.dispose()


def test_two_machines_at_once_migrate_once(empty_url: str) -> None:
    command = [sys.executable, "-c", MIGRATE]
    machines = [
        subprocess.Popen(command, env=os.environ | {"URL": empty_url}, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = sorted(machine.communicate(timeout=60)[0].split() for machine in machines)

    assert [machine.returncode for machine in machines] == [0, 0]
    assert said == sorted([["None", schema.newest()], [schema.newest(), schema.newest()]])


def test_migrations_are_numbered_without_branches() -> None:
    config = schema._config()
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert revisions == [f"{number:04}" for number in range(len(revisions), 0, -1)]


def described(columns: list[dict[str, object]]) -> dict[str, tuple[str, bool]]:
    return {str(c["name"]): (str(c["type"]), bool(c["nullable"])) for c in columns}


KINDS = {
    "VARCHAR": "TEXT", "DATETIME": "TIMESTAMP", "BLOB": "BYTEA", "AUTOSTRING": "TEXT", "LARGEBINARY": "BYTEA",
}  # fmt: skip


def kind_of(column: sa.Column[object]) -> str:
    """The model's type, by the name PostgreSQL gives it."""
    kind = column.type.impl if isinstance(column.type, OneOf) else column.type
    name = str(kind.compile(dialect=sa.dialects.postgresql.dialect())).partition(" ")[0]
    return KINDS.get(name, name)


def test_the_models_are_what_the_database_has(database: sa.Engine) -> None:
    inspector = sa.inspect(database)
    tables = {table.name: table for table in SQLModel.metadata.sorted_tables}
    assert set(inspector.get_table_names()) - {"alembic_version"} == set(tables)
    for name, table in tables.items():
        there = described(inspector.get_columns(name))
        computed = {"search"} if name == "knowledge_article" else set()
        assert set(there) - computed == set(table.columns.keys()), name
        for column in table.columns:
            kind, is_nullable = there[column.name]
            assert (kind_of(column), column.nullable) == (kind.partition(" ")[0], is_nullable), f"{name}.{column.name}"


def test_every_reference_of_the_models_is_one_of_the_database(database: sa.Engine) -> None:
    inspector = sa.inspect(database)
    for table in SQLModel.metadata.sorted_tables:
        there = {
            (key["constrained_columns"][0], key["referred_table"]) for key in inspector.get_foreign_keys(table.name)
        }
        meant = {(key.parent.name, key.column.table.name) for key in table.foreign_keys}
        assert there == meant, table.name


def test_every_row_of_a_hotel_goes_with_it_and_is_found_by_an_index(database: sa.Engine) -> None:
    inspector = sa.inspect(database)
    for table in SQLModel.metadata.sorted_tables:
        for key in inspector.get_foreign_keys(table.name):
            if key["referred_table"] == "hotel":
                assert key["options"].get("ondelete") == "CASCADE", table.name


REFUSED = [
    ("INSERT INTO app_user (email, name, password_hash) VALUES ('Big@example.com', 'x', 'x')", "app_user_email"),
    (
        "INSERT INTO message (hotel_id, conversation_id, direction, author) VALUES (1, 1, 'sideways', 'guest')",
        "direction",
    ),
    ("INSERT INTO message (hotel_id, conversation_id, direction, author) VALUES (1, 1, 'in', 'ghost')", "author"),
    ("INSERT INTO conversation (hotel_id, guest_id, status) VALUES (1, 1, 'lost')", "status"),
    ("INSERT INTO conversation (hotel_id, guest_id, concierge) VALUES (1, 1, 'asleep')", "concierge"),
    ("INSERT INTO conversation (hotel_id, guest_id) VALUES (1, 1)", "conversation_one_open"),
    ("INSERT INTO membership (hotel_id, user_id, role) VALUES (1, 1, 'owner')", "role"),
    ("INSERT INTO guest_identity (hotel_id, guest_id, kind, value) VALUES (1, 1, 'fax', '1')", "kind"),
]


def test_the_database_itself_refuses_what_cannot_be(database: sa.Engine) -> None:
    with database.begin() as connection:
        connection.execute(sa.text("INSERT INTO hotel (slug, name) VALUES ('a', 'A')"))
        connection.execute(sa.text("INSERT INTO app_user (email, name, password_hash) VALUES ('a@b', 'a', 'x')"))
        connection.execute(sa.text("INSERT INTO guest (hotel_id) VALUES (1)"))
        connection.execute(sa.text("INSERT INTO conversation (hotel_id, guest_id) VALUES (1, 1)"))

    for statement, what in REFUSED:
        with pytest.raises(sa.exc.IntegrityError, match=what), database.begin() as connection:
            connection.execute(sa.text(statement))
