"""A message as Twilio's REST API shows it: the resource, its list with pages, and its status callbacks.

Source: https://www.twilio.com/docs/messaging/api/message-resource
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

API_VERSION = "2010-04-01"
CHANNEL_INSTALL_SID = "XE" + "5" * 32
EVENTS = {"delivered": "DELIVERED", "read": "READ"}
MOST_PER_PAGE = 1000


@dataclass(slots=True)
class StandInMessage:
    """One outgoing message; `status` moves through queued, sent, delivered and read. Times are UTC."""

    sid: str
    account_sid: str
    to: str
    from_: str
    body: str
    created_at: datetime
    updated_at: datetime
    media_urls: tuple[str, ...] = ()
    status_callback: str | None = None
    content_sid: str | None = None
    status: str = "queued"
    sent_at: datetime | None = None

    @property
    def uri(self) -> str:
        """Where the resource lies, relative to the API's host."""
        return f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}.json"

    def resource(self) -> dict[str, Any]:
        """The Message resource; times are RFC 2822 in GMT."""
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": rfc2822(self.created_at),
            "date_sent": rfc2822(self.sent_at),
            "date_updated": rfc2822(self.updated_at),
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": self.from_,
            "messaging_service_sid": None,
            "num_media": str(len(self.media_urls)),
            "num_segments": "1",
            "price": None,
            "price_unit": None,
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": self.uri.replace(".json", "/Media.json")},
            "to": self.to,
            "uri": self.uri,
        }

    def callback_params(self) -> dict[str, str]:
        """The form of the status callback for the present status."""
        params = {
            "AccountSid": self.account_sid,
            "ApiVersion": API_VERSION,
            "ChannelInstallSid": CHANNEL_INSTALL_SID,
            "ChannelPrefix": "whatsapp",
            "ChannelToAddress": self.to.removeprefix("whatsapp:")[:-4] + "XXXX",
            "From": self.from_,
            "MessageSid": self.sid,
            "MessageStatus": self.status,
            "SmsSid": self.sid,
            "SmsStatus": self.status,
            "StructuredMessage": "true" if self.content_sid else "false",
            "To": self.to,
        }
        return {**params, "EventType": EVENTS[self.status]} if self.status in EVENTS else params


def rfc2822(moment: datetime | None) -> str | None:
    """A UTC time as Twilio writes it: "Tue, 18 Aug 2026 20:36:44 +0000"."""
    return format_datetime(moment) if moment else None


def page_of(messages: Sequence[StandInMessage], account_sid: str, query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """One page of the list, newest first.

    Args:
        query: To, From, DateSent (also `DateSent<` and `DateSent>`, which mean "or equal"), PageSize, Page.
    Raises: ValueError: on a number or a date that is none.
    """
    asked = dict(query)
    size = min(MOST_PER_PAGE, max(1, int(asked.get("PageSize", 50))))
    page = max(0, int(asked.get("Page", 0)))
    found = [m for m in reversed(messages) if _fits(m, asked)]
    start = page * size
    shown = found[start : start + size]

    def uri(number: int) -> str:
        kept = [(name, value) for name, value in query if name not in ("Page", "PageSize", "PageToken")]
        return f"/{API_VERSION}/Accounts/{account_sid}/Messages.json?" + urlencode(
            [*kept, ("PageSize", size), ("Page", number)]
        )

    return {
        "first_page_uri": uri(0),
        "previous_page_uri": uri(page - 1) if page else None,
        "next_page_uri": uri(page + 1) if start + size < len(found) else None,
        "uri": uri(page),
        "page": page,
        "page_size": size,
        "start": start,
        "end": start + max(0, len(shown) - 1),
        "messages": [message.resource() for message in shown],
    }


def _fits(message: StandInMessage, asked: dict[str, str]) -> bool:
    if asked.get("To", message.to) != message.to or asked.get("From", message.from_) != message.from_:
        return False
    when = (message.sent_at or message.created_at).replace(microsecond=0)
    for name, value in asked.items():
        if not name.startswith("DateSent"):
            continue
        first, last = _span(value)
        if name == "DateSent" and not first <= when < last:
            return False
        if (name == "DateSent>" and when < first) or (name == "DateSent<" and when >= last):
            return False
    return True


def _span(value: str) -> tuple[datetime, datetime]:
    """The day or the second that a date parameter means, end excluded; GMT."""
    if len(value) <= len("2026-01-31"):
        day = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
        return day, day + timedelta(days=1)
    moment = datetime.fromisoformat(value)
    moment = moment.replace(tzinfo=moment.tzinfo or UTC).replace(microsecond=0)
    return moment, moment + timedelta(seconds=1)
