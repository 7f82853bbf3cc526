"""The stand-in brain: answers a chat-completions request from the articles in its prompt, without a model.

It quotes, it never invents: where no article fits, it hands the guest over to people, as it does when the
guest asks for a person, complains or is in danger. It knows only what the request holds.
Request and answer: https://platform.openai.com/docs/api-reference/chat/create
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hotelchat.concierge.language import detect_language, fold
from hotelchat.concierge.scripted_phrases import (
    A_COLLEAGUE_ANSWERS,
    COURTESIES,
    HELP_IS_COMING,
    WE_ARE_SORRY,
    Intent,
    courtesy_of,
    in_language,
    intent_of,
)
from hotelchat.concierge.scripted_search import Article, Index, Match, articles_in, content_words

HAND_OVER = "hand_over"
GOOD_COVERAGE = 0.5  # an article must speak of half of the question, weighed by how telling its words are
TITLE_COVERAGE = 0.4  # less is enough where its title names the subject

_QUESTION_END = re.compile(r"(?<=[?？؟])\s*|(?<=[.!。！])\s+|\n+")
_AND_WORDS = {
    "es": "y|e",
    "de": "und",
    "fr": "et",
    "it": "e|ed",
    "pt": "e",
    "nl": "en",
    "pl": "i",
    "uk": "і|та|й",
    "ru": "и",
}
_AND = {
    language: re.compile(rf"[,;]?\s+(?:{words})\s+(?=[\w¿])|[,;]\s+", re.IGNORECASE)
    for language, words in {"en": "and", **_AND_WORDS}.items()
}
_FOLLOWS_UP = re.compile(
    r"^\W*(and|also|what about|how about|y|tambien|und|auch|et|aussi|e|anche|tambem|en|ook|a|i|а|і|и)\b"
    r"|\b(it|that|they|eso|das|ca)\b"
)
_LABEL = re.compile(r"^\[[^\]\n]{1,40}\]")  # how the prompt marks what is no text: "[Photo] the caption"
_ASKS = re.compile(
    r"[?？؟]|^\W*(who|what|when|where|how|which|is|are|do|does|can|could|may|que|cual|cuando|donde|como|cuanto"
    r"|hay|puedo|tienen)\b"
)
_ASKS_PRICE = re.compile(
    r"\b(how much|prices?|costs?|charge|fee|expensive|free|cuanto|cuestan?|precios?|gratis|kostet|preis"
    r"|combien|prix|coute|costa|prezzo|quanto|custa|preco)\b"
)
_ASKS_TIME = re.compile(
    r"\b(when|what time|until|till|hours?|opens?|closes?|starts?|late|early|horas?|horario|cuando|abren?"
    r"|cierran?|hasta|wann|bis|geoffnet|quand|heure|jusqu|quando|ora|orario)\b"
)
_HAS_PRICE = re.compile(
    r"\d\s?(EUR|€|USD|\$|GBP|£)|[€$£]\s?\d|\b(free|gratis|kostenlos|gratuit|included|incluid\w+)\b",
    re.IGNORECASE,
)
_HAS_TIME = re.compile(r"\b\d{1,2}[:.]\d{2}\b|\b\d{1,2}\s?(am|pm|h)\b|\b(midnight|medianoche|24)\b", re.IGNORECASE)
_HAS_HOURS = re.compile(
    r"\d[:.]\d{2}\s?(?:-|–|to|a|until|till|bis|h(?:asta)? (?:las )?|y las|al?le)\s?\d|\b(?:until|hasta)\b",
    re.IGNORECASE,
)
_WANTED = ((_ASKS_PRICE, _HAS_PRICE), (_ASKS_TIME, _HAS_TIME), (_ASKS_TIME, _HAS_HOURS))


@dataclass(frozen=True)
class HandOver:
    """The guest goes to people."""

    reason: str
    message_to_guest: str
    summary: str


def reply_to(request: Mapping[str, Any]) -> dict[str, Any]:
    """The assistant message for a chat-completions request: `content`, or one `tool_calls` entry.

    Args:
        request: the parsed body; `messages` and, for handing over, `tools` with a function `hand_over`.
    """
    decision = decide(request.get("messages") or [])
    if isinstance(decision, str):
        return {"role": "assistant", "content": decision, "refusal": None}
    if not _may_hand_over(request):
        return {"role": "assistant", "content": decision.message_to_guest, "refusal": None}
    arguments = json.dumps(vars(decision), ensure_ascii=False)
    call_id = "call_" + hashlib.sha256(arguments.encode()).hexdigest()[:24]
    call = {"id": call_id, "type": "function", "function": {"name": HAND_OVER, "arguments": arguments}}
    return {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}


def _may_hand_over(request: Mapping[str, Any]) -> bool:
    names = [tool.get("function", {}).get("name") for tool in request.get("tools") or []]
    return HAND_OVER in names and request.get("tool_choice") != "none"


def decide(messages: Sequence[Mapping[str, Any]]) -> str | HandOver:
    """What to do with the guest's last run of messages: words for the guest, or a handover."""
    prompt = "\n".join(text_of(m) for m in messages if m.get("role") in ("system", "developer"))
    turns = [m for m in messages if m.get("role") not in ("system", "developer")]
    start = len(turns)
    while start and turns[start - 1].get("role") == "user":
        start -= 1
    unanswered = [text for m in turns[start:] if (text := text_of(m).strip())]
    earlier = [text_of(m) for m in turns[:start] if m.get("role") == "user"]
    known_so_far = detect_language("\n".join(earlier[-5:]), default="en")
    language = detect_language("\n".join(unanswered), default=known_so_far)
    return _decide(articles_in(prompt), unanswered, earlier, language)


def _decide(articles: list[Article], unanswered: list[str], earlier: list[str], language: str) -> str | HandOver:
    whole = "\n".join(unanswered)
    if intent := intent_of(whole):
        return _hand_over(intent, language, whole)
    talk = [text for text in unanswered if courtesy_of(text) is None]
    if unanswered and not talk:
        courtesy = courtesy_of(unanswered[-1])
        return in_language(COURTESIES[courtesy], language) if courtesy else ""
    index = Index(articles, language)
    answers: list[str] = []
    said = [_LABEL.sub("", text).strip() for text in talk]
    open_question = not all(said)  # a photo or a voice note without words is for people
    for question in (q for text in said if text for q in questions_in(text)):
        if found := _answer(index, question, earlier[-1] if earlier else ""):
            answers += [part for part in found if part not in answers]
        elif _ASKS.search(fold(question)) and content_words(question, language):
            open_question = True
    if open_question or not answers:
        return _hand_over(None, language, whole, answered="\n\n".join(answers))
    return "\n\n".join(answers)


def text_of(message: Mapping[str, Any]) -> str:
    """A message's words: `content` is a string, a list of parts, or null."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def questions_in(text: str) -> list[str]:
    """The sentences of a message that ask or tell something, without the small talk around them."""
    parts = [part.strip() for part in _QUESTION_END.split(text) if part and part.strip()]
    return [part for part in parts if courtesy_of(part) is None] or [text]


def _answer(index: Index, question: str, before: str) -> list[str]:
    """Quotations that answer one question, one string an article; empty where none does."""
    parts = _AND.get(index.language, _AND["en"]).split(question)
    halves = [half for half in parts if half and content_words(half, index.language)]
    if len(halves) > 1:
        found = [(half, _best(index, half)) for half in halves]
        titles = {match.article.title for _, match in found if match}
        if all(match for _, match in found) and len(titles) > 1:
            return [_quote(index, match, half) for half, match in found if match]
    match = _best(index, question)
    if match is None and before and _FOLLOWS_UP.search(fold(question)):
        match = _following_up(index, question, before)
    return [_quote(index, match, question)] if match else []


def _best(index: Index, question: str) -> Match | None:
    """The article that fits best, if it fits well enough to be quoted."""
    return next((m for m in index.search(question)[:3] if m.coverage >= _enough(m)), None)


def _enough(match: Match) -> float:
    return TITLE_COVERAGE if match.in_title else GOOD_COVERAGE


def _following_up(index: Index, question: str, before: str) -> Match | None:
    """The article of the question before, if it also speaks of what is asked now."""
    topic = _best(index, before)
    if topic is None or not content_words(question, index.language):
        return topic
    own = next((m for m in index.search(question) if m.article == topic.article), None)
    return own if own and own.coverage >= GOOD_COVERAGE else None


def _quote(index: Index, match: Match, question: str) -> str:
    asked = fold(question)
    wanted = [has for asks, has in _WANTED if asks.search(asked)]
    sentences = index.best_sentences(match, question, wanted)
    return ("" if match.article.language in ("ja", "zh") else " ").join(sentences)


def _hand_over(intent: Intent | None, language: str, asked: str, answered: str = "") -> HandOver:
    """Words for guest and agents; `intent` None: no article answers."""
    reason = intent.value if intent else "not_in_knowledge"
    words = in_language(A_COLLEAGUE_ANSWERS, language)
    if intent is Intent.COMPLAINT:
        words = f"{in_language(WE_ARE_SORRY, language)} {words}"
    elif intent is Intent.EMERGENCY:
        words = in_language(HELP_IS_COMING, language)
    told = f"{answered}\n\n{words}" if answered else words
    what = {
        Intent.EMERGENCY: "Possible emergency",
        Intent.ASKED_FOR_PERSON: "Wants to speak with a person",
        Intent.COMPLAINT: "Complaint",
        Intent.BOOKING: "Wants something booked or changed",
        None: "Part of it is not in the articles" if answered else "No article answers this",
    }[intent]
    said = re.sub(r"\s+", " ", asked).strip()[:300] or "(no text)"
    return HandOver(reason, told, f"{what}. The guest wrote ({language}): {said}")
