"""With 100,000 conversations every list, count and sweep still walks along an index."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from hotelchat import db
from hotelchat.db import transaction
from hotelchat.embedded import EmbeddedServers
from hotelchat.queries import guest_panel, inbox, thread
from hotelchat.queries.views import Selection, View
from hotelchat.services import answers, deliveries, intake
from tests.conftest import cloned
from tests.factories import Factory, inbound, phone

HOTELS, EACH = 5, 20_000
FILL = """
SET synchronous_commit = off;
INSERT INTO guest (id, hotel_id, name) SELECT n, 1 + n % :hotels, 'Guest ' || n FROM generate_series(1, :all) n;
INSERT INTO guest_identity (hotel_id, guest_id, kind, value)
    SELECT hotel_id, id, 'phone', '+34' || (600000000 + id) FROM guest;
INSERT INTO conversation (id, hotel_id, guest_id, sender, status, concierge, needs_human, assignee_id, waiting_since,
        activity_at, last_message_id, last_inbound_id, last_inbound_at, answered_upto, resolved_at)
    SELECT n, 1 + n % :hotels, n, 'whatsapp:+34971000001',
        CASE WHEN n % 20 = 0 THEN 'open' ELSE 'resolved' END,
        CASE WHEN n % 60 = 0 THEN 'paused' ELSE 'on' END,
        n % 180 = 0, CASE WHEN n % 120 = 0 THEN 1 + n / 120 % 50 END,
        CASE WHEN n % 180 = 0 THEN now() - make_interval(secs => n) END,
        now() - make_interval(secs => n), 2 * n, 2 * n - 1, now() - make_interval(secs => n),
        CASE WHEN n % 4000 = 0 THEN 0 ELSE 2 * n END, CASE WHEN n % 20 > 0 THEN now() END
    FROM generate_series(1, :all) n;
INSERT INTO message (id, hotel_id, conversation_id, direction, author, text, account, provider_id, delivery)
    SELECT 2 * n - 1 + half, 1 + n % :hotels, n, CASE half WHEN 0 THEN 'in' ELSE 'out' END,
        CASE half WHEN 0 THEN 'guest' ELSE 'ai' END, 'Is breakfast included?', 'AC1', 'SM' || (2 * n - half),
        CASE WHEN half = 1 THEN CASE WHEN n % 5000 = 0 THEN 'queued' ELSE 'read' END END
    FROM generate_series(1, :all) n, generate_series(0, 1) half;
SELECT setval(pg_get_serial_sequence(name, 'id'), 1000000) FROM unnest(ARRAY['guest', 'conversation', 'message']) name;
ANALYZE
"""


@pytest.fixture(scope="module")
def large(servers: EmbeddedServers, template: str) -> Iterator[sa.Engine]:
    """A database that has been in use for years."""
    with cloned(servers.postgres()) as url:
        engine = db.configure(url, pool=2, statement_seconds=60)
        with transaction() as session:
            make = Factory(session)
            hotels = [make.hotel() for _ in range(HOTELS)]
            assert [hotel.id for hotel in hotels] == [1, 2, 3, 4, 5]
            for number in range(50):
                make.user(hotels[number % HOTELS])
        with engine.connect() as connection:
            for statement in FILL.split(";\n"):
                given = {"hotels": HOTELS, "all": HOTELS * EACH}
                connection.execute(
                    sa.text(statement), {name: n for name, n in given.items() if f":{name}" in statement}
                )
            connection.commit()
        yield engine
        engine.dispose()


Read = Callable[[Session], Any]
READS: dict[str, Read] = {
    **{f"the list {view}": lambda s, view=view: inbox.page(s, Selection(1, view, 6), 50) for view in View},
    "the counts": lambda s: inbox.counts(s, 1),
    "some rows": lambda s: inbox.rows(s, range(500, 520)),
    "what waits for the concierge": answers.unanswered,
    "what waits for its sending": answers.unsent,
    "a thread": lambda s: thread.newest(s, 4000),
    "the page above": lambda s: thread.newest(s, 4000, before=7999),
    "the guest panel": lambda s: guest_panel.guest(s, 4000, 4000),
    "a message that arrives": lambda s: intake.receive(s, 1, inbound("Hello", phone("+34600004000"))),
    "the next to send": lambda s: deliveries.claim(s, 5000),
    "what may be known of a doubtful one": lambda s: deliveries.known_ids(s, 5000),
    "a lease": lambda s: answers.take_lease(s, 4000, "me"),
    "the renewal of leases": lambda s: answers.renew_leases(s, ["me", "you"]),
}


def scanned(plan: Any) -> Iterator[str]:
    """The tables that a plan reads from end to end."""
    if plan["Node Type"] in {"Seq Scan", "Parallel Seq Scan"}:
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from scanned(part)


def test_the_database_is_large(large: sa.Engine) -> None:
    with transaction() as session:
        found = session.execute(sa.text("SELECT count(*), count(*) FILTER (WHERE status = 'open') FROM conversation"))
        assert found.one() == (HOTELS * EACH, HOTELS * EACH // 20)
        assert len(inbox.page(session, Selection(1, View.ALL), 50)) == 50
        assert answers.unanswered(session) and answers.unsent(session)
        assert all(inbox.counts(session, 1).totals.values())


@pytest.mark.parametrize("what", READS)
def test_nothing_is_read_from_end_to_end_for(large: sa.Engine, what: str) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    with transaction() as session:
        sa.event.listen(large, "before_cursor_execute", note)
        try:
            READS[what](session)
        finally:
            sa.event.remove(large, "before_cursor_execute", note)
        session.rollback()
        cursor = session.connection().connection.cursor()
        for statement, parameters in asked:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            plan = cursor.fetchone()[0][0]["Plan"]
            assert not {"conversation", "message"} & set(scanned(plan)), plan
    assert asked


def test_every_view_is_quick(large: sa.Engine) -> None:
    with transaction() as session:
        for view in View:
            inbox.page(session, Selection(1, view, 6), 50)
        started = time.perf_counter()
        for view in View:
            inbox.page(session, Selection(1, view, 6), 50)
        inbox.counts(session, 1)
        assert time.perf_counter() - started < 0.5
