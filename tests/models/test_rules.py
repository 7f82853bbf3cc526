"""The rules that need only a row: service window, statuses, roles, previews."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from hotelchat.models import Delivery, Hotel, Kind, Role, service_window_closes_at
from hotelchat.models.preview import LABELS, LONGEST_PREVIEW, preview

RANK = {"queued": 0, "sending": 1, "sent": 2, "delivered": 3, "read": 4}


def test_the_service_window_closes_a_day_after_the_guest_last_wrote() -> None:
    wrote = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)

    assert service_window_closes_at(wrote) == wrote + timedelta(hours=24)


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        service_window_closes_at(datetime(2026, 3, 28))  # noqa: DTZ001


@pytest.mark.parametrize(("before", "after"), list(product(RANK, RANK)))
def test_a_delivery_status_only_moves_forward(before: str, after: str) -> None:
    assert (Delivery(before) in Delivery(after).overrides) == (RANK[before] < RANK[after])


@pytest.mark.parametrize(
    ("before", "after", "moves"),
    [
        ("queued", "failed", True),
        ("sent", "failed", True),
        ("unknown", "failed", True),
        ("delivered", "failed", False),
        ("read", "failed", False),
        ("failed", "delivered", True),
        ("failed", "read", True),
        ("failed", "sent", False),
        ("failed", "unknown", False),
        ("sending", "unknown", True),
        ("sent", "unknown", False),
        ("delivered", "unknown", False),
        ("unknown", "sent", True),
        ("unknown", "delivered", True),
        ("unknown", "read", True),
        ("failed", "failed", False),
        ("unknown", "unknown", False),
    ],
)
def test_failures_and_doubts_against_the_others(before: str, after: str, moves: bool) -> None:
    assert (Delivery(before) in Delivery(after).overrides) is moves


def test_a_manager_may_what_an_agent_may_and_an_admin_may_all() -> None:
    reached = {has: [needed for needed in Role if has.reaches(needed)] for has in Role}

    assert reached == {
        Role.AGENT: [Role.AGENT], Role.MANAGER: [Role.AGENT, Role.MANAGER], Role.ADMIN: list(Role),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "shown"),
    [
        (Kind.TEXT, "Is\nbreakfast \t included?", "Is breakfast included?"),
        (Kind.TEXT, "", ""),
        (Kind.IMAGE, "", "Photo"),
        (Kind.IMAGE, "The shower", "Photo · The shower"),
        (Kind.AUDIO, "", "Voice note"),
        (Kind.LOCATION, "39, 3", "Location · 39, 3"),
    ],
)
def test_a_list_shows_one_line(kind: Kind, text: str, shown: str) -> None:
    assert preview(kind, text) == shown


def test_every_kind_has_a_name_and_no_line_is_too_long() -> None:
    assert LABELS.keys() == set(Kind)
    assert all(len(preview(kind, "word " * 500)) == LONGEST_PREVIEW for kind in Kind)


def test_a_hotel_reads_times_in_its_own_zone() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC).astimezone(Hotel(slug="a", name="A", time_zone="Atlantic/Canary").zone)

    assert noon.hour == 13
