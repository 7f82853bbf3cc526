"""The concierge that thinks with a language model; the only module that imports openai."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import openai
from openai.types.chat import ChatCompletion

from hotelchat.concierge import prompt
from hotelchat.concierge.port import Handoff, Question, Reply
from hotelchat.errors import ConciergeUnavailable
from hotelchat.models import Reason
from hotelchat.settings import OpenAISettings
from hotelchat.text import storable

TIMEOUT_SECONDS: Final = 25.0  # shorter than the job's
LONGEST_REPLY: Final = 1600


class LanguageModel:
    """Any OpenAI-compatible endpoint; one client for all conversations of a process, on one event loop."""

    def __init__(self, settings: OpenAISettings) -> None:
        self._model = settings.model
        self._client = openai.AsyncOpenAI(
            api_key=settings.api_key,
            base_url=settings.base_url,
            timeout=TIMEOUT_SECONDS,
            max_retries=0,  # the row is the work: whoever takes it up next tries again
        )

    async def answer(self, question: Question) -> Reply | Handoff:
        """Ask the model once.

        Raises: ConciergeUnavailable: with the provider's Retry-After where it gave one.
        """
        try:
            completion = await self._client.chat.completions.create(
                model=self._model,
                messages=prompt.messages(question),  # type: ignore[arg-type]
                tools=[prompt.HAND_OVER],  # type: ignore[list-item]
            )
        except openai.APIStatusError as error:
            raise ConciergeUnavailable(f"status {error.status_code}", retry_after=_retry_after(error)) from error
        except (openai.OpenAIError, json.JSONDecodeError) as error:
            raise ConciergeUnavailable(type(error).__name__) from error
        return _read(completion, question)


def _read(completion: ChatCompletion, question: Question) -> Reply | Handoff:
    """A value out of the model's words; what does not make sense is no answer."""
    try:
        message = completion.choices[0].message
        used = int((completion.usage and completion.usage.total_tokens) or 0)
        for call in message.tool_calls or ():
            if call.type == "function":
                return _handoff(call.function.arguments, question, used)
        text = for_whatsapp(message.content or "")
    except (AttributeError, IndexError, TypeError, ValueError) as error:  # compatible endpoints send many things
        raise ConciergeUnavailable("malformed answer") from error
    if not text:
        raise ConciergeUnavailable("empty answer")
    return Reply(text[:LONGEST_REPLY], used)


def _handoff(arguments: str, question: Question, used: int) -> Handoff:
    """A handoff even where its arguments are poor: the wish for a person is clear, the words have a default."""
    try:
        given: dict[str, Any] = json.loads(arguments)
    except (json.JSONDecodeError, TypeError):
        given = {}
    if not isinstance(given, dict):
        given = {}
    reason = next((reason for reason in Reason if reason.value == given.get("reason")), Reason.OTHER)
    words = given.get("message_to_guest")
    default = prompt.HANDED_OVER.get(question.language, prompt.HANDED_OVER["en"])
    text = for_whatsapp(words) if isinstance(words, str) else ""
    summary = given.get("summary")
    return Handoff(
        reason, text[:LONGEST_REPLY] or default, storable(summary) if isinstance(summary, str) else None, used
    )


def for_whatsapp(text: str) -> str:
    """Markdown as models write it, in WhatsApp's marks. Source: WHATSAPP.md 7."""
    text = re.sub(r"\*\*(.+?)\*\*", r"*\1*", text)
    text = re.sub(r"^#{1,6}\s+(.+)$", r"*\1*", text, flags=re.MULTILINE)
    text = re.sub(r"\[([^\]]+)\]\((https?://[^)\s]+)\)", r"\1: \2", text)
    return storable(text).strip()


def _retry_after(error: openai.APIStatusError) -> float | None:
    given = error.response.headers.get("retry-after", "")
    return float(given) if re.fullmatch(r"\d+(\.\d+)?", given) else None
