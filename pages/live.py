"""Redis events to the screens of this process. A screen joins a feed first and catches up second.

A feed reads through `queries/` once per change and process, however many screens show it; changes that arrive while
one is being read are read together with the next statement.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hotelchat import events, settings
from hotelchat.live import Listening
from hotelchat.queries.inbox import Counts
from hotelchat.queries.team import HotelFacts
from hotelchat.queries.views import Selection
from pages import reads
from pages.access import in_thread
from pages.feeds import PAGE, ListFeed, ThreadFeed

log = structlog.get_logger()
LINGER_SECONDS: Final = 90  # a feed without screens is kept current for so long: a page is fetched before it connects
COUNTS_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 2.0  # while no events arrive, screens look for themselves this often
TICK_SECONDS: Final = 20.0
MOST_READS: Final = 5

_MESSAGES = (events.MessageReceived, events.MessageAdded, events.DeliveryChanged)


class Screen(Protocol):
    """An open browser window of a signed-in user."""

    user_id: int
    session_id: int
    hotel_id: int

    def show_counts(self, counts: Counts) -> None:
        """New numbers for the column of views."""

    def sign_out(self) -> None:
        """The session has ended: leave."""

    async def look_at_session(self) -> bool:
        """Leave if the session has ended without our hearing of it. Returns: whether it is good."""


class Hub:
    """All feeds and screens of this process."""

    def __init__(self) -> None:
        self.lists: dict[tuple[Selection, int], ListFeed] = {}
        self.threads: dict[int, ThreadFeed] = {}
        self.screens: set[Screen] = set()
        self.found: list[ListFeed] = []  # results of searches: their rows change, none comes in
        self.watchers: set[Callable[[events.ConversationEvent], None]] = set()  # the demo phone's
        self.counts: dict[int, Counts] = {}
        self._hotels: dict[int, HotelFacts] = {}
        self._dirty: dict[int, set[int]] = {}  # conversation ids by hotel
        self._dirty_messages: dict[int, set[int]] = {}  # message ids by conversation
        self._dirty_counts: set[int] = set()
        self._wake, self._wake_counts = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_behind = False  # a read failed: look again
        self.listening = Listening(settings.current().redis_url or "")

    def start(self) -> None:
        """Begin to listen; in the event loop."""
        loops: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = (
            self._listen, self._flush, self._count, self._look, self._tick
        )  # fmt: skip
        self._tasks = [asyncio.create_task(self._for_ever(loop), name=loop.__name__) for loop in loops]

    def stop(self) -> None:
        """Stop listening."""
        for task in self._tasks:
            task.cancel()

    async def list_feed(self, selection: Selection, limit: int = PAGE) -> ListFeed:
        """The feed of a list, read now unless it is current already."""
        feed = self.lists.get((selection, limit))
        if feed is None:
            feed = ListFeed(selection, limit, await self.zone(selection.hotel_id))
            feed = self.lists.setdefault((selection, limit), feed)  # joined first, read second
            await self._load_list(feed)
        feed.used = time.monotonic()
        return feed

    async def thread_feed(self, hotel_id: int, conversation_id: int) -> ThreadFeed:
        """The feed of a conversation, read now unless it is current already."""
        feed = self.threads.get(conversation_id)
        if feed is None:
            feed = ThreadFeed(conversation_id, hotel_id, await self.zone(hotel_id))
            feed = self.threads.setdefault(conversation_id, feed)
        async with feed.reading:  # whoever comes second waits for the first one's reading
            if not feed.is_read:
                await self._load_thread(feed)
        feed.used = time.monotonic()
        return feed

    async def counts_of(self, hotel_id: int) -> Counts:
        """The numbers of a hotel's views."""
        if hotel_id not in self.counts or not self.listening.is_up:
            self.counts[hotel_id] = await in_thread(reads.counts, hotel_id)
        return self.counts[hotel_id]

    async def zone(self, hotel_id: int) -> ZoneInfo:
        """The hotel's time zone."""
        return ZoneInfo((await self.hotel(hotel_id)).time_zone)

    async def hotel(self, hotel_id: int) -> HotelFacts:
        """The hotel's facts, read again every while."""
        if hotel_id not in self._hotels:
            self._hotels[hotel_id] = await in_thread(reads.hotel, hotel_id)
        return self._hotels[hotel_id]

    def hear(self, event: events.Event) -> None:
        """Note what an event touches; the reading follows."""
        if isinstance(event, events.SignedOut):
            for screen in [s for s in self.screens if s.user_id == event.user_id]:
                if event.session_id in (None, screen.session_id):
                    screen.sign_out()
        if not isinstance(event, events.ConversationEvent):
            return
        self._dirty.setdefault(event.hotel_id, set()).add(event.conversation_id)
        if isinstance(event, _MESSAGES) and event.conversation_id in self.threads:
            self._dirty_messages.setdefault(event.conversation_id, set()).add(event.message_id)
        self._dirty_counts.add(event.hotel_id)
        self._wake.set()
        self._wake_counts.set()
        for watcher in list(self.watchers):
            watcher(event)

    async def catch_up(self) -> None:
        """Read everything again: something may have been missed."""
        self._forget_unused()
        for feed in list(self.lists.values()):
            await self._load_list(feed)
        for thread_feed in list(self.threads.values()):
            await self._load_thread(thread_feed)
        for screen in list(self.screens):
            await screen.look_at_session()  # its end may be among what was missed
        self._dirty_counts |= {screen.hotel_id for screen in self.screens}
        self._wake_counts.set()

    async def _listen(self) -> None:
        async for event in self.listening.events():
            if event is None:
                await self.catch_up()
            else:
                self.hear(event)

    async def _flush(self) -> None:
        await self._wake.wait()
        self._wake.clear()
        dirty, self._dirty = self._dirty, {}
        dirty_messages, self._dirty_messages = self._dirty_messages, {}
        for hotel_id, ids in dirty.items():
            if not self._is_watched(hotel_id):
                continue
            wanted = {each: dirty_messages.get(each, set()) for each in ids if each in self.threads}
            seen = {each for each in wanted if self.threads[each].screens}
            rows, messages = await in_thread(reads.changes, hotel_id, ids, wanted, seen)
            for conversation_id, found in messages.items():
                if (feed := self.threads.get(conversation_id)) and conversation_id in rows:
                    feed.change_row(rows[conversation_id])
                    feed.change(found)
            for list_feed in [f for f in self.lists.values() if f.selection.hotel_id == hotel_id]:
                if list_feed.change(rows):
                    await self._load_list(list_feed)
            self.found = [each for each in self.found if each.screens]
            for found_feed in [f for f in self.found if f.selection.hotel_id == hotel_id]:
                found_feed.change({each: row for each, row in rows.items() if each in found_feed.rows})

    def _is_watched(self, hotel_id: int) -> bool:
        """Whether anything of this hotel is shown here, or about to be."""
        feeds = [
            *(feed.selection.hotel_id for feed in self.lists.values()),
            *(t.hotel_id for t in self.threads.values()),
        ]
        return hotel_id in feeds or any(screen.hotel_id == hotel_id for screen in self.screens)

    async def _count(self) -> None:
        """The numbers of the views, at most once a second."""
        await self._wake_counts.wait()
        self._wake_counts.clear()
        hotels, self._dirty_counts = self._dirty_counts, set()
        for hotel_id in hotels & {screen.hotel_id for screen in self.screens}:
            counts = self.counts[hotel_id] = await in_thread(reads.counts, hotel_id)
            for screen in [s for s in self.screens if s.hotel_id == hotel_id]:
                screen.show_counts(counts)
        for hotel_id in hotels:
            if hotel_id not in {screen.hotel_id for screen in self.screens}:
                self.counts.pop(hotel_id, None)
        await asyncio.sleep(COUNTS_SECONDS)

    async def _look(self) -> None:
        """Without events, look: Redis is only the bell."""
        await asyncio.sleep(LOOK_SECONDS)
        if self._is_behind or not self.listening.is_up:
            await self.catch_up()
            self._is_behind = False

    async def _tick(self) -> None:
        await asyncio.sleep(TICK_SECONDS)
        self._forget_unused()
        self._hotels.clear()
        for feed in self.lists.values():
            feed.refresh()
        for hotel_id, counts in self.counts.items():
            for screen in [s for s in self.screens if s.hotel_id == hotel_id]:
                screen.show_counts(counts)

    async def _load_list(self, feed: ListFeed) -> None:
        """Read a page; once more if changes came in meanwhile, since the page may be older than they are."""
        for _ in range(MOST_READS):
            version = feed.version
            page = await in_thread(reads.page, feed.selection, feed.limit)
            if feed.version == version:
                return feed.load(page)
        self._is_behind = True

    async def _load_thread(self, feed: ThreadFeed) -> None:
        for _ in range(MOST_READS):
            version = feed.version
            found = await in_thread(reads.thread, feed.hotel_id, feed.conversation_id)
            if feed.version == version:
                return feed.load(*found)
        self._is_behind = True

    def _forget_unused(self) -> None:
        old = time.monotonic() - LINGER_SECONDS
        self.lists = {key: feed for key, feed in self.lists.items() if feed.screens or feed.used > old}
        self.threads = {key: feed for key, feed in self.threads.items() if feed.screens or feed.used > old}

    async def _for_ever(self, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await loop()
            except SQLAlchemyError as error:  # what was noted is lost: read everything once the database is back
                log.warning("screens_not_read", error=type(error).__name__)
                self._is_behind = True
                await asyncio.sleep(1)
            except Exception:
                log.exception("screens_failed", loop=loop.__name__)
                self._is_behind = True
                await asyncio.sleep(1)


_hub: Hub | None = None


def hub() -> Hub:
    """The hub of this process."""
    global _hub
    if _hub is None:
        _hub = Hub()
    return _hub
