"""The sending of messages: claim, record, record_status (forward only), and what became of the doubtful ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, select

from hotelchat import clock
from hotelchat.after_commit import Job, emit, enqueue
from hotelchat.channels.port import Accepted, OutboundMessage, Outcome, Refused, StatusReport, TryLater
from hotelchat.events import DeliveryChanged
from hotelchat.models import Conversation, Delivery, Direction, GuestIdentity, IdentityKind, Message, MessageEvent
from hotelchat.services import conversations

CLAIM: Final = timedelta(seconds=20)  # longer than the channel's time-outs together
LOOK_UP_AFTER: Final = timedelta(seconds=10)  # a status callback usually settles a doubt before
HOLDS_BACK: Final = timedelta(seconds=60)  # a doubtful message keeps later ones waiting no longer than this
MOST_ATTEMPTS: Final = 5
GIVEN_UP: Final = "given_up"  # our own mark among a message's events


def claim(session: Session, conversation_id: int) -> OutboundMessage | None:
    """The next queued message of a conversation, now ours to send; None: nothing, or another is on its way.

    One at a time and in order: the conversation's row is locked while we look.
    """
    conversation = conversations.locked(session, conversation_id)
    first = session.exec(
        select(Message)
        .where(
            Message.conversation_id == conversation_id,
            Message.direction == Direction.OUT,
            sa.or_(
                Message.delivery == Delivery.QUEUED,
                sa.and_(_IN_DOUBT, Message.claimed_at > clock.now() - HOLDS_BACK),
            ),
        )
        .order_by(sa.asc(Message.id))
        .limit(1)
    ).first()
    if first is None or first.delivery is not Delivery.QUEUED:
        return None
    if first.sending_until is not None and first.sending_until > clock.now():
        return None  # the provider asked us to wait
    first.delivery, first.attempts = Delivery.SENDING, first.attempts + 1
    first.claimed_at, first.sending_until = clock.now(), clock.now() + CLAIM
    session.add(first)
    _show(session, first)
    return _outbound(session, conversation, first)


def record(session: Session, message_id: int, outcome: Outcome) -> None:
    """What the channel answered. A status callback may have been faster: then only the id is kept."""
    message = _locked(session, message_id)
    if isinstance(outcome, Accepted):
        message.account, message.provider_id = outcome.account, outcome.provider_id
        message.sent_at = message.sent_at or clock.now()
        session.add(message)
        _advance(session, message, outcome.delivery, None)
    elif isinstance(outcome, Refused):
        _advance(session, message, Delivery.FAILED, outcome.error_code)
    elif isinstance(outcome, TryLater):
        _postpone(session, message, outcome)
    else:
        message.sending_until = clock.now() + LOOK_UP_AFTER
        _advance(session, message, Delivery.UNKNOWN, None)


def record_status(session: Session, report: StatusReport) -> bool:
    """A status callback: kept once, and shown if it moves the message forward.

    Returns: whether we know this message.
    """
    message = session.exec(select(Message).where(Message.id == report.message_id).with_for_update()).one_or_none()
    if message is None or message.direction is not Direction.OUT:
        return False
    session.execute(
        insert(MessageEvent)
        .values(
            hotel_id=message.hotel_id, message_id=message.id, status=report.status, provider_id=report.provider_id,
            error_code=report.error_code, raw=report.raw,
        )
        .on_conflict_do_nothing()
    )  # fmt: skip
    if _is_given_up(session, report):
        return True  # late news of an attempt that failed before the message was sent again
    if message.provider_id is None:  # it came before the answer to our request was stored
        message.provider_id, message.account = report.provider_id, report.raw.get("AccountSid")
        session.add(message)
    elif message.provider_id != report.provider_id:
        return True  # of an earlier attempt that was given up
    if report.delivery is not None:
        _advance(session, message, report.delivery, report.error_code)
    return True


def retry(session: Session, message_id: int) -> None:
    """Send a failed message again, as the agent asked."""
    statement = select(Message).where(Message.id == message_id, Message.direction == Direction.OUT).with_for_update()
    message = session.exec(statement).one_or_none()
    if message is not None and message.delivery is Delivery.FAILED:
        _give_up(session, message)
        enqueue(session, Job.DELIVER_MESSAGES, message.conversation_id)


def _give_up(session: Session, message: Message) -> None:
    """Forget the attempt so far: what the channel still says of it does not count any more."""
    if message.provider_id is not None:
        session.execute(
            insert(MessageEvent)
            .values(hotel_id=message.hotel_id, message_id=message.id, status=GIVEN_UP, provider_id=message.provider_id)
            .on_conflict_do_nothing()
        )
    message.provider_id, message.error_code, message.attempts = None, None, 0
    message.delivery, message.sending_until, message.claimed_at = Delivery.QUEUED, None, None
    session.add(message)
    _show(session, message)


def _is_given_up(session: Session, report: StatusReport) -> bool:
    found = session.exec(
        select(MessageEvent.id).where(
            MessageEvent.message_id == report.message_id,
            MessageEvent.provider_id == report.provider_id,
            MessageEvent.status == GIVEN_UP,
        )
    ).first()
    return found is not None


def doubtful(session: Session, conversation_id: int) -> OutboundMessage | None:
    """The conversation's message whose fate is unknown for long enough to be looked up; ours for a while."""
    conversation = conversations.locked(session, conversation_id)
    message = session.exec(
        select(Message)
        .where(
            Message.conversation_id == conversation_id,
            _IN_DOUBT,
            Message.sending_until < clock.now(),
        )
        .order_by(sa.asc(Message.id))
        .limit(1)
    ).first()
    if message is None:
        return None
    if message.delivery is Delivery.SENDING:  # its sender died between the channel's acceptance and our commit
        message.sending_until = clock.now() + LOOK_UP_AFTER
        _advance(session, message, Delivery.UNKNOWN, None)
        return None
    message.sending_until = clock.now() + CLAIM
    session.add(message)
    return _outbound(session, conversation, message)


def queue_again(session: Session, message_id: int) -> None:
    """The channel does not have it: it was never sent, so it may be sent now."""
    message = _locked(session, message_id)
    if message.delivery is not Delivery.UNKNOWN or message.provider_id is not None:
        return
    if message.attempts >= MOST_ATTEMPTS:
        _advance(session, message, Delivery.FAILED, None)
        return
    message.delivery, message.sending_until = Delivery.QUEUED, None
    session.add(message)
    _show(session, message)


def known_ids(session: Session, conversation_id: int) -> frozenset[str]:
    """The provider's ids of this conversation's newest messages, which a look-up must not take for another."""
    rows = session.exec(
        select(Message.provider_id)
        .where(Message.conversation_id == conversation_id, Message.direction == Direction.OUT)
        .order_by(sa.desc(Message.id))
        .limit(200)
    )
    return frozenset(row for row in rows if row)


def _postpone(session: Session, message: Message, outcome: TryLater) -> None:
    if message.attempts >= MOST_ATTEMPTS:
        _advance(session, message, Delivery.FAILED, outcome.error_code)
    elif message.delivery is Delivery.SENDING:
        message.delivery, message.error_code = Delivery.QUEUED, outcome.error_code
        message.sending_until = clock.now() + timedelta(seconds=outcome.seconds)
        session.add(message)
        _show(session, message)


def _advance(session: Session, message: Message, to: Delivery, error_code: int | None) -> None:
    """Forward only, whatever order the news comes in."""
    if message.delivery not in to.overrides:
        return
    message.delivery = to
    message.error_code = error_code if to is Delivery.FAILED else None
    session.add(message)
    _show(session, message)


def _show(session: Session, message: Message) -> None:
    assert message.id is not None
    session.flush()
    session.execute(
        sa.update(Conversation)
        .where(Conversation.id == message.conversation_id, Conversation.last_message_id == message.id)
        .values(last_status=message.delivery)
        .execution_options(synchronize_session=False)
    )
    emit(
        session,
        DeliveryChanged(hotel_id=message.hotel_id, conversation_id=message.conversation_id, message_id=message.id),
    )


def _locked(session: Session, message_id: int) -> Message:
    return session.exec(select(Message).where(Message.id == message_id).with_for_update()).one()


def _outbound(session: Session, conversation: Conversation, message: Message) -> OutboundMessage:
    identity = session.exec(
        select(GuestIdentity)
        .where(GuestIdentity.guest_id == conversation.guest_id)
        .order_by(sa.desc(GuestIdentity.kind == IdentityKind.PHONE), sa.desc(GuestIdentity.id))
        .limit(1)
    ).one()
    assert message.id is not None and conversation.id is not None and message.created_at is not None
    return OutboundMessage(
        message_id=message.id,
        conversation_id=conversation.id,
        sender=conversation.sender,
        to=identity.value,
        text=message.text,
        attempts=message.attempts,
        queued_at=message.created_at,
    )


_IN_DOUBT = sa.or_(Message.delivery == Delivery.SENDING, Message.delivery == Delivery.UNKNOWN)
