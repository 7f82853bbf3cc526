"""Makes a Question of a conversation: the thread so far and the knowledge that fits it."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlmodel import Session

from hotelchat import clock
from hotelchat.concierge import prompt
from hotelchat.concierge.language import detect_language
from hotelchat.concierge.port import Question, Turn
from hotelchat.models import Author, Conversation, Guest
from hotelchat.queries import knowledge, team, thread
from hotelchat.queries.knowledge import Article
from hotelchat.queries.thread import ThreadMessage
from hotelchat.services import answers

MOST_ARTICLES: Final = 25  # looked at when not all of them fit


def of(session: Session, conversation_id: int) -> Question | None:
    """What waits to be answered in a conversation; None if nothing does.

    `upto` is the newest message read here: what arrives later belongs to the next question.
    """
    row = session.execute(
        sa.select(Conversation, Guest).join(Guest).where(Conversation.id == conversation_id)
    ).one_or_none()
    if row is None:
        return None
    conversation, guest = row
    said = thread.spoken(session, conversation_id, prompt.TURNS)
    asked = [m for m in said if m.author is Author.GUEST and m.id > conversation.answered_upto]
    if not asked:
        return None
    said = [m for m in said if m not in asked] + asked  # what came while the last answer was made stands after it
    hotel = team.hotel(session, conversation.hotel_id)
    words = " ".join(message.text for message in asked)
    language = detect_language(words, default=guest.language or hotel.language)
    answers.note_language(session, guest.id, language)
    return Question(
        hotel=hotel,
        guest_name=guest.name,
        language=language,
        turns=tuple(Turn(author=m.author, kind=m.kind, text=m.text) for m in said),
        articles=tuple(fitting_articles(session, hotel.id, _search_words(said, words))),
        asked_at=clock.now(),
        upto=asked[-1].id,
    )


def fitting_articles(session: Session, hotel_id: int, words: str) -> list[Article]:
    """All published articles where they fit the prompt's budget; else those the full text ranks best."""
    if knowledge.size(session, hotel_id) // 3 <= prompt.KNOWLEDGE_TOKENS * 3 // 4:
        return prompt.within_budget(knowledge.everything(session, hotel_id))
    return prompt.within_budget(knowledge.best(session, hotel_id, words, MOST_ARTICLES))


def is_opt_out(question: Question) -> bool:
    """Whether the guest's last word is to stop writing."""
    words = [turn.text for turn in question.turns if turn.author is Author.GUEST]
    return bool(words) and answers.is_opt_out(words[-1])


def _search_words(said: list[ThreadMessage], asked: str) -> str:
    """The question, and what the guest said just before it: "and for the kids?" needs its subject."""
    earlier = [m.text for m in said if m.author is Author.GUEST][-3:]
    return " ".join([asked, *earlier])
