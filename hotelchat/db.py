"""transaction(): the only place that opens and commits database sessions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event, exc
from sqlalchemy.orm import LoaderCriteriaOption, ORMExecuteState, with_loader_criteria
from sqlmodel import Session, SQLModel

from hotelchat import after_commit
from hotelchat.errors import HotelChatError
from hotelchat.models.base import HotelOwned

IDLE_SECONDS_BEFORE_PING: Final = 5.0
_engine: Engine | None = None


class _EveryHotel:
    """Marks code that serves all hotels: webhooks, jobs, commands. Never a page."""


EVERY_HOTEL: Final = _EveryHotel()


def configure(url: str, *, pool: int = 8, statement_seconds: float = 15.0) -> Engine:
    """Connect this process.

    Args: url: for SQLAlchemy; pool: connections at most; statement_seconds: PostgreSQL ends a longer statement.
    """
    global _engine
    if _engine is not None:
        _engine.dispose()
    _engine = create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=30,
        pool_use_lifo=True,
        pool_recycle=300,
        connect_args={
            "connect_timeout": 5,
            "application_name": "hotelchat",
            "keepalives_idle": 30,
            "options": f"-c statement_timeout={int(statement_seconds * 1000)} -c lock_timeout=10000 -c timezone=UTC"
            " -c idle_in_transaction_session_timeout=60000",
        },
    )
    event.listen(_engine, "before_cursor_execute", _refuse_the_event_loop)
    event.listen(_engine, "checkin", _note_time)
    event.listen(_engine, "checkout", _ping_when_idle)
    return _engine


def engine() -> Engine:
    """The engine of this process.

    Raises: HotelChatError: if configure() was not called.
    """
    if _engine is None:
        raise HotelChatError("The database is not configured. Call db.configure(url) when the process starts.")
    return _engine


@contextmanager
def transaction(hotels: Iterable[int] | _EveryHotel = EVERY_HOTEL) -> Iterator[Session]:
    """One transaction: commits at the end, rolls back on an error; then events go out and jobs are rung.

    Args: hotels: ids whose rows this transaction may see and change. Whatever is asked through it, rows of
        other hotels are not there. Pages always give their user's.
    """
    session = Session(engine(), expire_on_commit=False)
    if not isinstance(hotels, _EveryHotel):
        bind(session, hotels)
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        after_commit.forget(session)
        raise
    finally:
        session.close()
    after_commit.release(session)


def bind(session: Session, hotels: Iterable[int]) -> None:
    """From here on this session sees and changes rows of these hotels only."""
    session.info["hotel_ids"] = tuple(hotels)


@event.listens_for(Session, "do_orm_execute")
def _only_own_hotels(state: ORMExecuteState) -> None:
    """Bind every select, update and delete of a page's session to the hotels of its user."""
    ids = state.session.info.get("hotel_ids")
    if ids is None or not (state.is_select or state.is_update or state.is_delete):
        return
    state.statement = state.statement.options(*_criteria(ids))


@lru_cache(maxsize=1024)
def _criteria(ids: tuple[int, ...]) -> tuple[LoaderCriteriaOption, ...]:
    """The conditions for these hotels, made once: making them costs more than most statements."""
    return tuple(
        with_loader_criteria(owned, lambda table: table.hotel_id.in_(ids), include_aliases=True)
        for owned in _hotel_owned()
    )


@cache
def _hotel_owned() -> tuple[Any, ...]:
    """Every table whose rows belong to a hotel; a new one is bound without being named here."""
    return tuple(mapper.class_ for mapper in SQLModel._sa_registry.mappers if issubclass(mapper.class_, HotelOwned))


def _refuse_the_event_loop(*_: Any) -> None:
    """A query on the event loop's thread would freeze every screen: refuse it loudly."""
    if asyncio._get_running_loop() is not None:
        raise HotelChatError("A database query ran on the event loop. Send it through call() or a thread.")


def _note_time(_: Any, record: Any) -> None:
    record.info["idle_since"] = time.monotonic()


def _ping_when_idle(connection: Any, record: Any, _: Any) -> None:
    """Like pool_pre_ping, but without its round trip on a connection that was in use a moment ago."""
    if time.monotonic() - record.info.get("idle_since", time.monotonic()) < IDLE_SECONDS_BEFORE_PING:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except Exception as error:
        raise exc.DisconnectionError from error
