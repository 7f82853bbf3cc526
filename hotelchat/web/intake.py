"""Stores webhooks' messages together: what arrives while one commit is under way goes into the next.

Alone a message is stored at once; under load one commit carries many, so that PostgreSQL's disk is asked once for all
of them. Each webhook still waits for its own commit before it says 200.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from hotelchat.channels.port import InboundMessage
from hotelchat.db import transaction
from hotelchat.queries import team
from hotelchat.services import intake
from hotelchat.services.intake import Arrival, Received

log = structlog.get_logger()
MOST_TOGETHER: Final = 64
WRITERS: Final = 1  # a second one would only make the batches smaller

_Waiting = tuple[InboundMessage, "asyncio.Future[Received]"]


class Intake:
    """A thread that stores batches and waits for no lock, and some that store what needs more than that."""

    def __init__(self, threads: int) -> None:
        self._items: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._slow = ThreadPoolExecutor(max(2, threads - WRITERS), thread_name_prefix="intake-slow")
        self._hotels: dict[str, int] = {}
        for number in range(WRITERS):
            threading.Thread(target=self._write, daemon=True, name=f"intake-{number}").start()

    async def store(self, inbound: InboundMessage) -> Received:
        """Returns once the message is durable.

        Raises: SQLAlchemyError: if it could not be stored.
        """
        future: asyncio.Future[Received] = asyncio.get_running_loop().create_future()
        self._items.put((inbound, future))
        return await future

    def _write(self) -> None:
        while True:
            batch = [self._items.get()]
            while len(batch) < MOST_TOGETHER and not self._items.empty():
                try:
                    batch.append(self._items.get_nowait())
                except queue.Empty:
                    break
            done = self._store_known([inbound for inbound, _ in batch])
            settled = []
            for inbound, future in batch:
                received = done.get((inbound.account, inbound.provider_id))
                if received is None:
                    self._slow.submit(self._store_alone, inbound, future)
                else:
                    settled.append((future, received))
            if settled:
                settled[0][0].get_loop().call_soon_threadsafe(_settle, settled)

    def _store_known(self, batch: list[InboundMessage]) -> dict[tuple[str, str], Received]:
        """What can be stored together; whatever goes wrong here, each is then tried alone."""
        arrivals = [Arrival(self._hotels[each.to], each) for each in batch if each.to in self._hotels]
        if not arrivals:
            return {}
        try:
            with transaction() as session:
                return intake.receive_known(session, arrivals)
        except Exception as error:  # this thread must live; what is wrong with one message shows when it is alone
            log.warning("batch_not_stored", messages=len(batch), error=type(error).__name__)
            return {}

    def _store_alone(self, inbound: InboundMessage, future: asyncio.Future[Received]) -> None:
        try:
            with transaction() as session:
                received = intake.receive(session, self._hotel_of(inbound.to), inbound)
        except Exception as error:  # its webhook answers 5xx, and Twilio delivers again
            future.get_loop().call_soon_threadsafe(_fail, future, error)
            return
        future.get_loop().call_soon_threadsafe(_settle, [(future, received)])

    def _hotel_of(self, to: str) -> int:
        if to not in self._hotels:
            with transaction() as session:
                hotel_id, is_known = team.hotel_for_number(session, to)
            if not is_known:
                log.warning("unknown_receiver", hotel_id=hotel_id)
                return hotel_id
            self._hotels[to] = hotel_id
        return self._hotels[to]


def _settle(settled: list[tuple[asyncio.Future[Received], Received]]) -> None:
    for future, received in settled:
        if not future.done():  # its webhook's connection may be gone
            future.set_result(received)


def _fail(future: asyncio.Future[Received], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
