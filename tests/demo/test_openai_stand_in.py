"""The stand-in for OpenAI, driven by the real SDK over a real socket."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
import uvicorn
from fastapi import FastAPI

from hotelchat.demo import openai_stand_in

SYSTEM = {
    "role": "system",
    "content": '<article title="Tea &amp; cake" language="en">\nTea is served at 16:00.\n</article>',
}
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "hand_over",
            "parameters": {"type": "object", "properties": {"reason": {"type": "string"}}},
        },
    }
]


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    app = FastAPI()
    app.include_router(openai_stand_in.router("/demo/openai", think_seconds=0.05))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 5
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/demo/openai/v1"
    server.should_exit = True
    thread.join(5)


@pytest.fixture
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="not-a-key", base_url=base_url, max_retries=0) as client:
        yield client


def messages(question: str) -> Any:
    return [SYSTEM, {"role": "user", "content": question}]


def test_an_answer_comes_with_its_usage(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="any", messages=messages("When is tea?"), tools=TOOLS)
    assert answer.object == "chat.completion"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content == "Tea is served at 16:00."
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 10


def test_a_handover_is_a_tool_call(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="any", messages=messages("Do you sell stamps?"), tools=TOOLS)
    assert answer.choices[0].finish_reason == "tool_calls"
    calls = answer.choices[0].message.tool_calls or []
    assert calls[0].type == "function"
    arguments = json.loads(calls[0].function.arguments)
    assert arguments.keys() == {"reason", "message_to_guest", "summary"}
    assert arguments["reason"] == "not_in_knowledge"


def test_streaming_gives_the_same_words_and_the_usage_last(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="any", messages=messages("When is tea?"), stream=True, stream_options={"include_usage": True}
    )
    seen = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in seen if c.choices) == "Tea is served at 16:00."
    assert len(seen) > 4
    assert seen[-1].usage is not None
    assert [c.choices[0].finish_reason for c in seen if c.choices][-1] == "stop"


def test_a_streamed_handover_can_be_put_together(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="any", messages=messages("A stamp?"), tools=TOOLS, stream=True)
    arguments = ""
    for chunk in stream:
        for call in chunk.choices[0].delta.tool_calls or []:
            arguments += (call.function and call.function.arguments) or ""
    assert json.loads(arguments)["reason"] == "not_in_knowledge"


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [openai_stand_in.MODEL]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"model": "any"}',
        b'{"model": "any", "messages": []}',
        b'{"model": "any", "messages": "hello"}',
        b'{"model": "any", "messages": [{"role": "guest", "content": "x"}]}',
        b'{"model": "any", "messages": [{"role": "user", "content": 7}]}',
        b'{"model": "any", "messages": [{"role": "user", "content": "x"}], "tools": ["x"]}',
    ],
)
def test_bad_input_is_refused_in_openais_words(base_url: str, body: bytes) -> None:
    response = httpx.post(f"{base_url}/chat/completions", content=body)
    assert response.status_code == 400
    assert response.json()["error"].keys() == {"message", "type", "param", "code"}
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_the_sdk_sees_a_bad_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="any", messages=[])


def test_it_thinks_a_while_and_others_do_not_wait_for_it(base_url: str) -> None:
    async def scenario() -> float:
        async with openai.AsyncOpenAI(api_key="not-a-key", base_url=base_url) as client:
            started = time.monotonic()
            asked = (client.chat.completions.create(model="any", messages=messages("tea?")) for _ in range(20))
            await asyncio.gather(*asked)
            return time.monotonic() - started

    assert 0.05 <= asyncio.run(scenario()) < 0.05 * 20
