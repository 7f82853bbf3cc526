"""A thread: a block of history and ten slots for what is new, the same for every screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from hotelchat.models import Delivery
from hotelchat.queries.thread import ThreadMessage
from pages.feeds import MOST_BUBBLES, TAIL, ThreadFeed
from pages.markup import EMPTY_SLOT, Props

Make = Callable[..., ThreadMessage]


class Eyes:
    """A screen that shows a thread as ThreadView does, and counts what it was sent."""

    def __init__(self, feed: ThreadFeed) -> None:
        self.feed, self.histories, self.slots_sent = feed, 0, 0
        self.history: Props = feed.history
        self.slots: list[Props] = list(feed.tail)
        feed.screens.add(self)

    def show(self, slots: Iterable[int], history: bool) -> None:
        if history:
            self.histories += 1
            self.history = self.feed.history
        for index in slots:
            self.slots_sent += 1
            self.slots[index] = self.feed.tail[index]

    def show_row(self) -> None:
        """Not looked at here."""

    def ids(self) -> list[int]:
        inside = [int(each) for each in re.findall(r'data-message-id="(\d+)"', self.history["innerHTML"])]
        return inside + [int(slot["data-message-id"]) for slot in self.slots if slot["data-message-id"]]


def load(feed: ThreadFeed, messages: list[ThreadMessage]) -> None:
    """The newest page, as it was read."""
    feed.load(None, None, messages)


@pytest.fixture
def feed() -> ThreadFeed:
    return ThreadFeed(1, 1, ZoneInfo("UTC"))


def test_what_is_read_is_history_and_what_comes_fills_the_slots(feed: ThreadFeed, make_message: Make) -> None:
    eyes = Eyes(feed)
    load(feed, [make_message(1), make_message(2)])
    feed.change([make_message(3)])

    assert eyes.ids() == [1, 2, 3]
    assert (eyes.histories, feed.tail[0]["data-message-id"]) == (1, "3")


def test_the_eleventh_new_message_folds_the_ten_before_it(feed: ThreadFeed, make_message: Make) -> None:
    load(feed, [make_message(1)])
    eyes = Eyes(feed)
    for number in range(2, TAIL + 2):
        feed.change([make_message(number)])
    assert (eyes.histories, eyes.slots_sent) == (0, TAIL), "one slot for each message, and the block left alone"

    feed.change([make_message(TAIL + 2)])

    assert eyes.histories == 1
    assert feed.tail == [EMPTY_SLOT] * TAIL
    assert eyes.ids() == list(range(1, TAIL + 3))


def test_a_hundred_messages_in_a_row_are_all_there_in_order(feed: ThreadFeed, make_message: Make) -> None:
    eyes = Eyes(feed)
    for number in range(1, 101):
        feed.change([make_message(number)])
        assert eyes.ids() == list(range(1, number + 1))


def test_a_status_in_the_slots_touches_one_slot(feed: ThreadFeed, make_reply: Make, make_message: Make) -> None:
    load(feed, [make_message(1)])
    reply = make_reply(2)
    feed.change([reply])
    eyes = Eyes(feed)

    feed.change([replace(reply, delivery=Delivery.READ)])

    assert (eyes.histories, eyes.slots_sent) == (0, 1)
    assert eyes.slots[0]["data-status"] == "read"


def test_a_status_in_the_history_renders_it_anew(feed: ThreadFeed, make_reply: Make) -> None:
    reply = make_reply(1, delivery=Delivery.SENT)
    load(feed, [reply])
    eyes = Eyes(feed)

    feed.change([replace(reply, delivery=Delivery.DELIVERED)])

    assert eyes.histories == 1
    assert 'data-status="delivered"' in eyes.history["innerHTML"]
    assert eyes.ids() == [1]


def test_a_message_read_late_finds_its_place(feed: ThreadFeed, make_message: Make) -> None:
    load(feed, [make_message(1)])
    eyes = Eyes(feed)
    feed.change([make_message(4)])
    feed.change([make_message(3), make_message(2)])

    assert eyes.ids() == [1, 2, 3, 4]


def test_the_same_news_twice_sends_nothing(feed: ThreadFeed, make_message: Make) -> None:
    load(feed, [make_message(1)])
    eyes = Eyes(feed)
    feed.change([make_message(1)])
    load(feed, [make_message(1)])

    assert (eyes.histories, eyes.slots_sent) == (0, 0)


def test_all_screens_get_the_same_strings(feed: ThreadFeed, make_message: Make) -> None:
    first, second = Eyes(feed), Eyes(feed)
    load(feed, [make_message(1)])
    feed.change([make_message(2)])

    assert first.history is second.history
    assert first.slots[0] is second.slots[0]


def test_a_new_day_begins_with_a_line(feed: ThreadFeed, make_message: Make) -> None:
    eyes = Eyes(feed)
    load(feed, [make_message(1), make_message(1 + 24 * 60)])

    assert eyes.history["innerHTML"].count("hc-day") == 2


def test_reading_again_keeps_what_the_thread_has_shown(feed: ThreadFeed, make_message: Make) -> None:
    """After a lost connection only the newest page is read: what stood above it must not vanish."""
    everything = [make_message(number) for number in range(1, 71)]
    load(feed, everything[:45])
    eyes = Eyes(feed)
    for message in everything[45:]:
        feed.change([message])
    assert eyes.ids() == list(range(1, 71))

    load(feed, everything[-50:])

    assert eyes.ids() == list(range(1, 71))


def test_a_very_long_thread_lets_its_oldest_go_and_says_that_there_is_more(
    feed: ThreadFeed, make_message: Make
) -> None:
    eyes = Eyes(feed)
    for number in range(1, MOST_BUBBLES + 40):
        feed.change([make_message(number)])

    assert len(eyes.ids()) <= MOST_BUBBLES + TAIL
    assert feed.has_older
    assert eyes.ids()[-1] == MOST_BUBBLES + 39
