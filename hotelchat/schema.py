"""Brings the database to the newest schema; safe to run twice, and from two machines at once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

MIGRATIONS: Final = Path(__file__).parent / "migrations"
LOCK: Final = 7_227_001  # any number, the same on every machine


def migrate(engine: Engine) -> tuple[str | None, str]:
    """Run what is missing, one machine at a time.

    Returns: the revision before and the one after; equal where nothing was to do.
    """
    config = _config()
    with engine.connect() as lock:
        lock.execute(
            text("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = 0")
        )
        lock.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
        lock.commit()
        try:
            before = revision(engine)
            with engine.connect() as connection:
                connection.execute(text("SET statement_timeout = 0; SET lock_timeout = '4s'"))
                connection.commit()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                connection.commit()
                connection.invalidate()  # its time-outs are not those of the pool
            return before, newest()
        finally:
            lock.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
            lock.invalidate()


def revision(engine: Engine) -> str | None:
    """The revision the database stands at; None for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The newest revision this version knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
