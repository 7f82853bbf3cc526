"""One transaction: all or nothing, then its events; and never on the event loop's thread."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
import redis
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from hotelchat import bell, db, live
from hotelchat.after_commit import Job, emit, enqueue
from hotelchat.db import transaction
from hotelchat.errors import HotelChatError
from hotelchat.events import ConversationChanged, from_json
from hotelchat.models import Hotel
from tests.factories import Factory

EVENT = ConversationChanged(hotel_id=1, conversation_id=7)


@pytest.fixture
def listening(redis_url: str) -> redis.client.PubSub:
    pubsub = redis.Redis.from_url(redis_url).pubsub(ignore_subscribe_messages=True)
    pubsub.psubscribe(live.CHANNELS)
    pubsub.get_message(timeout=1)
    return pubsub


def heard(listening: redis.client.PubSub) -> list[object]:
    live.courier().flush()
    found = []
    while message := listening.get_message(timeout=0.05):
        found += from_json(message["data"])
    return found


def hotels() -> int:
    with transaction() as session:
        return session.execute(sa.select(sa.func.count()).select_from(Hotel)).scalar_one()


def test_what_was_done_together_is_there_and_then_everybody_hears(
    database: sa.Engine, redis_url: str, listening: redis.client.PubSub
) -> None:
    with transaction() as session:
        Factory(session).hotel()
        emit(session, EVENT)
        enqueue(session, Job.ANSWER_GUEST, 7)
        assert heard(listening) == [], "not before the commit"

    assert hotels() == 1
    assert heard(listening) == [EVENT]
    assert bell.take(redis.Redis.from_url(redis_url), 1) == [(Job.ANSWER_GUEST.value, 7)]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_when_it_fails_nothing_happened_and_nobody_hears(
    database: sa.Engine, listening: redis.client.PubSub, error: type[BaseException]
) -> None:
    def fail() -> None:
        with transaction() as session:
            Factory(session).hotel()
            emit(session, EVENT)
            raise error

    with pytest.raises(error):
        fail()

    assert hotels() == 0
    assert heard(listening) == []


def test_when_the_commit_itself_fails_nobody_hears(database: sa.Engine, listening: redis.client.PubSub) -> None:
    def commit_twins() -> None:
        with transaction() as session:
            session.add_all([Hotel(slug="same", name="A"), Hotel(slug="same", name="B")])
            emit(session, EVENT)

    with pytest.raises(SQLAlchemyError):
        commit_twins()

    assert heard(listening) == []


def test_many_rings_for_one_conversation_are_one(database: sa.Engine, redis_url: str) -> None:
    with transaction() as session:
        for _ in range(5):
            enqueue(session, Job.ANSWER_GUEST, 7)
        enqueue(session, Job.DELIVER_MESSAGES, 7)
    live.courier().flush()

    found = bell.take(redis.Redis.from_url(redis_url), 1)
    assert found == [(Job.ANSWER_GUEST.value, 7), (Job.DELIVER_MESSAGES.value, 7)]


def test_a_query_on_the_event_loop_is_refused_loudly(database: sa.Engine) -> None:
    async def freezes_every_screen() -> None:
        with transaction() as session:
            session.execute(sa.text("SELECT 1"))

    with pytest.raises(HotelChatError, match="ran on the event loop"):
        asyncio.run(freezes_every_screen())

    asyncio.run(asyncio.to_thread(hotels))


def test_an_endless_statement_is_ended(database_url: str) -> None:
    engine = db.configure(database_url, pool=1, statement_seconds=0.2)
    with pytest.raises(SQLAlchemyError, match="statement timeout"), transaction() as session:
        session.execute(sa.text("SELECT pg_sleep(30)"))
    engine.dispose()


def test_times_come_back_in_utc(database: sa.Engine) -> None:
    with transaction() as session:
        created = Factory(session).hotel().created_at

    assert created.utcoffset().total_seconds() == 0


def test_no_more_connections_than_the_pool_allows(database_url: str) -> None:
    engine = db.configure(database_url, pool=2)
    with engine.connect(), engine.connect():
        assert engine.pool.checkedout() == 2
        assert engine.pool.overflow() <= 0
    engine.dispose()


def test_a_connection_that_died_while_idle_is_replaced_unnoticed(
    database: sa.Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hotels() == 0
    name = urlsplit(database_url).path.lstrip("/")
    admin = sa.create_engine(database_url.replace(name, "postgres"), poolclass=sa.NullPool)
    with admin.connect() as connection:
        ended = sa.text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = :name")
        assert connection.execute(ended, {"name": name}).scalar_one() > 0
    monkeypatch.setattr(db, "IDLE_SECONDS_BEFORE_PING", -1.0)

    assert hotels() == 0


def test_before_it_is_configured_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "_engine", None)
    with pytest.raises(HotelChatError, match=r"Call db.configure"):
        db.engine()
