"""Twilio's REST API and an OpenAI-compatible endpoint, played by a server that keeps an exact ledger.

Written apart from the product's own stand-ins, from the documents:
https://www.twilio.com/docs/messaging/api/message-resource and https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.journeys.program import free_port
from tests.journeys.waiting import until

NUMBER = re.compile(r"#(\d+)")


@dataclass
class Sent:
    """A message that was accepted: the guest gets it."""

    sid: str
    to: str
    sender: str
    body: str
    callback: str
    at: float
    status: str = "queued"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def numbers(self) -> list[int]:
        """The numbers of the guest's messages that it answers."""
        return [int(each) for each in NUMBER.findall(self.body)]


@dataclass
class Asked:
    """A completion request: what of the guest's was unanswered in it."""

    numbers: list[int]
    ends_with_guest: bool
    at: float
    is_answered: bool = False


class StandIns:
    """Both services at one address, in a thread; a context manager."""

    account_sid = "AC" + "7" * 32
    auth_token = "t" + "0123456789abcdef" * 2
    api_key = "sk-journey-0123456789abcdef"

    def __init__(self) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.sent: list[Sent] = []
        self.asked: list[Asked] = []
        self.think_seconds = 1.0
        self.calls_back = True
        self.holds_answer_for: set[str] = set()  # receivers: accepted, but the caller is never told
        self.never_reached: set[str] = set()  # receivers: the request ends nowhere
        self.held = Counter[str]()
        self._client: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> StandIns:
        routes = [
            Route("/twilio/2010-04-01/Accounts/{account}/Messages.json", self._create, methods=["POST"]),
            Route("/twilio/2010-04-01/Accounts/{account}/Messages.json", self._list, methods=["GET"]),
            Route("/openai/v1/chat/completions", self._complete, methods=["POST"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=self.port, log_level="critical", lifespan="off",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True, name="stand-ins")
        self._thread.start()
        until(lambda: self._server.started, 10, "the stand-ins")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(5)

    def twilio_settings(self) -> dict[str, str]:
        """The settings that point HotelChat's channel here."""
        return {
            "TWILIO_ACCOUNT_SID": self.account_sid,
            "TWILIO_AUTH_TOKEN": self.auth_token,
            "TWILIO_WHATSAPP_NUMBER": "whatsapp:+34600000100",
            "TWILIO_API_BASE_URL": f"{self.base}/twilio",
        }

    def openai_settings(self) -> dict[str, str]:
        """The settings that point its concierge here."""
        return {"OPENAI_API_KEY": self.api_key, "OPENAI_BASE_URL": f"{self.base}/openai/v1", "OPENAI_MODEL": "echo"}

    def to(self, phone: str) -> list[Sent]:
        """What this guest has got."""
        return [each for each in list(self.sent) if each.to == f"whatsapp:{phone}"]

    def answers(self) -> Counter[int]:
        """How often each numbered message was answered to its guest."""
        return Counter(number for each in list(self.sent) for number in each.numbers)

    # Twilio

    async def _create(self, request: Request) -> JSONResponse:
        self._check(request)
        form = {name: str(value) for name, value in (await request.form()).items()}
        if form["To"] in self.never_reached:
            self.held[form["To"]] += 1
            await asyncio.sleep(60)
        message = Sent(
            "SM" + secrets.token_hex(16), form["To"], form["From"], form["Body"], form.get("StatusCallback", ""),
            time.monotonic(),
        )  # fmt: skip
        self.sent.append(message)
        if self.calls_back:
            self._start(self._live(message))
        if form["To"] in self.holds_answer_for:
            self.held[form["To"]] += 1
            await asyncio.sleep(60)
        return JSONResponse(self._resource(message), 201)

    async def _list(self, request: Request) -> JSONResponse:
        self._check(request)
        found = [each for each in reversed(self.sent) if each.to == request.query_params.get("To", each.to)]
        uri = f"/2010-04-01/Accounts/{self.account_sid}/Messages.json"
        return JSONResponse(
            {"messages": [self._resource(each) for each in found], "page": 0, "page_size": 100, "uri": uri,
             "first_page_uri": uri, "next_page_uri": None, "previous_page_uri": None, "start": 0, "end": len(found)}
        )  # fmt: skip

    def _check(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Basic ")
        assert base64.b64decode(given).decode() == f"{self.account_sid}:{self.auth_token}", "not our account"

    def _resource(self, message: Sent) -> dict[str, Any]:
        created = format_datetime(message.created)
        uri = f"/2010-04-01/Accounts/{self.account_sid}/Messages/{message.sid}.json"
        return {
            "sid": message.sid, "account_sid": self.account_sid, "to": message.to, "from": message.sender,
            "body": message.body, "status": message.status, "direction": "outbound-api", "error_code": None,
            "error_message": None, "date_created": created, "date_sent": created, "date_updated": created,
            "num_segments": "1", "num_media": "0", "price": None, "price_unit": None, "api_version": "2010-04-01",
            "messaging_service_sid": None, "uri": uri,
            "subresource_uris": {},
        }  # fmt: skip

    async def _live(self, message: Sent) -> None:
        for status in ("sent", "delivered"):
            await asyncio.sleep(0.1)
            message.status = status
            await self._tell(message)

    async def _tell(self, message: Sent) -> None:
        """A signed status callback; tried again while nobody takes it."""
        params = {
            "AccountSid": self.account_sid, "From": message.sender, "To": message.to, "MessageSid": message.sid,
            "SmsSid": message.sid, "MessageStatus": message.status, "SmsStatus": message.status,
            "ApiVersion": "2010-04-01", "ChannelPrefix": "whatsapp",
        }  # fmt: skip
        signed = message.callback + "".join(name + params[name] for name in sorted(params))
        digest = hmac.new(self.auth_token.encode(), signed.encode(), hashlib.sha1).digest()
        headers = {"X-Twilio-Signature": base64.b64encode(digest).decode()}
        self._client = self._client or httpx.AsyncClient(timeout=10, trust_env=False)
        for pause in (0.0, 0.3, 1.0, 2.0, 4.0):
            await asyncio.sleep(pause)
            try:
                response = await self._client.post(message.callback, data=params, headers=headers)
            except httpx.HTTPError:
                continue
            if response.is_success:
                return

    # OpenAI

    async def _complete(self, request: Request) -> JSONResponse:
        assert request.headers.get("authorization") == f"Bearer {self.api_key}", "not our key"
        turns = [each for each in json.loads(await request.body())["messages"] if each["role"] != "system"]
        ends_with_guest = turns[-1]["role"] == "user"
        tail = _last_run_of_guest(turns)
        asked = Asked([int(each) for each in NUMBER.findall(tail)], ends_with_guest, time.monotonic())
        self.asked.append(asked)
        await asyncio.sleep(self.think_seconds)
        asked.is_answered = True
        message: dict[str, Any] = {"role": "assistant", "content": "About " + " ".join(f"#{n}" for n in asked.numbers)}
        if "person" in tail:
            arguments = {"reason": "asked_for_person", "message_to_guest": "A colleague comes.", "summary": "A wish."}
            call = {"name": "hand_over", "arguments": json.dumps(arguments)}
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": call}],
            }
        return JSONResponse(
            {"id": "chatcmpl-1", "object": "chat.completion", "created": int(time.time()), "model": "echo",
             "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
             "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
        )  # fmt: skip

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _last_run_of_guest(turns: list[dict[str, Any]]) -> str:
    """The guest's last run of messages, as a model would take it: up to what was answered before."""
    end = len(turns)
    while end and turns[end - 1]["role"] != "user":
        end -= 1
    start = end
    while start and turns[start - 1]["role"] == "user":
        start -= 1
    return "\n".join(str(each["content"]) for each in turns[start:end])
