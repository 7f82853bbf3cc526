"""Twilio's webhooks: an inbound message is durable before the 200; a status moves its message forward."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import parse_qsl

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hotelchat import settings
from hotelchat.channels import whatsapp
from hotelchat.channels.port import StatusReport
from hotelchat.db import transaction
from hotelchat.errors import BadInput, BadSignature, HotelChatError
from hotelchat.services import deliveries
from hotelchat.text import storable
from hotelchat.web.intake import Intake

log = structlog.get_logger()
INBOUND: Final = "/webhooks/twilio/whatsapp"
LARGEST_BODY: Final = 64 * 1024  # bytes; Twilio's forms have some 2 kB
EMPTY_TWIML: Final = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
counts: Counter[str] = Counter()  # by outcome, for the metrics
_pool: ThreadPoolExecutor | None = None
_store: Intake | None = None


class TooLarge(HotelChatError):
    """The body is larger than any of Twilio's."""

    status = 413

    def __init__(self) -> None:
        super().__init__(f"A webhook's body may have {LARGEST_BODY // 1024} kB. Twilio's are much smaller.")


def start(threads: int) -> None:
    """The threads that store: about as many as there are connections."""
    global _pool, _store
    _pool = ThreadPoolExecutor(max(2, threads // 2), thread_name_prefix="status")
    _store = Intake(threads)


def _intake() -> Intake:
    if _store is None:
        raise HotelChatError("The webhooks were not started. Call webhooks.start() when the process starts.")
    return _store


async def whatsapp_message(request: Request) -> Response:
    """A guest's message. 200 means: it is in PostgreSQL."""
    try:
        received = await _intake().store(whatsapp.inbound(await _signed_params(request)))
    except HotelChatError as error:
        return _refuse("message", error)
    except SQLAlchemyError as error:
        return _unavailable("message", error)
    counts["message_stored"] += 1
    log.info(
        "message_received" if received.message_id else "message_repeated",
        conversation_id=received.conversation_id,
        message_id=received.message_id,
    )
    return Response(EMPTY_TWIML, media_type="text/xml")


async def delivery_status(request: Request) -> Response:
    """News of an outgoing message; our own id stands in the path, so that it is found before its SID is stored."""
    try:
        params = await _signed_params(request)
        message_id = int(request.path_params["message_id"])
        if message_id >= 2**63:
            raise BadInput("No message has such an id.")
        await _in_thread(_record, whatsapp.status_report(message_id, params))
    except HotelChatError as error:
        return _refuse("status", error)
    except SQLAlchemyError as error:
        return _unavailable("status", error)
    counts["status_recorded"] += 1
    return Response(EMPTY_TWIML, media_type="text/xml")


# Plain routes: FastAPI's own machinery costs a fifth of a webhook, and there is nothing here for it to do.
ROUTES: Final = [
    Route(INBOUND, whatsapp_message, methods=["POST"]),
    Route("/webhooks/twilio/status/{message_id:int}", delivery_status, methods=["POST"]),
]


async def _signed_params(request: Request) -> dict[str, str]:
    """The form's parameters once the signature over them fits; nothing else is looked at before."""
    body = await _body(request)
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=500)
    except ValueError:
        raise BadInput("The body is not a form in UTF-8. Twilio sends application/x-www-form-urlencoded.") from None
    current = settings.current()
    if current.whatsapp is None:
        raise BadSignature
    headers: dict[bytes, bytes] = dict(request.scope["headers"])  # Starlette's own would decode each at each look
    query = request.scope["query_string"].decode("latin-1")
    url = f"{current.public_base_url}{request.scope['path']}{'?' if query else ''}{query}"
    signature = headers.get(b"x-twilio-signature", b"").decode("latin-1")
    whatsapp.check_signature(current.whatsapp, url, pairs, signature)
    params = {storable(name): storable(value) for name, value in pairs}
    if token := headers.get(b"i-twilio-idempotency-token"):
        params["I-Twilio-Idempotency-Token"] = storable(token.decode("latin-1"))[:200]
    return params


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > LARGEST_BODY:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise TooLarge
    return bytes(body)


def _record(report: StatusReport) -> None:
    with transaction() as session:
        is_known = deliveries.record_status(session, report)
    log.info("status_received", message_id=report.message_id, status=report.status, known=is_known)


async def _in_thread(function: Callable[..., None], argument: Any) -> None:
    context = contextvars.copy_context()  # the request's id goes along onto the log lines
    await asyncio.get_running_loop().run_in_executor(_pool, context.run, function, argument)


def _refuse(what: str, error: HotelChatError) -> Response:
    counts[f"{what}_{type(error).__name__}"] += 1
    log.warning("webhook_refused", what=what, why=type(error).__name__, status=error.status)
    return Response(str(error), status_code=error.status, media_type="text/plain")


def _unavailable(what: str, error: SQLAlchemyError) -> Response:
    """Not stored: Twilio tries again, or asks the fallback address."""
    counts[f"{what}_unavailable"] += 1
    log.error("webhook_not_stored", what=what, error=type(error).__name__)
    return Response("Not stored. Please deliver it again.", status_code=503, media_type="text/plain")
