"""A user of one hotel neither sees nor changes anything of another, whatever is asked in their transaction."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import NoResultFound
from sqlmodel import Session, SQLModel, select

import hotelchat.queries
import hotelchat.services
from hotelchat import db
from hotelchat.channels.port import Accepted
from hotelchat.errors import NotFound
from hotelchat.models import Concierge, Conversation, Delivery, HotelOwned, Message, Reason
from hotelchat.queries import demo, guest_panel, inbox, knowledge, team, thread
from hotelchat.queries.inbox import Counts
from hotelchat.queries.views import Selection, View
from hotelchat.services import answers, conversations, deliveries, messages, questions
from tests.factories import ANA, Factory, status, told

SECRET = "breakfast"  # in every text of the other hotel


@dataclass(frozen=True)
class Other:
    """What the other hotel has."""

    hotel: int
    agent: int
    conversation: int
    guest: int
    asked: int  # the guest's message
    answer: int  # a queued one
    failed: int


# Functions that webhooks, jobs, commands and the sign-in use, in transactions of every hotel; never a screen's.
SERVE_EVERY_HOTEL = {
    "services.intake.receive", "services.intake.receive_known", "services.guests.recognise",
    "services.conversations.current_for", "services.demo.fill", "services.team.add_hotel", "services.team.add_user",
    "services.team.first_steps", "services.team.hotel_by_slug", "services.team.disable_user",
    "services.team.set_password", "services.team.end_sessions", "services.team.sign_in", "services.team.enter",
    "services.team.sign_out", "queries.team.signed_in", "queries.team.hotel", "queries.team.hotel_for_number",
    "queries.team.hotels",
}  # fmt: skip
# Functions that are given a row, which their caller has read and locked in the same transaction.
ARE_GIVEN_A_ROW = {
    "services.conversations.changed", "services.handoffs.request",
    "services.messages.add", "services.messages.add_system_line",
}  # fmt: skip

Case = Callable[[Session, Other], Any]
CASES: dict[str, Case] = {
    "services.answers.take_lease": lambda s, o: answers.take_lease(s, o.conversation, "thief"),
    "services.answers.renew_leases": lambda s, o: answers.renew_leases(s, ["holder"]),
    "services.answers.release_lease": lambda s, o: answers.release_lease(s, o.conversation, "holder"),
    "services.answers.commit_reply": lambda s, o: answers.commit_reply(s, o.conversation, "holder", o.asked, "x", []),
    "services.answers.commit_handoff": lambda s, o: answers.commit_handoff(
        s, o.conversation, "holder", o.asked, Reason.OTHER, "x", None
    ),
    "services.answers.leave_unanswered": lambda s, o: answers.leave_unanswered(s, o.conversation, "holder", o.asked),
    "services.answers.failed": lambda s, o: answers.failed(s, o.conversation, "holder", 5),
    "services.answers.without_concierge": lambda s, o: answers.without_concierge(s, o.conversation),
    "services.answers.unanswered": lambda s, o: answers.unanswered(s),
    "services.answers.unsent": lambda s, o: answers.unsent(s),
    "services.answers.has_concierge": lambda s, o: answers.has_concierge(s, o.conversation),
    "services.answers.note_language": lambda s, o: answers.note_language(s, o.guest, "de"),
    "services.conversations.locked": lambda s, o: conversations.locked(s, o.conversation),
    "services.conversations.take_over": lambda s, o: conversations.take_over(s, o.conversation, o.agent),
    "services.conversations.assign": lambda s, o: conversations.assign(s, o.conversation, o.agent),
    "services.conversations.set_concierge": lambda s, o: conversations.set_concierge(s, o.conversation, Concierge.OFF),
    "services.conversations.resolve": lambda s, o: conversations.resolve(s, o.conversation),
    "services.conversations.reopen": lambda s, o: conversations.reopen(s, o.conversation, o.agent),
    "services.conversations.mark_read": lambda s, o: conversations.mark_read(s, o.conversation),
    "services.deliveries.claim": lambda s, o: deliveries.claim(s, o.conversation),
    "services.deliveries.record": lambda s, o: deliveries.record(s, o.answer, Accepted("AC", "SM")),
    "services.deliveries.record_status": lambda s, o: deliveries.record_status(s, status(o.answer, "read")),
    "services.deliveries.doubtful": lambda s, o: deliveries.doubtful(s, o.conversation),
    "services.deliveries.queue_again": lambda s, o: deliveries.queue_again(s, o.failed),
    "services.deliveries.known_ids": lambda s, o: deliveries.known_ids(s, o.conversation),
    "services.messages.reply": lambda s, o: messages.reply(s, o.conversation, o.agent, "Hello", "key"),
    "services.messages.add_note": lambda s, o: messages.add_note(s, o.conversation, o.agent, "Hello", "key"),
    "services.deliveries.retry": lambda s, o: deliveries.retry(s, o.failed),
    "services.questions.of": lambda s, o: questions.of(s, o.conversation),
    "services.questions.fitting_articles": lambda s, o: questions.fitting_articles(s, o.hotel, SECRET),
    "queries.demo.on_phone": lambda s, o: [each for part in demo.on_phone(s, ANA) for each in part],
    "queries.guest_panel.guest": lambda s, o: guest_panel.guest(s, o.guest, 0),
    "queries.inbox.page": lambda s, o: [inbox.page(s, Selection(o.hotel, v, o.agent), 50) for v in View],
    "queries.inbox.rows": lambda s, o: inbox.rows(s, [o.conversation]),
    "queries.inbox.search": lambda s, o: inbox.search(s, o.hotel, "Ana"),
    "queries.inbox.counts": lambda s, o: inbox.counts(s, o.hotel),
    "queries.knowledge.size": lambda s, o: knowledge.size(s, o.hotel),
    "queries.knowledge.everything": lambda s, o: knowledge.everything(s, o.hotel),
    "queries.knowledge.best": lambda s, o: knowledge.best(s, o.hotel, SECRET),
    "queries.team.members": lambda s, o: [m for m in team.members(s) if m.hotel == "other"],
    "queries.thread.newest": lambda s, o: thread.newest(s, o.conversation),
    "queries.thread.spoken": lambda s, o: thread.spoken(s, o.conversation, 30),
    "queries.thread.messages": lambda s, o: thread.messages(s, o.conversation, [o.asked, o.answer]),
}


@pytest.fixture
def other(session: Session, make: Factory) -> Other:
    """A hotel with everything, and this session bound to another one."""
    mine, theirs = make.hotel(), make.hotel("other")
    agent = make.user(theirs)
    guest = make.guest(theirs, number=ANA)
    conversation = make.conversation(theirs, guest, says=(f"Is {SECRET} included?",))
    answer = make.outgoing(conversation, f"{SECRET} is included.")
    failed = make.outgoing(conversation, SECRET, delivery=Delivery.FAILED, error_code=63016)
    unknown = make.outgoing(conversation, SECRET, delivery=Delivery.UNKNOWN, provider_id="SMtheirs")
    make.article(theirs, SECRET, f"{SECRET} is from 7:00.")
    assert unknown.id
    db.bind(session, [mine.id])
    return Other(theirs.id, agent.id, conversation.id, guest.id, conversation.last_inbound_id, answer.id, failed.id)


def rows_of(session: Session, hotel_id: int) -> dict[str, list[Any]]:
    """Everything the other hotel has, past the binding."""
    tables = [table for table in SQLModel.metadata.sorted_tables if "hotel_id" in table.columns]
    return {
        table.name: session.connection().execute(
            sa.select(table).where(table.c.hotel_id == hotel_id).order_by(table.c.id)
        ).all()
        for table in tables
    }  # fmt: skip


def is_nothing(result: Any) -> bool:
    if isinstance(result, Counts):
        return not (any(result.totals.values()) or result.mine or result.oldest_waiting)
    return not result or (isinstance(result, list) and all(not each for each in result))


@pytest.mark.parametrize("name", CASES)
def test_another_hotels_rows_are_not_there_for(session: Session, other: Other, name: str) -> None:
    before = rows_of(session, other.hotel)
    assert all(before[table] for table in ("guest", "conversation", "message", "knowledge_article", "membership"))
    session.expunge_all()

    try:
        result = CASES[name](session, other)
    except (NotFound, NoResultFound):
        result = None
    session.flush()

    assert is_nothing(result), result
    assert rows_of(session, other.hotel) == before
    assert told(session) == []


@pytest.mark.parametrize("name", CASES)
def test_the_same_is_there_for_whoever_serves_every_hotel(session: Session, other: Other, name: str) -> None:
    """Proof that the cases above ask for something that exists."""
    del session.info["hotel_ids"]
    session.execute(sa.update(Conversation).values(lease_by="holder", unread=1))
    session.expunge_all()
    before = rows_of(session, other.hotel)
    if name == "services.conversations.reopen":
        session.execute(sa.update(Conversation).values(status="resolved"))
    if name in {"services.answers.take_lease", "services.answers.renew_leases"}:
        later = sa.func.clock_timestamp() + sa.text("interval '1 second'")
        until = None if name.endswith("take_lease") else later
        session.execute(sa.update(Conversation).values(lease_until=until))
        before = rows_of(session, other.hotel)
    if name == "services.deliveries.queue_again":
        session.execute(sa.update(Message).where(Message.id == other.failed).values(delivery="unknown"))
    if name == "services.deliveries.doubtful":
        past = sa.func.clock_timestamp() - sa.text("interval '1 second'")
        session.execute(sa.update(Message).values(sending_until=past))
    session.expunge_all()

    result = CASES[name](session, other)
    session.flush()

    assert not is_nothing(result) or rows_of(session, other.hotel) != before


def test_every_function_that_takes_a_session_has_a_case() -> None:
    assert set(taking_a_session()) == CASES.keys() | SERVE_EVERY_HOTEL | ARE_GIVEN_A_ROW
    assert not CASES.keys() & (SERVE_EVERY_HOTEL | ARE_GIVEN_A_ROW)


def taking_a_session() -> Iterator[str]:
    for package in (hotelchat.services, hotelchat.queries):
        for module_info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{module_info.name}")
            for name, function in inspect.getmembers(module, inspect.isfunction):
                if function.__module__ != module.__name__ or name.startswith("_"):
                    continue
                if "session" in inspect.signature(function).parameters:
                    yield f"{module.__name__.removeprefix('hotelchat.')}.{name}"


def test_every_table_with_a_hotel_is_bound() -> None:
    with_hotel = {t.name for t in SQLModel.metadata.sorted_tables if "hotel_id" in t.columns} - {"usersession"}
    bound = {m.class_.__tablename__ for m in SQLModel._sa_registry.mappers if issubclass(m.class_, HotelOwned)}

    assert bound == with_hotel


def test_an_alias_a_subquery_and_a_join_are_bound_as_well(session: Session, other: Other) -> None:
    aliased = sa.orm.aliased(Conversation)
    ids = sa.select(Conversation.id).scalar_subquery()

    assert session.exec(select(aliased)).all() == []
    assert session.exec(select(Message).where(Message.conversation_id.in_(ids))).all() == []
    assert session.exec(select(sa.func.count()).select_from(sa.select(Conversation.id).subquery())).one() == 0
    assert session.execute(sa.select(Message.id).join(aliased, aliased.id == Message.conversation_id)).all() == []
    assert session.get(Conversation, other.conversation) is None
    assert session.execute(sa.delete(Message)).rowcount == 0
    assert session.execute(sa.update(Conversation).values(unread=9)).rowcount == 0
