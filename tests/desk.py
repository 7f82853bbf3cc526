"""A front desk to write tests with: guests write over the real webhook, jobs run in this process, time passes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pkgutil import resolve_name
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from fastapi import FastAPI
from sqlmodel import Session, select
from starlette.testclient import TestClient

from hotelchat import bell, live, settings
from hotelchat.channels.demo_phone import INBOUND_PATH, SIGNATURE_HEADER, new_sid, sign, text_message
from hotelchat.db import transaction
from hotelchat.models import Conversation, Direction, GuestIdentity, Hotel, Message, MessageEvent
from hotelchat.services import deliveries, messages
from hotelchat.web import health, webhooks
from jobs.answer_guest import concierge
from jobs.deliver_messages import channel
from pages.app import Edge
from tests.factories import ACCOUNT, OURS, Factory
from tests.stand_ins import Model, Twilio, running

TOKEN = "0123456789abcdef0123456789abcdef"
PUBLIC = "https://desk.example.com"
_numbers = itertools.count(600_000_001)


@dataclass(frozen=True)
class Someone:
    """A guest with a phone."""

    name: str
    number: str


class FrontDesk:
    """One hotel, its concierge and its WhatsApp, with a database of its own."""

    def __init__(self, redis_url: str, monkeypatch: pytest.MonkeyPatch, closing: ExitStack) -> None:
        self.redis_url, self.monkeypatch, self._closing = redis_url, monkeypatch, closing
        self.redis = redis.Redis.from_url(redis_url)
        closing.callback(self.redis.close)
        with transaction() as session:
            self.hotel_id = self.make(session).hotel("lantern-bay", name="Lantern Bay", whatsapp_number=OURS).id
        self.set(
            DATABASE_URL=None, REDIS_URL=redis_url, PUBLIC_BASE_URL=PUBLIC, SECRET_KEY="a-key-for-tests",
            TWILIO_ACCOUNT_SID=ACCOUNT, TWILIO_AUTH_TOKEN=TOKEN, TWILIO_AUTH_TOKEN_SECONDARY=None,
            TWILIO_WHATSAPP_NUMBER=OURS, OPENAI_API_KEY=None,
        )  # fmt: skip
        webhooks.start(8)

    @staticmethod
    def make(session: Session) -> Factory:
        """The factories, in a transaction of the test's."""
        return Factory(session)

    def set(self, **variables: str | None) -> None:
        """Change the environment, and let everything read it again."""
        for name, value in variables.items():
            if value is None:
                self.monkeypatch.delenv(name, raising=False)
            else:
                self.monkeypatch.setenv(name, value)
        for cached in (settings.current, channel, concierge):
            cached.cache_clear()

    @cached_property
    def twilio(self) -> Twilio:
        """Twilio's REST API, from its first mention on."""
        server: Twilio = self._closing.enter_context(running(Twilio()))
        self.set(TWILIO_API_BASE_URL=server.url)
        return server

    @cached_property
    def model(self) -> Model:
        """The language model, from its first mention on; before, there is no key."""
        server: Model = self._closing.enter_context(running(Model()))
        self.set(OPENAI_API_KEY="sk-test-0123456789", OPENAI_BASE_URL=f"{server.url}/v1", OPENAI_MODEL="m")
        return server

    def opens(self) -> None:
        """WhatsApp and the concierge are there from now on."""
        self.twilio.asked.clear()
        self.model.asked.clear()

    @cached_property
    def http(self) -> TestClient:
        """The web app without its screens."""
        app = FastAPI()
        app.include_router(health.router)
        return self._closing.enter_context(TestClient(Edge(app), base_url=PUBLIC))

    # What guests and Twilio do

    def guest(self, name: str = "Ana", writes: str | None = None) -> Someone:
        someone = Someone(name, f"+34{next(_numbers)}")
        if writes is not None:
            assert self.writes(someone, writes).status_code == 200
        return someone

    def writes(self, guest: Someone, text: str, sid: str | None = None, **params: str) -> Any:
        form = text_message(ACCOUNT, guest.number, OURS, text, guest.name, sid or new_sid("SM"))
        return self.post(INBOUND_PATH, form | params)

    def callback(self, message_id: int, status: str, sid: str, **params: str) -> Any:
        form = {"MessageSid": sid, "MessageStatus": status, "AccountSid": ACCOUNT, "SmsSid": sid}
        return self.post(f"/webhooks/twilio/status/{message_id}", form | params)

    def post(self, path: str, form: dict[str, str], token: str = TOKEN, **headers: str) -> Any:
        signature = sign(PUBLIC + path, form, token)
        return self.http.post(path, data=form, headers={SIGNATURE_HEADER: signature} | headers)

    # What the hotel does

    def agent(self) -> int:
        """A colleague's id."""
        with transaction() as session:
            user = self.make(session).user(session.get_one(Hotel, self.hotel_id))
        assert user.id is not None
        return user.id

    def sends(self, text: str = "Hello!") -> int:
        """An agent's reply to a new guest is on its way; the message's id."""
        conversation = self.conversation_of(self.guest("Ana", writes="Hello")).id
        message_id: int = self.do(messages.reply, conversation, self.agent(), text, "draft")
        self.do(deliveries.claim, conversation)
        return message_id

    def do(self, service: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """One service in one transaction of its own."""
        with transaction() as session:
            return service(session, *args, **kwargs)

    def rung(self) -> list[str]:
        """What was rung and waits, as `function(conversation)`."""
        live.courier().flush()
        words = (each.decode().split(" ") for each in self.redis.lrange(bell.LIST, 0, -1))
        return sorted({f"{job.rpartition('.')[2]}({conversation_id})" for job, conversation_id in words})

    def run_jobs(self) -> int:
        """Run what was rung, and what that rings, here and now; guests have fallen quiet. How many there were."""
        ran = 0
        self.later(2)
        while True:
            live.courier().flush()
            rung = bell.take(self.redis, 0.01) if self.redis.llen(bell.LIST) else []
            if not rung:
                return ran
            for job, conversation_id in rung:
                resolve_name(job)(conversation_id)
                ran += 1

    def later(self, seconds: float) -> None:
        """Time passes: every moment in the database lies so much further back."""
        columns = {
            "conversation": ("last_inbound_at", "lease_until", "answer_after", "waiting_since", "activity_at"),
            "message": ("created_at", "claimed_at", "sending_until", "sent_at"),
        }
        with transaction() as session:
            for table, names in columns.items():
                moved = ", ".join(f"{name} = {name} - make_interval(secs => :s)" for name in names)
                session.execute(sa.text(f"UPDATE {table} SET {moved}"), {"s": seconds})

    # What one sees afterwards

    def conversations_of(self, guest: Someone) -> list[Conversation]:
        with transaction() as session:
            statement = (
                select(Conversation)
                .join(GuestIdentity, GuestIdentity.guest_id == Conversation.guest_id)
                .where(GuestIdentity.value == guest.number)
                .order_by(Conversation.id)
            )
            return list(session.exec(statement))

    def conversation_of(self, guest: Someone) -> Conversation:
        return self.conversations_of(guest)[-1]

    def messages_of(self, guest: Someone, direction: Direction | None = None) -> list[Message]:
        ids = [conversation.id for conversation in self.conversations_of(guest)]
        with transaction() as session:
            found = session.exec(select(Message).where(Message.conversation_id.in_(ids)).order_by(Message.id))
            return [message for message in found if direction in {None, message.direction}]

    def answers_to(self, guest: Someone) -> list[Message]:
        return self.messages_of(guest, Direction.OUT)

    def events_of(self, message_id: int) -> list[str]:
        with transaction() as session:
            statement = select(MessageEvent).where(MessageEvent.message_id == message_id).order_by(MessageEvent.id)
            return [event.status for event in session.exec(statement)]

    def sent_to(self, guest: Someone) -> list[str]:
        """What Twilio took for this guest."""
        return [m["body"] for m in self.twilio.messages if m["to"] == f"whatsapp:{guest.number}"]


@contextmanager
def front_desk(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FrontDesk]:
    """Open the desk, and close everything it opened."""
    with ExitStack() as closing:
        yield FrontDesk(redis_url, monkeypatch, closing)
    for cached in (settings.current, channel, concierge):
        cached.cache_clear()
