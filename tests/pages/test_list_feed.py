"""A list: read once for all its screens, in its order, as long as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from hotelchat.models import Concierge, Reason, Status
from hotelchat.queries.inbox_row import InboxRow
from hotelchat.queries.views import Selection, View
from pages.feeds import ListFeed
from pages.markup import Props
from tests.pages.conftest import NOON

MakeRow = Callable[..., InboxRow]


class Eyes:
    """A screen that remembers what it was shown."""

    def __init__(self) -> None:
        self.rows: dict[int, Props] = {}
        self.times = 0

    def show(self, changed: dict[int, Props], gone: Iterable[int]) -> None:
        self.times += 1
        for each in gone:
            self.rows.pop(each, None)
        self.rows.update(changed)


def feed_of(view: View = View.ALL, limit: int = 3, user: int | None = None) -> tuple[ListFeed, Eyes]:
    feed, eyes = ListFeed(Selection(1, view, user), limit, ZoneInfo("UTC")), Eyes()
    feed.screens.add(eyes)
    return feed, eyes


def test_the_newest_activity_stands_on_top(make_row: MakeRow) -> None:
    feed, _ = feed_of(limit=10)
    feed.load([make_row(1, minutes=1), make_row(2, minutes=3), make_row(3, minutes=2)])

    assert feed.order() == [2, 3, 1]
    feed.change({1: make_row(1, minutes=9)})
    assert feed.order() == [1, 2, 3]


def test_who_waits_longest_stands_on_top_of_those_who_need_a_human(make_row: MakeRow) -> None:
    feed, _ = feed_of(View.NEEDS_HUMAN, limit=10)
    feed.load([make_row(n, needs_human=True, waiting_since=NOON.replace(minute=n), minutes=-n) for n in (3, 1, 2)])

    assert feed.order() == [1, 2, 3]


def test_the_eye_sees_rows_in_the_order_of_the_list(make_row: MakeRow) -> None:
    feed, eyes = feed_of(limit=10)
    feed.load([make_row(n, minutes=n * 7 % 5) for n in range(1, 6)])

    def place(number: int) -> int:
        return int(eyes.rows[number]["style"].removeprefix("order:"))

    assert sorted(eyes.rows, key=place) == feed.order()


def test_only_what_changed_is_shown_again_and_all_screens_get_the_same_strings(make_row: MakeRow) -> None:
    feed, first = feed_of(limit=10)
    second = Eyes()
    feed.screens.add(second)
    feed.load([make_row(1), make_row(2)])
    before = first.rows[2]

    feed.change({1: make_row(1, minutes=1, last_text="News"), 2: make_row(2)})

    assert first.rows[2] is before
    assert first.rows[1] is second.rows[1]
    assert "News" in first.rows[1]["innerHTML"]
    assert (first.times, second.times) == (2, 2)


def test_nothing_is_sent_where_nothing_looks_different(make_row: MakeRow) -> None:
    feed, eyes = feed_of()
    feed.load([make_row(1)])
    feed.change({1: make_row(1)})
    feed.refresh()

    assert eyes.times == 1


@pytest.mark.parametrize(
    ("view", "leaves"),
    [
        (View.NEEDS_HUMAN, {"needs_human": False}),
        (View.MINE, {"assignee_id": 8}),
        (View.UNASSIGNED, {"assignee_id": 7}),
        (View.CONCIERGE, {"concierge": Concierge.PAUSED}),
        (View.RESOLVED, {"status": Status.OPEN}),
    ],
)
def test_a_row_that_belongs_elsewhere_now_leaves(make_row: MakeRow, view: View, leaves: dict[str, object]) -> None:
    stays: dict[View, dict[str, object]] = {
        View.NEEDS_HUMAN: {"needs_human": True, "reason": Reason.COMPLAINT, "waiting_since": NOON},
        View.MINE: {"assignee_id": 7, "assignee_name": "Lena"},
        View.UNASSIGNED: {"concierge": Concierge.PAUSED},
        View.CONCIERGE: {},
        View.RESOLVED: {"status": Status.RESOLVED},
    }
    feed, eyes = feed_of(view, user=7)
    row = make_row(1, **stays[view])
    feed.load([row])
    assert list(eyes.rows) == [1]

    feed.change({1: replace(row, **leaves)})  # type: ignore[arg-type]

    assert (feed.order(), eyes.rows, feed.props) == ([], {}, {})


def test_a_row_of_another_hotel_never_comes_in(make_row: MakeRow) -> None:
    feed, eyes = feed_of()
    feed.change({1: make_row(1, hotel_id=2)})

    assert eyes.rows == {}


def test_a_full_list_takes_no_row_from_below_its_end_and_asks_for_more_when_one_leaves(make_row: MakeRow) -> None:
    feed, _ = feed_of(View.CONCIERGE, limit=3)
    feed.load([make_row(n, minutes=n) for n in (5, 4, 3)])

    assert not feed.change({1: make_row(1, minutes=1)})
    assert feed.order() == [5, 4, 3]
    assert feed.change({5: make_row(5, minutes=5, concierge=Concierge.PAUSED)})
    assert feed.order() == [4, 3]


def test_a_list_that_grew_lets_its_last_rows_go(make_row: MakeRow) -> None:
    feed, eyes = feed_of(limit=3)
    feed.load([make_row(n, minutes=n) for n in (3, 2, 1)])
    for number in range(4, 30):
        feed.change({number: make_row(number, minutes=number)})

    assert len(feed.order()) <= 3 + 10
    assert feed.order()[:3] == [29, 28, 27]
    assert sorted(eyes.rows) == sorted(feed.order())
    assert feed.is_full


def test_what_was_read_anew_takes_away_what_is_no_more(make_row: MakeRow) -> None:
    feed, eyes = feed_of(limit=10)
    feed.load([make_row(1), make_row(2)])
    feed.load([make_row(2), make_row(3)])

    assert sorted(eyes.rows) == [2, 3]
    assert sorted(feed.props) == [2, 3]
