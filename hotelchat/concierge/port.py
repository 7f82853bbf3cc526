"""What a concierge is: a Question in; Reply or Handoff out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hotelchat.models import Author, Kind, Reason
from hotelchat.queries.knowledge import Article
from hotelchat.queries.team import HotelFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of the conversation so far."""

    author: Author
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Everything an answer may be made from; `upto` is the guest's newest message that it covers."""

    hotel: HotelFacts
    guest_name: str
    language: str  # ISO 639-1, of the guest's last words
    turns: tuple[Turn, ...]  # oldest first
    articles: tuple[Article, ...]
    asked_at: datetime
    upto: int


@dataclass(frozen=True, slots=True)
class Reply:
    """Words for the guest, and the tokens they cost."""

    text: str
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Handoff:
    """A person is needed; `text` tells the guest so in their language, `summary` is for the agents."""

    reason: Reason
    text: str
    summary: str | None = None
    tokens: int = 0


class Concierge(Protocol):
    """Answers; no transaction is open while it thinks."""

    async def answer(self, question: Question) -> Reply | Handoff:
        """Think.

        Raises: ConciergeUnavailable: if there is no usable answer this time.
        """
