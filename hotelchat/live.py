"""Events to and from every process over Redis publish/subscribe, and the bell of the workers.

PostgreSQL is the truth; what is lost here is read again or swept up. So nothing here ever makes a caller wait or
fail: a courier thread carries what a commit has released, and Redis errors are counted and swallowed.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

import redis
import redis.asyncio
import structlog

from hotelchat import bell
from hotelchat.events import Event, from_json, to_json

log = structlog.get_logger()
CHANNELS: Final = "hotelchat:hotel:*"
LARGEST_BATCH: Final = 500


class Courier:
    """One daemon thread that publishes events and rings jobs, in the order they were released, in batches."""

    def __init__(self, redis_url: str | None) -> None:
        self.failures = 0  # batches that Redis did not take; the sweeper and the screens' catch-up mend them
        self._redis = bell.connect(redis_url, for_web=True) if redis_url else None
        self._items: queue.SimpleQueue[Event | tuple[str, int] | threading.Event] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._carry, daemon=True, name="courier")
        self._thread.start()

    def publish(self, event: Event) -> None:
        """Tell every process; returns at once."""
        self._items.put(event)

    def ring(self, job: str, conversation_id: int) -> None:
        """Ring a job for a conversation; returns at once. Several rings in a batch are one."""
        self._items.put((job, conversation_id))

    def flush(self, seconds: float = 2.0) -> bool:
        """Wait until everything put in so far is out, at most `seconds`; for commands that end, and for tests."""
        done = threading.Event()
        self._items.put(done)
        return done.wait(seconds)

    def _carry(self) -> None:
        while True:
            batch = [self._items.get()]
            while len(batch) < LARGEST_BATCH and not self._items.empty():
                batch.append(self._items.get())
            try:
                self._deliver(batch)
            except redis.RedisError as error:
                self.failures += 1
                log.warning("redis_away", error=type(error).__name__, batches_lost=self.failures)
            for item in batch:
                if isinstance(item, threading.Event):
                    item.set()

    def _deliver(self, batch: list[Event | tuple[str, int] | threading.Event]) -> None:
        if self._redis is None:
            return
        pipeline = self._redis.pipeline(transaction=False)
        by_hotel: dict[int, list[Event]] = {}
        for item in batch:
            if isinstance(item, Event):
                by_hotel.setdefault(item.hotel_id, []).append(item)
        for hotel_id, events in by_hotel.items():
            pipeline.publish(CHANNELS.replace("*", str(hotel_id)), to_json(events))
        if rings := dict.fromkeys(item for item in batch if isinstance(item, tuple)):
            bell.push(pipeline, rings)
        if len(pipeline):
            pipeline.execute()


_courier: Courier | None = None
_lock = threading.Lock()


def configure(redis_url: str | None) -> Courier:
    """Choose this process's Redis; None drops everything (for tests that need none)."""
    global _courier
    with _lock:
        _courier = Courier(redis_url)
        return _courier


def courier() -> Courier:
    """The courier of this process; before configure(), one that drops everything."""
    return _courier or configure(None)


class Listening:
    """The subscription of a web process: is it up, and since when.

    Attributes: is_up: whether events arrive; while not, screens must look for themselves.
        received: events by kind, for the metrics.
    """

    def __init__(self, redis_url: str) -> None:
        self.is_up = False
        self.received: Counter[str] = Counter()
        self._url = redis_url

    async def events(self) -> AsyncIterator[Event | None]:
        """Every event of every hotel, for ever. None means: something may have been missed, read everything again."""
        while True:
            client = redis.asyncio.from_url(self._url, socket_connect_timeout=2, health_check_interval=5)
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.psubscribe(CHANNELS)
                    self.is_up = True
                    yield None
                    async for event in self._read(pubsub):
                        yield event
            except (redis.RedisError, OSError, TimeoutError) as error:
                log.warning("events_interrupted", error=type(error).__name__)
            finally:
                self.is_up = False
                await client.aclose()
            await asyncio.sleep(0.5)
            yield None

    async def _read(self, pubsub: redis.asyncio.client.PubSub) -> AsyncIterator[Event | None]:
        checked = time.monotonic()
        while True:
            message = await pubsub.get_message(timeout=5)
            if time.monotonic() - checked > 5:  # a half-dead connection is noticed by its missing answer
                await pubsub.ping()
                checked = time.monotonic()
            if message is None or message["type"] != "pmessage":
                continue
            for event in from_json(message["data"]):
                self.received[type(event).__name__] += 1
                yield event
