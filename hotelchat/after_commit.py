"""emit(event) and enqueue(job, id): kept until the commit, dropped on rollback, then sent without anyone waiting."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from hotelchat import live
from hotelchat.events import Event


class Job(StrEnum):
    """The jobs that may be rung, by the dotted name of their function."""

    ANSWER_GUEST = "jobs.answer_guest.answer_guest"
    DELIVER_MESSAGES = "jobs.deliver_messages.deliver_messages"


def emit(session: Session, event: Event) -> None:
    """Tell every process, once this transaction is committed."""
    _waiting(session).append(event)


def enqueue(session: Session, job: Job, conversation_id: int) -> None:
    """Ring for this conversation, once this transaction is committed. The row is the work, this only the bell."""
    _waiting(session).append((job, conversation_id))


def release(session: Session) -> None:
    """The commit is done: hand everything to the courier thread, which never makes us wait."""
    for item in session.info.pop("after_commit", ()):
        if isinstance(item, Event):
            live.courier().publish(item)
        else:
            live.courier().ring(item[0].value, item[1])


def forget(session: Session) -> None:
    """The transaction failed: nothing happened, nobody is told."""
    session.info.pop("after_commit", None)


def _waiting(session: Session) -> list[Any]:
    waiting: list[Any] = session.info.setdefault("after_commit", [])
    return waiting
