"""How many statements a read or a webhook costs: a list must not ask once per row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from hotelchat.db import transaction
from hotelchat.queries import guest_panel, inbox, thread
from hotelchat.queries.views import Selection, View
from hotelchat.services import intake
from tests.factories import ANA, OURS, Factory, inbound


@contextmanager
def statements(engine: sa.Engine) -> Iterator[list[str]]:
    """What goes to PostgreSQL meanwhile, without BEGIN and COMMIT."""
    seen: list[str] = []

    def note(*args: object) -> None:
        seen.append(str(args[2]))

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def hotel_id(database: sa.Engine) -> int:
    """A hotel with ten conversations of three messages each; one is Ana's."""
    with transaction() as session:
        make = Factory(session)
        hotel = make.hotel(whatsapp_number=OURS)
        make.conversation(hotel, make.guest(hotel, number=ANA))
        for _ in range(9):
            make.conversation(
                hotel, says=("Hello", "Is breakfast included?", "For two?"), assignee_id=make.user(hotel).id
            )
    return hotel.id


def test_a_known_guests_message_costs_two_statements(database: sa.Engine, hotel_id: int) -> None:
    with statements(database) as seen, transaction() as session:
        received = intake.receive(session, hotel_id, inbound("And for two?"))

    assert received.message_id is not None
    assert len(seen) == 2, seen
    assert "FOR UPDATE" in seen[0] and "INSERT INTO message" in seen[1], "the lock comes before the id is drawn"


def test_a_batch_of_known_guests_messages_costs_two_statements(database: sa.Engine, hotel_id: int) -> None:
    arrivals = [intake.Arrival(hotel_id, inbound(f"message {number}")) for number in range(20)]
    with statements(database) as seen, transaction() as session:
        stored = intake.receive_known(session, arrivals)

    assert len(seen) == 2, seen
    ids = [stored[arrival.key].message_id for arrival in arrivals]
    assert None not in ids and ids == sorted(ids), "in the order in which they came"


READS: dict[str, tuple[int, Callable[..., object]]] = {
    **{f"inbox.page {view}": (1, lambda s, h, view=view: inbox.page(s, Selection(h, view, 1), 50)) for view in View},
    "inbox.counts": (1, lambda s, h: inbox.counts(s, h)),
    "inbox.rows": (1, lambda s, h: inbox.rows(s, range(1, 9))),
    "inbox.search": (1, lambda s, h: inbox.search(s, h, "An")),
    "thread.newest": (1, lambda s, h: thread.newest(s, 2)),
    "thread.messages": (1, lambda s, h: thread.messages(s, 2, range(1, 9))),
    "guest_panel.guest": (3, lambda s, h: guest_panel.guest(s, 1, 1)),
}


@pytest.mark.parametrize("name", READS)
def test_a_read_costs(database: sa.Engine, hotel_id: int, name: str) -> None:
    number, read = READS[name]
    with transaction([hotel_id]) as session, statements(database) as seen:
        read(session, hotel_id)

    assert len(seen) == number, seen
