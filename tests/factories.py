"""Something valid of every kind; a test says only what matters to it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from hotelchat import clock
from hotelchat.channels.port import Identity, InboundMessage, Sender, StatusReport
from hotelchat.channels.whatsapp import DELIVERIES
from hotelchat.db import transaction
from hotelchat.models import (
    Author,
    Conversation,
    Delivery,
    Direction,
    Guest,
    GuestIdentity,
    Hotel,
    IdentityKind,
    Kind,
    KnowledgeArticle,
    Membership,
    Message,
    Role,
    User,
)
from hotelchat.services import team

ACCOUNT = "AC" + "5" * 32
OURS = "whatsapp:+34971000001"
ANA = "+34600111222"
KEYS = ("a-key-for-tests",)
_numbers = itertools.count(1)


def phone(number: str) -> Identity:
    """A guest's phone number."""
    return Identity(IdentityKind.PHONE, number)


def user_name(value: str) -> Identity:
    """A WhatsApp user id: what is left where a guest hides the number."""
    return Identity(IdentityKind.WHATSAPP_USER, value)


def inbound(text: str = "Is breakfast included?", *senders: Identity, **fields: Any) -> InboundMessage:
    """A guest's message as a channel hands it over; Ana's, unless somebody else is named."""
    name = fields.pop("name", "Ana")
    given = {
        "account": ACCOUNT, "provider_id": f"SM{next(_numbers):032x}", "to": OURS, "kind": Kind.TEXT, "text": text,
        "raw": {"Body": text}, "sender": Sender(identities=senders or (phone(ANA),), name=name),
    }  # fmt: skip
    return InboundMessage(**(given | fields))


def status(message_id: int, word: str, sid: str = "SMsent", code: int | None = None) -> StatusReport:
    """A status callback of Twilio's."""
    return StatusReport(
        message_id=message_id, provider_id=sid, delivery=DELIVERIES.get(word), status=word, error_code=code,
        raw={"AccountSid": ACCOUNT, "MessageSid": sid, "MessageStatus": word},
    )  # fmt: skip


class Factory:
    """Makes rows in one session; everything has an id when it comes back."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def _keep(self, row: Any) -> Any:
        self.session.add(row)
        self.session.flush()
        return row

    def hotel(self, slug: str | None = None, **fields: Any) -> Hotel:
        number = next(_numbers)
        given = {"slug": slug or f"hotel-{number}", "name": f"Hotel {number}", "whatsapp_number": None}
        return self._keep(Hotel(**(given | fields)))

    def user(self, hotel: Hotel, role: Role = Role.AGENT, **fields: Any) -> User:
        number = next(_numbers)
        given = {"email": f"agent{number}@example.com", "name": f"Agent {number}", "password_hash": "no hash"}
        user = self._keep(User(**(given | fields)))
        self._keep(Membership(hotel_id=hotel.id, user_id=user.id, role=role))
        return user

    def signed_in(self, hotel: Hotel, role: Role = Role.AGENT, password: str = "correct horse") -> tuple[User, str]:
        """A user with a real password who has signed in; the session's token."""
        email = f"{role}{next(_numbers)}@example.com"
        user = team.add_user(
            self.session, email=email, name="Marta", role=role, password=password, hotel_slug=hotel.slug
        )
        ticket = team.sign_in(self.session, email, password, KEYS)
        self.session.flush()
        assert ticket is not None
        token = team.enter(self.session, ticket, KEYS)
        assert token is not None
        return user, token

    def guest(self, hotel: Hotel, name: str = "Ana", number: str | None = None) -> Guest:
        guest = self._keep(Guest(hotel_id=hotel.id, name=name))
        value = number or f"+3460{next(_numbers):07}"
        self._keep(GuestIdentity(hotel_id=hotel.id, guest_id=guest.id, kind=IdentityKind.PHONE, value=value))
        return guest

    def conversation(
        self, hotel: Hotel, guest: Guest | None = None, says: Sequence[str] = ("Is breakfast included?",), **fields: Any
    ) -> Conversation:
        guest = guest or self.guest(hotel)
        conversation = self._keep(Conversation(hotel_id=hotel.id, guest_id=guest.id, sender=OURS))
        for text in says:
            message = self.message(conversation, text)
            conversation.last_inbound_id, conversation.last_inbound_at = message.id, message.created_at
            conversation.waiting_since = conversation.waiting_since or message.created_at
            conversation.last_message_id, conversation.last_text = message.id, text
            conversation.unread += 1
        for name, value in fields.items():
            setattr(conversation, name, value)
        return self._keep(conversation)

    def message(self, conversation: Conversation, text: str = "Is breakfast included?", **fields: Any) -> Message:
        given = {"direction": Direction.IN, "author": Author.GUEST, "text": text, "created_at": clock.now()}
        return self._keep(Message(hotel_id=conversation.hotel_id, conversation_id=conversation.id, **(given | fields)))

    def outgoing(self, conversation: Conversation, text: str = "Yes, it is.", **fields: Any) -> Message:
        given = {"direction": Direction.OUT, "author": Author.AGENT, "delivery": Delivery.QUEUED}
        return self.message(conversation, text, **(given | fields))

    def article(self, hotel: Hotel, title: str, body: str, **fields: Any) -> KnowledgeArticle:
        return self._keep(KnowledgeArticle(hotel_id=hotel.id, title=title, body=body, **fields))


def told(session: Session) -> list[Any]:
    """What goes out once this session commits: events and rung jobs, in their order."""
    return list(session.info.get("after_commit", ()))


def eventually(true: Any, seconds: float = 5.0) -> None:
    """Wait until something is so. Raises AssertionError if it never is."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, f"did not happen within {seconds} s"
        time.sleep(0.01)


def until_somebody_waits_for_a_lock() -> None:
    """Until another transaction of this database is blocked by a row of ours."""
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )

    def somebody_waits() -> bool:
        with transaction() as session:
            return bool(session.execute(waiting).scalar_one())

    eventually(somebody_waits)
