"""Events reach every process, the bell never makes anyone wait, and Redis may come and go."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import fields
from pathlib import Path

import pytest
import redis

from hotelchat import bell, events
from hotelchat.events import ConversationChanged, MessageReceived, from_json, to_json
from hotelchat.live import Courier, Listening
from tests.factories import eventually
from tests.jobs.conftest import OwnRedis

JOB = "jobs.answer_guest.answer_guest"


@pytest.fixture
def own_redis(tmp_path: Path) -> OwnRedis:
    server = OwnRedis(tmp_path)
    yield server
    server.kill()


class Screen:
    """A web process that listens, in a thread with a loop of its own."""

    def __init__(self, url: str) -> None:
        self.listening, self.heard = Listening(url), []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._listen()], daemon=True)
        self._thread.start()

    async def _listen(self) -> None:
        self._task = asyncio.current_task()
        try:
            async for event in self.listening.events():
                self.heard.append(event)
        except asyncio.CancelledError:
            return

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(5)
        self._loop.close()


def test_events_reach_every_process_in_their_order(redis_url: str) -> None:
    screens = [Screen(redis_url), Screen(redis_url)]
    eventually(lambda: all(screen.listening.is_up for screen in screens))
    courier = Courier(redis_url)
    sent = [MessageReceived(hotel_id=1 + n % 2, conversation_id=n, message_id=n) for n in range(20)]
    for event in sent:
        courier.publish(event)

    for screen in screens:
        eventually(lambda screen=screen: len(screen.heard) == 21)
        assert screen.heard[0] is None, "whoever begins to listen reads everything first"
        for hotel in (1, 2):
            mine = [event for event in screen.heard[1:] if event.hotel_id == hotel]
            assert mine == [event for event in sent if event.hotel_id == hotel]
        assert screen.listening.received["MessageReceived"] == 20
        screen.close()


def test_after_redis_was_away_a_screen_is_told_to_read_everything_again(own_redis: OwnRedis) -> None:
    screen = Screen(own_redis.url)
    eventually(lambda: screen.listening.is_up)
    own_redis.kill()
    eventually(lambda: not screen.listening.is_up)
    screen.heard.clear()

    own_redis.start()

    eventually(lambda: screen.listening.is_up)
    eventually(lambda: None in screen.heard)
    Courier(own_redis.url).publish(ConversationChanged(hotel_id=1, conversation_id=7))
    eventually(lambda: ConversationChanged(hotel_id=1, conversation_id=7) in screen.heard)
    screen.close()


def test_nobody_waits_for_a_redis_that_is_away_and_it_goes_on_when_it_is_back(own_redis: OwnRedis) -> None:
    courier = Courier(own_redis.url)
    own_redis.kill()
    started = time.perf_counter()
    for number in range(200):
        courier.ring(JOB, number)
        courier.publish(ConversationChanged(hotel_id=1, conversation_id=number))
    assert time.perf_counter() - started < 0.1
    assert courier.flush(5)
    assert courier.failures > 0

    own_redis.start()
    own_redis.client.delete(bell.LIST)
    courier.ring(JOB, 7)

    assert courier.flush(5)
    assert bell.take(own_redis.client, 1) == [(JOB, 7)]


def test_a_courier_without_a_redis_drops_everything() -> None:
    courier = Courier(None)
    courier.ring(JOB, 7)
    courier.publish(ConversationChanged(hotel_id=1, conversation_id=7))

    assert courier.flush()
    assert courier.failures == 0


def test_the_bell_keeps_a_limit_while_nobody_takes(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "LONGEST", 50)
    courier = Courier(redis_url)
    for number in range(200):
        courier.ring(JOB, number)
    courier.flush()

    assert redis.Redis.from_url(redis_url).llen(bell.LIST) == 50


def test_nothing_rung_is_nothing_taken(redis_url: str) -> None:
    assert bell.take(redis.Redis.from_url(redis_url), 0.01) == []


@pytest.mark.parametrize("kind", events.KINDS.values(), ids=lambda kind: kind.__name__)
def test_an_event_travels_with_its_ids_and_without_words(kind: type[events.Event]) -> None:
    given = {field.name: "other" if field.name == "reason" else number for number, field in enumerate(fields(kind), 1)}
    event = kind(**given)

    assert from_json(to_json([event])) == [event]
    assert {field.type for field in fields(kind) if field.name != "reason"} <= {"int", "int | None"}
    assert kind.__doc__ and kind.__doc__[0].isupper()


def test_every_event_has_a_kind() -> None:
    def below(kind: type[events.Event]) -> set[str]:
        return {kind.__name__}.union(*(below(each) for each in kind.__subclasses__()))

    assert below(events.Event) - {"Event", "ConversationEvent"} == events.KINDS.keys()


def test_an_event_of_a_newer_version_is_passed_over() -> None:
    newer = to_json([ConversationChanged(hotel_id=1, conversation_id=7)]).replace("[{", '[{"event": "New"}, {', 1)

    assert from_json(newer) == [ConversationChanged(hotel_id=1, conversation_id=7)]
