"""Stands in for Twilio's REST API: takes messages, and tells of their fate by signed status callbacks.

Sources: https://www.twilio.com/docs/messaging/api/message-resource for the resource and its list,
https://www.twilio.com/docs/api/errors for the codes,
https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks for the callbacks.
"""

import asyncio
import base64
import binascii
import contextlib
import hmac
import inspect
import json
import re
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import httpx
import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import FormData

from hotelchat import clock
from hotelchat.channels.demo_phone import IDEMPOTENCY_HEADER, SIGNATURE_HEADER, new_sid, sign
from hotelchat.demo.twilio_messages import API_VERSION, StandInMessage, page_of

LONGEST_BODY = 1600  # characters; WHATSAPP.md 6
RETRY_AFTER = (0.3, 1.0, 3.0)  # seconds before each further try of a failed callback
CALLBACK_TIMEOUT = 15.0  # seconds; Twilio's own patience with a webhook

_ADDRESS = re.compile(r"whatsapp:(\+[1-9]\d{4,19}|[A-Z]{2}\.(ENT\.)?\w+)")

log = structlog.get_logger(__name__)


class ApiError(Exception):
    """A refusal with Twilio's code; `status` is HTTP's."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def response(self) -> JSONResponse:
        """The error as Twilio writes it."""
        more = f"https://www.twilio.com/docs/errors/{self.code}"
        body = {"code": self.code, "message": self.message, "more_info": more, "status": self.status}
        headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if self.status == 401 else None
        return JSONResponse(body, self.status, headers)


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds from a message's acceptance to what its callbacks tell."""

    sent: float = 0.15
    delivered: float = 0.5
    read: float = 1.2


class TwilioStandIn:
    """One account, in memory; belongs to the event loop that serves its router.

    Args:
        on_message: called with each accepted message; may be a coroutine function.
        is_reading: whether the guest with this address (`whatsapp:+…`) has the phone open.
        keep: how many messages are remembered; older ones are forgotten.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        on_message: Callable[[StandInMessage], Awaitable[None] | None] | None = None,
        is_reading: Callable[[str], bool] = lambda _: False,
        *,
        delays: Delays | None = None,
        keep: int = 2000,
    ) -> None:
        self.account_sid, self._auth_token = account_sid, auth_token
        self._on_message, self._is_reading = on_message, is_reading
        self._delays, self._keep = delays or Delays(), keep
        self._messages: OrderedDict[str, StandInMessage] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None

    @property
    def messages(self) -> list[StandInMessage]:
        """What was accepted, oldest first."""
        return list(self._messages.values())

    def router(self, prefix: str = "") -> APIRouter:
        """The REST paths under `prefix`; point TWILIO_API_BASE_URL at the same place."""
        router = APIRouter(prefix=f"{prefix}/{API_VERSION}/Accounts/{{account_sid}}", include_in_schema=False)
        router.add_api_route("/Messages.json", self._guarded(self._create), methods=["POST"])
        router.add_api_route("/Messages.json", self._guarded(self._list), methods=["GET"])
        router.add_api_route("/Messages/{sid}.json", self._guarded(self._fetch), methods=["GET"])
        return router

    def guest_opens(self, address: str) -> None:
        """The guest looks at the phone: what was delivered there is read. Call it on the event loop."""
        for message in self.messages:
            if message.to == address and message.status == "delivered":
                self._advance(message, "read")

    async def close(self) -> None:
        """Stop all callbacks that are still on their way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _guarded(self, handler: Callable[[Request], Awaitable[JSONResponse]]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> JSONResponse:
            try:
                self._check_account(request)
                return await handler(request)
            except ApiError as error:
                return error.response()

        return guarded

    def _check_account(self, request: Request) -> None:
        """Raises: ApiError: 20003 for wrong credentials, 20404 for another account."""
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        given = ""
        if scheme.lower() == "basic":
            with contextlib.suppress(binascii.Error, UnicodeDecodeError):
                given = base64.b64decode(encoded).decode()
        if not hmac.compare_digest(given.encode(), f"{self.account_sid}:{self._auth_token}".encode()):
            raise ApiError(401, 20003, "Authenticate")
        if request.path_params["account_sid"] != self.account_sid:
            raise not_found(request)

    async def _create(self, request: Request) -> JSONResponse:
        form = await request.form()
        checked(form)
        now = clock.now()
        message = StandInMessage(
            sid=new_sid("SM"),
            account_sid=self.account_sid,
            to=text(form, "To"),
            from_=text(form, "From"),
            body=text(form, "Body") or template_text(form),
            media_urls=tuple(str(url) for url in form.getlist("MediaUrl")),
            status_callback=text(form, "StatusCallback") or None,
            content_sid=text(form, "ContentSid") or None,
            created_at=now,
            updated_at=now,
        )
        self._messages[message.sid] = message
        while len(self._messages) > self._keep:
            self._messages.popitem(last=False)
        self._start(self._live(message))
        return JSONResponse(message.resource(), 201)

    async def _list(self, request: Request) -> JSONResponse:
        try:
            return JSONResponse(page_of(self.messages, self.account_sid, list(request.query_params.multi_items())))
        except ValueError as error:
            raise ApiError(400, 20001, "Invalid parameter in the query") from error

    async def _fetch(self, request: Request) -> JSONResponse:
        message = self._messages.get(request.path_params["sid"])
        if message is None:
            raise not_found(request)
        return JSONResponse(message.resource())

    async def _live(self, message: StandInMessage) -> None:
        """What happens to a message after its acceptance."""
        if self._on_message is not None and inspect.isawaitable(told := self._on_message(message)):
            await told
        await asyncio.sleep(self._delays.sent)
        self._advance(message, "sent")
        await asyncio.sleep(max(0.0, self._delays.delivered - self._delays.sent))
        self._advance(message, "delivered")
        await asyncio.sleep(max(0.0, self._delays.read - self._delays.delivered))
        if message.status == "delivered" and self._is_reading(message.to):
            self._advance(message, "read")

    def _advance(self, message: StandInMessage, status: str) -> None:
        message.status, message.updated_at = status, clock.now()
        if status == "sent":
            message.sent_at = message.updated_at
        if message.status_callback is not None:
            self._start(self._call_back(message.status_callback, message.callback_params(), message.sid))

    async def _call_back(self, url: str, params: dict[str, str], message_sid: str) -> None:
        """Post one status, and again a few times while it is not taken."""
        address, _, _ = url.partition("#")  # connection overrides stand in the fragment and are not signed
        headers = {
            SIGNATURE_HEADER: sign(address, params, self._auth_token),
            IDEMPOTENCY_HEADER: str(uuid.uuid4()),
            "User-Agent": "TwilioProxy/1.1",
        }
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=CALLBACK_TIMEOUT, trust_env=False)
        problem = ""
        for pause in (0.0, *RETRY_AFTER):
            await asyncio.sleep(pause)
            try:
                response = await self._client.post(address, data=params, headers=headers)
            except httpx.HTTPError as error:
                problem = type(error).__name__
                continue
            if response.is_success:
                return
            problem = f"status {response.status_code}"
        log.warning("twilio_stand_in_callback_failed", provider_id=message_sid, problem=problem)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def not_found(request: Request) -> ApiError:
    """Twilio's 404."""
    path = re.sub(rf"^.*(?=/{API_VERSION}/)", "", request.url.path)
    return ApiError(404, 20404, f"The requested resource {path} was not found")


def text(form: FormData, name: str) -> str:
    """A form value as text, as it was sent; empty where it is missing."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def checked(form: FormData) -> None:
    """Refuse what Twilio refuses. Raises: ApiError."""
    to = text(form, "To")
    if not to:
        raise ApiError(400, 21604, "A 'To' phone number is required.")
    if not _ADDRESS.fullmatch(to):
        raise ApiError(400, 21211, f"Invalid 'To' Phone Number: {to[:-4]}XXXX")
    if not text(form, "From") and not text(form, "MessagingServiceSid"):
        raise ApiError(400, 21603, "A 'From' phone number is required.")
    if not any(text(form, name) for name in ("Body", "MediaUrl", "ContentSid")):
        raise ApiError(400, 21602, "Message body is required.")
    if len(text(form, "Body")) > LONGEST_BODY:
        raise ApiError(400, 21617, f"The concatenated message body exceeds the {LONGEST_BODY} character limit")
    callback = text(form, "StatusCallback")
    if callback and not re.match(r"https?://[^/\s]+", callback):
        raise ApiError(400, 21609, "The 'StatusCallback' URL is not a valid URL.")
    try:
        variables = json.loads(text(form, "ContentVariables") or "{}")
    except json.JSONDecodeError:
        variables = None
    if not isinstance(variables, dict):
        raise ApiError(400, 21656, "The Content Variables parameter is invalid.")


def template_text(form: FormData) -> str:
    """What a phone shows of a template whose words only WhatsApp knows: its id and its values."""
    sid = text(form, "ContentSid")
    variables = json.loads(text(form, "ContentVariables") or "{}")
    values = ", ".join(f"{name}: {value}" for name, value in sorted(variables.items()))
    return f"[Template {sid}] {values}".strip() if sid else ""
