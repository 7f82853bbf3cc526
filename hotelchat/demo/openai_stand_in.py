"""Stands in for an OpenAI-compatible endpoint: chat completions answered by `concierge.scripted`.

Source of the wire format: https://platform.openai.com/docs/api-reference/chat
"""

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from hotelchat import clock
from hotelchat.concierge import scripted

MODEL = "hotelchat-stand-in"
THINK_SECONDS = 0.9
ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


class BadRequest(Exception):
    """What the API refuses; `param` names the field at fault."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param = message, param

    def response(self) -> JSONResponse:
        """The error as OpenAI writes it."""
        error = {"message": self.message, "type": "invalid_request_error", "param": self.param, "code": None}
        return JSONResponse({"error": error}, 400)


def router(prefix: str = "", *, think_seconds: float = THINK_SECONDS) -> APIRouter:
    """The endpoint under `prefix`; OPENAI_BASE_URL is then the address of `prefix` with `/v1`.

    Args:
        think_seconds: how long an answer takes, as a person would expect it to.
    """
    routes = APIRouter(prefix=f"{prefix}/v1", include_in_schema=False)

    @routes.post("/chat/completions")
    async def chat_completions(request: Request) -> Response:
        try:
            asked = checked(await request.body())
        except BadRequest as error:
            return error.response()
        started = time.monotonic()
        message = scripted.reply_to(asked)
        await asyncio.sleep(max(0.0, think_seconds - (time.monotonic() - started)))
        whole = completion(asked, message)
        if asked.get("stream"):
            with_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
            return StreamingResponse(chunks(whole, with_usage), media_type="text/event-stream")
        return JSONResponse(whole)

    @routes.get("/models")
    async def models() -> JSONResponse:
        model = {"id": MODEL, "object": "model", "created": 1767225600, "owned_by": "hotelchat"}
        return JSONResponse({"object": "list", "data": [model]})

    return routes


def checked(body: bytes) -> dict[str, Any]:
    """The parsed request. Raises: BadRequest: if it is not one the API would take."""
    try:
        asked = json.loads(body)
    except ValueError:
        raise BadRequest("We could not parse the JSON body of your request.") from None
    if not isinstance(asked, dict):
        raise BadRequest("The body of your request must be a JSON object.")
    if not isinstance(asked.get("model"), str) or not asked["model"]:
        raise BadRequest("you must provide a model parameter", "model")
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("'messages' must be a non-empty array.", "messages")
    for place, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ROLES:
            raise BadRequest("Each message needs a supported 'role'.", f"messages.[{place}].role")
        if not isinstance(message.get("content"), str | list | None):
            raise BadRequest("Content must be a string, an array of parts, or null.", f"messages.[{place}].content")
    tools = asked.get("tools") or []
    if not isinstance(tools, list) or not all(
        isinstance(t, dict) and isinstance(t.get("function"), dict) for t in tools
    ):
        raise BadRequest("'tools' must be an array of functions.", "tools")
    return asked


def completion(asked: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """The answer as a chat.completion object; times are Unix seconds."""
    said = message["content"] or json.dumps(message.get("tool_calls"), ensure_ascii=False)
    prompt_tokens = sum(4 + tokens_in(scripted.text_of(m)) for m in asked["messages"]) + 3
    completion_tokens = tokens_in(said)
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(clock.now().timestamp()),
        "model": asked["model"],
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": "tool_calls" if message.get("tool_calls") else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }


async def chunks(whole: dict[str, Any], with_usage: bool) -> AsyncIterator[str]:
    """The same answer as server-sent chat.completion.chunk objects, a word at a time."""
    base = {name: whole[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    choice = whole["choices"][0]
    message = choice["message"]

    def event(delta: dict[str, Any], finish: str | None = None) -> str:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        return f"data: {json.dumps({**base, 'choices': choices}, ensure_ascii=False)}\n\n"

    yield event({"role": "assistant", "content": None if message.get("tool_calls") else ""})
    for place, call in enumerate(message.get("tool_calls") or []):
        function = call["function"]
        yield event({"tool_calls": [{**call, "index": place, "function": {**function, "arguments": ""}}]})
        yield event({"tool_calls": [{"index": place, "function": {"arguments": function["arguments"]}}]})
    for word in re.findall(r"\S+\s*|\s+", message["content"] or ""):
        yield event({"content": word})
        await asyncio.sleep(0.01)
    yield event({}, choice["finish_reason"])
    if with_usage:
        yield f"data: {json.dumps({**base, 'choices': [], 'usage': whole['usage']})}\n\n"
    yield "data: [DONE]\n\n"


def tokens_in(text: str) -> int:
    """About how many tokens a text has: four letters each, an ideograph one."""
    wide = len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff]", text))
    return wide + -(-(len(text) - wide) // 4)
