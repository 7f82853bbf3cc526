"""WhatsApp through Twilio; the only module that imports twilio."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import requests
import urllib3
from starlette.datastructures import FormData
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from hotelchat.channels.port import (
    Accepted,
    Identity,
    InboundMessage,
    OutboundMessage,
    Outcome,
    Refused,
    Sender,
    StatusReport,
    TryLater,
    Unsure,
)
from hotelchat.errors import BadInput, BadSignature
from hotelchat.models import Delivery, IdentityKind, Kind
from hotelchat.settings import WhatsAppSettings

TIMEOUT_SECONDS: Final = 10.0
# WHATSAPP.md 9 and its error table: limits and WhatsApp's own errors pass; the message was not taken.
PASSING_ERRORS: Final = {20429, 63012, 63017, 63018, 63038}
# Twilio's status words to ours; `undelivered` is shown as failed. WHATSAPP.md 21.
DELIVERIES: Final = {
    "accepted": Delivery.SENT,
    "scheduled": Delivery.SENT,
    "queued": Delivery.SENT,
    "sending": Delivery.SENT,
    "sent": Delivery.SENT,
    "delivered": Delivery.DELIVERED,
    "read": Delivery.READ,
    "failed": Delivery.FAILED,
    "undelivered": Delivery.FAILED,
    "canceled": Delivery.FAILED,
}
_KINDS: Final = {
    "text": Kind.TEXT, "image": Kind.IMAGE, "audio": Kind.AUDIO, "voice": Kind.AUDIO, "video": Kind.VIDEO,
    "document": Kind.DOCUMENT, "sticker": Kind.STICKER, "location": Kind.LOCATION, "contacts": Kind.CONTACT,
    "button": Kind.BUTTON, "interactive": Kind.BUTTON, "reaction": Kind.REACTION,
}  # fmt: skip
_PHONE = re.compile(r"\+\d{4,20}")


def check_signature(settings: WhatsAppSettings, url: str, params: Sequence[tuple[str, str]], signature: str) -> None:
    """Whether Twilio signed this request, with our token or the one it is being rotated to.

    Args: url: the full public address with its query; params: all of them, untrimmed, empty ones too.
    Raises: BadSignature. Source: WHATSAPP.md 26 to 28.
    """
    form = _Form(params)
    signed = form if len(form) == len(params) else FormData(list(params))
    tokens = [token for token in (settings.auth_token, settings.auth_token_secondary) if token]
    if any(_same(RequestValidator(token).compute_signature(url, signed), signature) for token in tokens):
        return
    if not any(RequestValidator(token).validate(url, signed, signature) for token in tokens):  # with and without port
        raise BadSignature


def _same(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode())


class _Form(dict[str, str]):
    """A form without repeated names, as the SDK's validator reads it fastest."""

    def getall(self, name: str) -> list[str]:
        return [self[name]]


def inbound(params: dict[str, str]) -> InboundMessage:
    """The message in a webhook's form; whatever it carries besides is kept in `raw`.

    Raises: BadInput: if it has no id, sender or receiver.
    """
    provider_id = params.get("MessageSid") or params.get("SmsMessageSid") or params.get("SmsSid")
    account, sender, to = params.get("AccountSid"), params.get("From"), params.get("To")
    if not (provider_id and account and sender and to):
        raise BadInput("This is not a message of Twilio's: MessageSid, AccountSid, From or To is missing.")
    identities = _identities(params, sender)
    if not identities:
        raise BadInput("This message has no sender: From is empty but for its channel.")
    kind = _kind(params)
    return InboundMessage(
        account=account,
        provider_id=provider_id,
        sender=Sender(identities=identities, name=params.get("ProfileName", "").strip()[:200]),
        to=to,
        kind=kind,
        text=_text(kind, params),
        raw=params,
    )


def status_report(message_id: int, params: dict[str, str]) -> StatusReport:
    """The news in a status callback.

    Raises: BadInput: if it has no id or status.
    """
    provider_id = params.get("MessageSid") or params.get("SmsSid")
    status = (params.get("MessageStatus") or params.get("SmsStatus") or "").lower()
    if not (provider_id and status):
        raise BadInput("This is not a status of Twilio's: MessageSid or MessageStatus is missing.")
    code = params.get("ErrorCode", "")
    return StatusReport(
        message_id=message_id,
        provider_id=provider_id,
        delivery=DELIVERIES.get(status),
        status=status,
        error_code=int(code) if code.isdigit() else None,
        raw=dict(params),
    )


class WhatsApp:
    """Sends through Twilio's REST API; blocks its thread."""

    def __init__(self, settings: WhatsAppSettings, public_base_url: str) -> None:
        self._settings, self._public = settings, public_base_url
        self._client = Client(settings.account_sid, settings.auth_token, http_client=_Rebased(settings.api_base_url))

    def send(self, message: OutboundMessage) -> Outcome:
        """Hand one message to Twilio; what it costs to be wrong decides what counts as certain."""
        try:
            sent = self._client.messages.create(
                to=_address(message.to),
                from_=message.sender or self._settings.number,
                body=message.text,
                status_callback=f"{self._public}/webhooks/twilio/status/{message.message_id}",
            )
        except TwilioRestException as error:
            return _refusal(error, message.attempts)
        except (requests.RequestException, TwilioException, OSError) as error:
            return TryLater(_pause(message.attempts)) if _never_reached(error) else Unsure()
        except (ValueError, AttributeError, TypeError, KeyError):  # accepted, it seems, but the answer makes no sense
            return Unsure()
        return Accepted(sent.account_sid or self._settings.account_sid, sent.sid) if sent.sid else Unsure()

    def find(self, message: OutboundMessage, known: frozenset[str]) -> Accepted | None:
        """Look a message up by its receiver, its time and its text. WHATSAPP.md 9; see docs/architecture.md."""
        since = message.queued_at - timedelta(minutes=1)
        try:
            listed = self._client.messages.list(to=_address(message.to), date_sent_after=since, limit=100)
        except (requests.RequestException, TwilioException, ValueError, AttributeError, TypeError, KeyError) as error:
            raise OSError(f"Twilio could not be asked ({type(error).__name__})") from error
        for each in sorted(listed, key=lambda each: each.date_created or since):
            created = each.date_created or since
            if each.sid and each.sid not in known and each.body == message.text and created >= since:
                delivery = DELIVERIES.get(str(each.status), Delivery.SENT)
                return Accepted(each.account_sid or self._settings.account_sid, each.sid, delivery)
        return None


class _Rebased(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's HTTP client at TWILIO_API_BASE_URL, with a time-out and no retries of its own."""

    def __init__(self, base_url: str) -> None:
        super().__init__(timeout=TIMEOUT_SECONDS)
        self._base_url = base_url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super().request(method, url.replace("https://api.twilio.com", self._base_url, 1), *args, **kwargs)


def _refusal(error: TwilioRestException, attempts: int) -> Outcome:
    if error.status == 429 or error.code in PASSING_ERRORS:
        return TryLater(_pause(attempts), error.code)  # not processed: safe to try again
    if error.status >= 500:
        return Unsure()
    return Refused(error.code or error.status)


def _pause(attempts: int) -> float:
    """Seconds before the next attempt: 2, 4, 8, 16."""
    return float(min(2**attempts, 60))


def _never_reached(error: Exception) -> bool:
    """Whether the request certainly did not arrive: no connection was made."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _address(value: str) -> str:
    return value if value.startswith("whatsapp:") else f"whatsapp:{value}"


def _identities(params: dict[str, str], sender: str) -> tuple[Identity, ...]:
    """The sender's addresses, the one they wrote from first. A phone number may be absent: WHATSAPP.md 16."""
    found: dict[Identity, None] = {}
    for value in (sender.removeprefix("whatsapp:"), params.get("ExternalUserId", "").removeprefix("whatsapp:")):
        if value:
            kind = IdentityKind.PHONE if _PHONE.fullmatch(value) else IdentityKind.WHATSAPP_USER
            found[Identity(kind, value)] = None
    if params.get("WaId", "").isdigit():
        found[Identity(IdentityKind.PHONE, "+" + params["WaId"])] = None
    return tuple(found)


def _kind(params: dict[str, str]) -> Kind:
    declared = params.get("MessageType", "").lower()
    if declared:
        return _KINDS.get(declared, Kind.UNKNOWN)
    if params.get("NumMedia", "0") not in {"", "0"}:
        family = params.get("MediaContentType0", "").partition("/")[0]
        is_contact = "vcard" in params.get("MediaContentType0", "")
        return Kind.CONTACT if is_contact else _KINDS.get(family, Kind.DOCUMENT)
    if params.get("Latitude"):
        return Kind.LOCATION
    return Kind.BUTTON if params.get("ButtonText") else Kind.TEXT


def _text(kind: Kind, params: dict[str, str]) -> str:
    """The words of a message, or what stands for them: a tapped button's label, a place's name."""
    body = params.get("Body", "")
    if kind is Kind.BUTTON:
        return params.get("ButtonText") or params.get("ListTitle") or body
    if kind is Kind.LOCATION:
        place = params.get("Label") or params.get("Address") or body
        return place or f"{params.get('Latitude', '')}, {params.get('Longitude', '')}"
    if kind is Kind.UNKNOWN and not body:
        return f"({params.get('MessageType', 'unknown')})"
    return body
