"""The list: each view holds what its name says, in SQL and for a row in hand alike, and in the same order."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from sqlmodel import Session

from hotelchat import clock
from hotelchat.models import Concierge, Conversation, Hotel, Reason, Status, User
from hotelchat.queries import guest_panel, inbox, thread
from hotelchat.queries.views import Selection, View
from hotelchat.services import messages
from tests.factories import Factory


@pytest.fixture
def hotel(make: Factory) -> Hotel:
    return make.hotel()


@pytest.fixture
def marta(make: Factory, hotel: Hotel) -> User:
    return make.user(hotel, name="Marta")


@pytest.fixture
def every(make: Factory, hotel: Hotel, marta: User) -> list[Conversation]:
    """A conversation in every state there is, at its own time."""
    states = itertools.product(Status, Concierge, (False, True), (None, marta.id, make.user(hotel).id))
    made, now = [], clock.now()
    for number, (status, concierge, needs_human, assignee) in enumerate(states):
        since = now - timedelta(minutes=number * 7 % 50)
        made.append(
            make.conversation(
                hotel, status=status, concierge=concierge, needs_human=needs_human, assignee_id=assignee,
                activity_at=now - timedelta(minutes=number * 5 % 53), waiting_since=since if needs_human else None,
                needs_human_reason=Reason.OTHER if needs_human else None,
            )
        )  # fmt: skip
    make.conversation(make.hotel(), needs_human=True)
    return made


@pytest.mark.parametrize("view", View)
def test_sql_and_a_row_in_hand_agree_about_every_state(
    session: Session, hotel: Hotel, marta: User, every: list[Conversation], view: View
) -> None:
    selection = Selection(hotel.id, view, marta.id)
    rows = inbox.rows(session, [conversation.id for conversation in every])
    assert len(rows) == len(every)

    listed = inbox.page(session, selection, 1000)

    assert [row.id for row in listed] == [
        row.id for row in sorted(rows.values(), key=selection.sort_key) if selection.holds(row)
    ]
    assert 0 < len(listed) <= len(every)
    assert [row.id for row in inbox.page(session, selection, 3)] == [row.id for row in listed[:3]]


def test_the_counts_are_those_of_the_lists(
    session: Session, hotel: Hotel, marta: User, every: list[Conversation]
) -> None:
    counts = inbox.counts(session, hotel.id)

    for view in set(View) - {View.RESOLVED}:
        assert counts.of(view, marta.id) == len(inbox.page(session, Selection(hotel.id, view, marta.id), 1000)), view
    waiting = inbox.page(session, Selection(hotel.id, View.NEEDS_HUMAN), 1)
    assert counts.oldest_waiting == waiting[0].waiting_since
    assert counts.of(View.MINE, 2**30) == 0


def test_the_counts_of_an_empty_hotel(session: Session, hotel: Hotel) -> None:
    counts = inbox.counts(session, hotel.id)

    assert (set(counts.totals.values()), counts.mine, counts.oldest_waiting) == ({0}, {}, None)


def test_a_row_says_all_the_list_shows(session: Session, make: Factory, hotel: Hotel, marta: User) -> None:
    conversation = make.conversation(hotel, make.guest(hotel, "Ana Belén"))
    messages.reply(session, conversation.id, marta.id, "Yes, it\nis.", "draft")

    [row] = inbox.page(session, Selection(hotel.id, View.MINE, marta.id), 10)

    assert (row.guest_name, row.last_text, row.last_author, row.last_direction) == (
        "Ana Belén",
        "Yes, it is.",
        "agent",
        "out",
    )
    assert (row.last_status, row.assignee_name, row.unread) == ("queued", "Marta", 0)
    assert (row.status, row.concierge) == (Status.OPEN, Concierge.PAUSED)
    assert not inbox.handled_by_concierge(row)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ana", {"Ana Belén", "Diana"}),
        ("BELÉN", {"Ana Belén"}),
        ("%", {"100% Bob"}),
        ("_", set()),
        ("\\", set()),
        ("zoe", set()),
    ],
)
def test_a_guest_is_found_by_a_part_of_the_name(
    session: Session, make: Factory, hotel: Hotel, words: str, found: set[str]
) -> None:
    for name in ("Ana Belén", "Diana", "100% Bob"):
        make.conversation(hotel, make.guest(hotel, name))
    make.conversation(other := make.hotel(), make.guest(other, "Ana of elsewhere"))

    assert {row.guest_name for row in inbox.search(session, hotel.id, words)} == found


def test_a_thread_is_read_from_its_end_page_by_page(session: Session, make: Factory, hotel: Hotel, marta: User) -> None:
    conversation = make.conversation(hotel, says=[f"message {number}" for number in range(7)])
    make.conversation(hotel)
    messages.add_note(session, conversation.id, marta.id, "a note", "draft")

    last = thread.newest(session, conversation.id, 3)
    above = thread.newest(session, conversation.id, 3, before=last[0].id)
    top = thread.newest(session, conversation.id, 3, before=above[0].id)

    assert [m.text for m in top + above + last] == [f"message {n}" for n in range(7)] + ["a note"]
    assert (last[-1].author_name, last[0].author_name) == ("Marta", None)
    assert thread.messages(session, conversation.id, [last[1].id, last[0].id]) == last[:2]
    assert thread.newest(session, conversation.id, 3, before=top[0].id) == []


def test_the_panel_shows_the_guest_and_what_was_before(session: Session, make: Factory, hotel: Hotel) -> None:
    guest = make.guest(hotel, "Ana", number="+34600111222")
    past = [make.conversation(hotel, guest, status=Status.RESOLVED).id for _ in range(7)]
    now = make.conversation(hotel, guest)

    facts = guest_panel.guest(session, guest.id, now.id)

    assert (facts.name, facts.addresses) == ("Ana", (("phone", "+34600111222"),))
    assert [conversation.id for conversation in facts.past] == past[::-1][:5]
    assert guest_panel.guest(session, 2**30, now.id) is None
