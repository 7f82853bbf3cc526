"""The official OpenAI SDK against an endpoint that misbehaves: a value, or a plain failure, never a crash."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hotelchat import clock
from hotelchat.concierge import language_model
from hotelchat.concierge.language_model import LanguageModel, for_whatsapp
from hotelchat.concierge.port import Handoff, Question, Reply, Turn
from hotelchat.concierge.prompt import HANDED_OVER
from hotelchat.errors import ConciergeUnavailable
from hotelchat.models import Author, Kind, Reason
from hotelchat.queries.team import HotelFacts
from hotelchat.settings import OpenAISettings
from tests.stand_ins import Answer, Model, completion, hand_over, running

HOTEL = HotelFacts(
    id=1, slug="lantern-bay", name="Lantern Bay", kind="Beach resort", time_zone="UTC", language="en",
    has_concierge=True,
)  # fmt: skip


@pytest.fixture
def model() -> Iterator[Model]:
    with running(Model()) as server:
        yield server


def question(language: str = "en") -> Question:
    turn = Turn(author=Author.GUEST, kind=Kind.TEXT, text="Is breakfast included?")
    return Question(
        hotel=HOTEL, guest_name="Ana", language=language, turns=(turn,), articles=(), asked_at=clock.now(), upto=1
    )


def ask(model: Model, about: Question | None = None) -> Reply | Handoff:
    settings = OpenAISettings(api_key="sk-test", base_url=f"{model.url}/v1", model="m")
    return asyncio.run(LanguageModel(settings).answer(about or question()))


def said(content: Any, **more: Any) -> Answer:
    return Answer(body=completion({"role": "assistant", "content": content} | more))


def test_words_are_a_reply(model: Model) -> None:
    model.next.append(said("Yes, **breakfast** is included."))

    assert ask(model) == Reply("Yes, *breakfast* is included.", 100)


def test_the_request_is_what_any_compatible_endpoint_takes(model: Model) -> None:
    ask(model)

    [asked] = model.asked
    body = json.loads(asked.body)
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == "Bearer sk-test"
    assert body.keys() == {"model", "messages", "tools"}
    assert body["tools"][0]["function"]["name"] == "hand_over"
    assert [m["role"] for m in body["messages"]] == ["system", "user"]


def test_a_tool_call_is_a_handoff(model: Model) -> None:
    model.next.append(hand_over({"reason": "booking", "message_to_guest": "A **colleague**…", "summary": "A room."}))

    assert ask(model) == Handoff(Reason.BOOKING, "A *colleague*…", "A room.", 100)


BROKEN: list[Any] = [
    "", "null", "[]", '"words"', "{ broken", "7", {"reason": "no such"}, {"reason": ["a"]}, {"reason": {"a": 1}},
    {"message_to_guest": 7, "summary": ["x"]}, {"message_to_guest": " "}, {},
]  # fmt: skip


@pytest.mark.parametrize("arguments", BROKEN, ids=str)
@pytest.mark.parametrize("language", ["es", "xx"])
def test_a_tool_call_with_broken_arguments_is_still_a_handoff(model: Model, arguments: Any, language: str) -> None:
    model.next.append(hand_over(arguments))

    words = HANDED_OVER.get(language, HANDED_OVER["en"])
    assert ask(model, question(language)) == Handoff(Reason.OTHER, words, None, 100)


UNUSABLE: dict[str, Answer] = {
    "status 500": Answer(500, {"error": {"message": "no"}}),
    "status 401": Answer(401, {"error": {"message": "no"}}),
    "connection dropped": Answer(drops=True),
    "no JSON": Answer(200, "this is not JSON"),
    "a page of HTML": Answer(200, "<html>busy</html>", {"Content-Type": "text/html"}),
    "a number": Answer(200, "7"),
    "a list": Answer(200, []),
    "nothing": Answer(200, None),
    "an empty object": Answer(200, {}),
    "no choices": Answer(200, completion(None) | {"choices": []}),
    "choices of nothing": Answer(200, completion(None) | {"choices": None}),
    "no message": Answer(200, completion(None)),
    "empty words": said(""),
    "blank words": said(" \n "),
    "words of nothing": said(None),
    "words that are a list": said(["Yes."]),
    "words that are a number": said(7),
    "a call without a function": said(None, tool_calls=[{"id": "1", "type": "function"}]),
    "a call of nothing": said(None, tool_calls=[None]),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_makes_no_sense_is_no_answer(model: Model, what: str) -> None:
    model.next.append(UNUSABLE[what])

    with pytest.raises(ConciergeUnavailable) as raised:
        ask(model)
    assert raised.value.retry_after is None
    assert len(model.asked) == 1, "the SDK must not try again by itself"


@pytest.mark.parametrize("usage", [None, {}, {"total_tokens": None}])
def test_an_answer_that_does_not_say_what_it_cost_is_an_answer(model: Model, usage: Any) -> None:
    model.next.append(Answer(body=completion({"role": "assistant", "content": "Yes."}) | {"usage": usage}))

    outcome = ask(model)
    assert isinstance(outcome, Reply) and outcome.text == "Yes."


def test_no_answer_in_time(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "TIMEOUT_SECONDS", 0.2)
    model.next.append(Answer(after=5))

    with pytest.raises(ConciergeUnavailable, match="Timeout"):
        ask(model)


def test_nobody_there() -> None:
    with running(Model()) as gone:
        pass

    with pytest.raises(ConciergeUnavailable, match="Connection"):
        ask(gone)


@pytest.mark.parametrize(
    ("header", "seconds"), [("42", 42.0), ("1.5", 1.5), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-3", None)]
)
def test_how_long_to_wait(model: Model, header: str, seconds: float | None) -> None:
    model.next.append(Answer(429, {"error": {"message": "slow down"}}, {"Retry-After": header}))

    with pytest.raises(ConciergeUnavailable, match="status 429") as raised:
        ask(model)
    assert raised.value.retry_after == seconds


def test_a_text_longer_than_whatsapp_takes_is_cut(model: Model) -> None:
    model.next.append(said("x" * 5000))

    outcome = ask(model)
    assert len(outcome.text) == 1600


@pytest.mark.parametrize(
    ("markdown", "whatsapp"),
    [
        ("**bold** and **more**", "*bold* and *more*"),
        ("# Breakfast\n7:00", "*Breakfast*\n7:00"),
        ("### Pool", "*Pool*"),
        ("[Menu](https://x.example/menu)", "Menu: https://x.example/menu"),
        ("- one\n- two", "- one\n- two"),
        ("  spaces \n ", "spaces"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("#1 choice", "#1 choice"),
    ],
)
def test_markdown_becomes_whatsapps_marks(markdown: str, whatsapp: str) -> None:
    assert for_whatsapp(markdown) == whatsapp
