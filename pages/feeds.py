"""Feeds: what many screens show, read and rendered once per change and process, as props that all of them share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from hotelchat import clock
from hotelchat.models import Status
from hotelchat.queries.guest_panel import GuestFacts
from hotelchat.queries.inbox_row import InboxRow
from hotelchat.queries.thread import ThreadMessage
from hotelchat.queries.views import Selection
from pages import markup
from pages.markup import Props

PAGE: Final = 50
TAIL: Final = 10  # slots for what is new; then they are folded into the history
MOST_BUBBLES: Final = 200  # alive in one thread; older ones are a page away


class ListScreen(Protocol):
    """A list on somebody's screen."""

    def show(self, changed: dict[int, Props], gone: Iterable[int]) -> None:
        """Rows that look different now or came in, and rows that left."""


class ThreadScreen(Protocol):
    """A thread on somebody's screen, with its head and the guest's panel."""

    def show_row(self) -> None:
        """The conversation itself looks different now."""

    def show(self, slots: Iterable[int], history: bool) -> None:
        """Tail slots, and whether the history, that look different now."""


@dataclass
class ListFeed:
    """The first rows of one list: its filter, and how many."""

    selection: Selection
    limit: int
    zone: ZoneInfo
    rows: dict[int, InboxRow] = field(default_factory=dict)
    props: dict[int, Props] = field(default_factory=dict)
    screens: set[ListScreen] = field(default_factory=set)
    used: float = field(default_factory=time.monotonic)
    is_full: bool = False  # there may be more rows than these
    version: int = 0  # changes taken so far
    _order: list[int] | None = None
    epoch: float = field(default_factory=lambda: clock.now().timestamp())

    def load(self, rows: list[InboxRow]) -> None:
        """Take a whole page as it was read; screens get the difference."""
        self.is_full = len(rows) >= self.limit
        fresh = {row.id: row for row in rows}
        gone = [each for each in self.rows if each not in fresh]
        self._put(fresh, gone)

    def change(self, rows: dict[int, InboxRow]) -> bool:
        """Take rows that were read after a change.

        Returns: whether the page must be read again, since a row left and others may follow below.
        """
        self.version += 1
        ours = {each: row for each, row in rows.items() if self.selection.holds(row)}
        gone = [each for each in rows if each in self.rows and each not in ours]
        if self.is_full:
            last = max((self.selection.sort_key(row) for row in self.rows.values()), default=(0.0, 0))
            ours = {i: row for i, row in ours.items() if i in self.rows or self.selection.sort_key(row) < last}
        self._put(ours, gone)
        self._trim()
        return self.is_full and bool(gone)

    def refresh(self) -> None:
        """Time has passed: rows that say how long somebody waits say so anew."""
        self._put(dict(self.rows), [])

    def order(self) -> list[int]:
        """Conversation ids from top to bottom; sorted once a change."""
        if self._order is None:
            self._order = sorted(self.rows, key=lambda each: self.selection.sort_key(self.rows[each]))
        return self._order

    def _put(self, rows: dict[int, InboxRow], gone: list[int]) -> None:
        now, changed = clock.now(), {}
        for each, row in rows.items():
            props = markup.row(row, self._rank(row), now, self.zone)
            if self.props.get(each) != props:
                changed[each] = props
        for each in gone:
            self.rows.pop(each, None)
            self.props.pop(each, None)
        self.rows.update(rows)
        self.props.update(changed)
        self._order = None
        if changed or gone:
            for screen in list(self.screens):
                screen.show(changed, gone)

    def _trim(self) -> None:
        """A list that grew past its limit lets its last rows go."""
        surplus = self.order()[self.limit + 10 :]
        if surplus:
            self.is_full = True
            self._put({}, surplus)

    def _rank(self, row: InboxRow) -> int:
        """The sort key as CSS `order` takes it: hundredths of a second from when this feed began."""
        key = self.selection.sort_key(row)[0]
        return int((key - self.epoch if key > 0 else key + self.epoch) * 100)


@dataclass
class ThreadFeed:
    """One conversation's newest messages: a block of history, and a tail of slots for what is new."""

    conversation_id: int
    hotel_id: int
    zone: ZoneInfo
    row: InboxRow | None = None  # None: this hotel has no such conversation
    guest: GuestFacts | None = None
    who: Props = field(default_factory=lambda: markup.inner(""))
    panel: Props = field(default_factory=lambda: markup.inner(""))
    messages: list[ThreadMessage] = field(default_factory=list)
    history: Props = field(default_factory=lambda: markup.joined(()))
    tail: list[Props] = field(default_factory=lambda: [markup.EMPTY_SLOT] * TAIL)
    has_older: bool = False
    screens: set[ThreadScreen] = field(default_factory=set)
    used: float = field(default_factory=time.monotonic)
    version: int = 0  # changes taken so far
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_read: bool = False
    _folded: int = 0  # so many messages stand in the history

    def load(self, row: InboxRow | None, guest: GuestFacts | None, messages: list[ThreadMessage]) -> None:
        """Take everything as it was read; screens get what differs."""
        if row is not None and (row, guest) != (self.row, self.guest):
            self.row, self.guest = row, guest
            self._dress()
        self.is_read = True
        if messages == self.messages:
            return
        touches = bool(messages and self.messages and self.messages[-1].id >= messages[0].id)  # else there is a hole
        older = [each for each in self.messages if touches and each.id < messages[0].id]
        self.has_older = self.has_older if older else len(messages) >= PAGE
        self.messages = [*older, *messages]
        self._fold()

    def change_row(self, row: InboxRow) -> None:
        """Take the conversation as it stands now; its head and the panel are rendered here, once."""
        if row == self.row:
            return
        self.version += 1
        self.row = row
        self._dress()

    def _dress(self) -> None:
        assert self.row is not None
        is_open = self.row.status is not Status.RESOLVED
        left = markup.window_seconds(self.row, clock.now()) if is_open else None
        self.who = markup.inner(markup.who(self.row, left))
        self.panel = markup.inner(markup.panel(self.row, self.guest, self.zone))
        for screen in list(self.screens):
            screen.show_row()

    def change(self, messages: list[ThreadMessage]) -> None:
        """Take messages that are new or look different."""
        self.version += 1
        known = {message.id: index for index, message in enumerate(self.messages)}
        touched_history, appended = False, False
        for message in messages:
            if (index := known.get(message.id)) is None:
                appended = True
                self.messages.append(message)
            elif self.messages[index] != message:
                self.messages[index] = message
                touched_history |= index < self._folded
        if appended and any(a.id > b.id for a, b in zip(self.messages, self.messages[1:], strict=False)):
            self.messages.sort(key=lambda message: message.id)
            touched_history = True
        if touched_history or not self._fill_tail():
            self._fold()

    def _fill_tail(self) -> bool:
        """Render what is not in the history into the tail. False if it does not fit any more."""
        before = self.messages[self._folded - 1] if self._folded else None
        slots = markup.bubbles(self.messages[self._folded :], clock.now(), self.zone, before)
        if len(slots) > TAIL:
            return False
        slots += [markup.EMPTY_SLOT] * (TAIL - len(slots))
        changed = [index for index, slot in enumerate(slots) if slot != self.tail[index]]
        self.tail = slots
        self._tell(changed, history=False)
        return True

    def _fold(self) -> None:
        """Everything becomes history, the tail is free again."""
        if len(self.messages) > MOST_BUBBLES:
            self.messages = self.messages[-MOST_BUBBLES // 2 :]
            self.has_older = True
        self._folded = len(self.messages)
        self.history = markup.joined(markup.bubbles(self.messages, clock.now(), self.zone, None))
        self.tail = [markup.EMPTY_SLOT] * TAIL
        self._tell(range(TAIL), history=True)

    def _tell(self, slots: Iterable[int], *, history: bool) -> None:
        for screen in list(self.screens):
            screen.show(slots, history)
