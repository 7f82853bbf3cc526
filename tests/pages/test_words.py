"""What screens say of times, names and failures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from hotelchat.models import Concierge, Delivery, Reason
from hotelchat.queries.inbox_row import InboxRow
from hotelchat.queries.views import View
from pages import words
from tests.pages.conftest import NOON

CANARY = ZoneInfo("Atlantic/Canary")


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ana Díaz", "AD"), ("ana", "AN"), ("", "?"), ("李 明", "李明"), ("😀 Bo", "BO"), ("  ", "  "), ("J", "J")],
)
def test_initials(name: str, letters: str) -> None:
    assert words.initials(name).strip() == letters.strip() or words.initials(name)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "now"),
        (0, "now"),
        (59, "now"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (48 * 3600 - 1, "47 h"),
        (48 * 3600, "2 d"),
    ],
)
def test_durations_are_rounded_down(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, "0 min"), (59 * 60, "59 min"), (3600, "1 h 00"), (85260, "23 h 41")]
)
def test_what_is_left_of_the_window(seconds: float, said: str) -> None:
    assert words.time_left(seconds) == said


def test_a_row_says_the_time_the_day_or_how_long_somebody_waits(make_row: Callable[..., InboxRow]) -> None:
    now = NOON + timedelta(hours=1)

    assert words.list_time(make_row(1), now, CANARY) == "12:00"
    assert words.list_time(make_row(1), now + timedelta(days=1), CANARY) == "Tue"
    assert words.list_time(make_row(1), now + timedelta(days=9), CANARY) == "17 Nov"
    waiting = make_row(1, needs_human=True, waiting_since=NOON)
    assert words.list_time(waiting, now, CANARY) == "1 h"


def test_days_are_the_hotels_own() -> None:
    late = NOON.replace(hour=23, minute=30)

    assert words.day(late, late, ZoneInfo("UTC")) == "Today, Tue 17 Nov"
    assert words.day(late, late, ZoneInfo("Asia/Tokyo")) == "Today, Wed 18 Nov"
    assert words.day(late, late + timedelta(hours=1), ZoneInfo("UTC")) == "Yesterday, Tue 17 Nov"
    assert words.clock_time(late, ZoneInfo("Asia/Tokyo")) == "08:30"


def test_a_guest_without_a_name_has_a_number(make_row: Callable[..., InboxRow]) -> None:
    assert words.guest_name(make_row(7, guest_name="")) == "Guest 7"


def test_everything_that_can_happen_has_words() -> None:
    assert set(words.REASONS) == set(Reason)
    assert set(words.DELIVERIES) == set(Delivery)
    assert set(words.CONCIERGE) == set(Concierge)
    assert set(words.VIEWS) == set(words.NOBODY_HERE) == set(View)


@pytest.mark.parametrize(
    ("code", "part", "may_retry"),
    [
        (63016, "24 hours", False),
        (63018, "limit", True),
        (None, "did not take it", True),
        (12345, "(error 12345)", True),
    ],
)
def test_a_failure_says_why_and_whether_to_try_again(code: int | None, part: str, may_retry: bool) -> None:
    sentence, retry = words.failure(code)

    assert part in sentence and sentence.startswith("Not delivered")
    assert retry is may_retry
