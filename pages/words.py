"""What screens say: reasons, statuses, failures and times, in plain words and in the hotel's own time."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from hotelchat.models import Concierge, Delivery, Reason
from hotelchat.queries.inbox_row import InboxRow
from hotelchat.queries.team import HotelFacts
from hotelchat.queries.views import View
from hotelchat.settings import Settings

VIEWS: Final = {
    View.NEEDS_HUMAN: ("Needs human", "hand"),
    View.MINE: ("Mine", "user"),
    View.UNASSIGNED: ("Unassigned", "tray"),
    View.CONCIERGE: ("Concierge handling", "call-bell"),
    View.RESOLVED: ("Resolved", "seal-check"),
    View.ALL: ("All", "stack"),
}
NOBODY_HERE: Final = {
    View.NEEDS_HUMAN: ("Nobody is waiting", "When a guest needs a person, the conversation appears here."),
    View.MINE: ("Nothing of yours is open", "Take over a conversation, or answer one, and it is yours."),
    View.UNASSIGNED: ("Everything has somebody", "Conversations that nobody has yet appear here."),
    View.CONCIERGE: ("The concierge is idle", "What it answers by itself appears here."),
    View.RESOLVED: ("Nothing resolved yet", "Settled conversations are kept here."),
    View.ALL: ("No guest has written yet", "The first message on WhatsApp appears here at once."),
}
REASONS: Final = {
    Reason.ASKED_FOR_PERSON: "Asked for a person",
    Reason.COMPLAINT: "Complaint",
    Reason.NOT_IN_KNOWLEDGE: "Not in the knowledge",
    Reason.BOOKING: "Booking",
    Reason.EMERGENCY: "Emergency",
    Reason.OTHER: "Not sure",
    Reason.GUEST_WAITING: "Guest is waiting",
    Reason.CONCIERGE_OFF: "Concierge is off",
    Reason.CONCIERGE_FAILED: "Concierge could not answer",
}
DELIVERIES: Final = {
    Delivery.QUEUED: "Queued",
    Delivery.SENDING: "Sending",
    Delivery.SENT: "Sent",
    Delivery.DELIVERED: "Delivered",
    Delivery.READ: "Read",
    Delivery.FAILED: "Not delivered",
    Delivery.UNKNOWN: "Being looked up",
}
CONCIERGE: Final = {
    Concierge.ON: "Concierge on",
    Concierge.PAUSED: "Concierge paused",
    Concierge.OFF: "Concierge off",
}
# WHATSAPP.md, error table for the UI: (sentence, whether sending again may help).
_FAILURES: Final = {
    63016: ("more than 24 hours since the guest wrote.", False),
    63015: ("sandbox: the guest has not joined.", False),
    63003: ("this WhatsApp address is not valid.", False),
    63024: ("this WhatsApp address is not valid.", False),
    21211: ("this WhatsApp address is not valid.", False),
    63005: ("WhatsApp refused the content.", False),
    63013: ("WhatsApp refused the content.", False),
    63007: ("our WhatsApp sender is not set up at Twilio.", False),
    63012: ("WhatsApp had an internal error.", True),
    63014: ("the guest blocked us or opted out.", False),
    21610: ("the guest blocked us or opted out.", False),
    63018: ("the sending limit is reached.", True),
    63017: ("the sending limit is reached.", True),
    63038: ("the sending limit is reached.", True),
    20429: ("the sending limit is reached.", True),
    63032: ("WhatsApp limits marketing to this guest.", False),
    21617: ("the text is too long.", False),
    21658: ("the text is too long.", False),
    20003: ("Twilio does not accept our credentials.", True),
}
LANGUAGES: Final = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French", "it": "Italian",
    "ja": "Japanese", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "uk": "Ukrainian",
    "zh": "Chinese",
}  # fmt: skip


def failure(error_code: int | None) -> tuple[str, bool]:
    """Why a message was not delivered, and whether "Retry" may help."""
    sentence, may_retry = _FAILURES.get(error_code or 0, ("WhatsApp did not take it.", True))
    known = error_code is None or error_code in _FAILURES
    return f"Not delivered: {sentence}" + ("" if known else f" (error {error_code})"), may_retry


def guest_name(row: InboxRow) -> str:
    """The guest's name, or what stands for one."""
    return row.guest_name or f"Guest {row.guest_id}"


def initials(name: str) -> str:
    """Two letters for an avatar: of the first two words, or the first two of one word."""
    words = [word for word in name.split() if word[0].isalnum()] or [name or "?"]
    return (words[0][0] + words[1][0] if len(words) > 1 else words[0][:2]).upper()


def clock_time(moment: datetime, zone: ZoneInfo) -> str:
    """21:40, in the hotel's time."""
    return f"{moment.astimezone(zone):%H:%M}"


def list_time(row: InboxRow, now: datetime, zone: ZoneInfo) -> str:
    """How long a guest waits for a person ("10 min"); else when something last happened."""
    if row.needs_human and row.waiting_since:
        return duration((now - row.waiting_since).total_seconds())
    local, today = row.activity_at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local:%a}" if (today - local).days < 6 else f"{local.day} {local:%b}"


def duration(seconds: float) -> str:
    """ "now", "10 min", "3 h", "2 d": rounded down."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def day(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """ "Today, Tue 17 Nov"."""
    local, today = moment.astimezone(zone).date(), now.astimezone(zone).date()
    words = f"{local:%a} {local.day} {local:%b}"
    return {0: f"Today, {words}", 1: f"Yesterday, {words}"}.get((today - local).days, words)


def time_left(seconds: float) -> str:
    """ "23 h 41" of the service window."""
    minutes = max(0, int(seconds // 60))
    return f"{minutes // 60} h {minutes % 60:02d}" if minutes >= 60 else f"{minutes} min"


def missing(hotel: HotelFacts, current: Settings) -> str:
    """What is not set up, so that nobody waits for it; "" where everything is."""
    if current.whatsapp is None:
        return "WhatsApp is not connected: set the TWILIO_ settings. Nothing comes in or goes out."
    if current.openai is None or not hotel.has_concierge:
        return "The concierge is off: people must answer. Set OPENAI_API_KEY to switch it on."
    if current.demo and current.openai.api_key == "demo":
        return "Demo: the concierge is a scripted stand-in. OPENAI_API_KEY brings a real one."
    return ""


SLOW: Final = "Reconnecting… Messages are safe, and your text stays here."
OFFLINE: Final = "Offline. Messages are safe, and your text stays here. Reload if this lasts."
PICK_ONE: Final = ("The desk is yours", "Choose a conversation on the left to read and answer it.")


def oldest(since: datetime | None, now: datetime) -> str:
    """How long the guest who waits longest has waited: "oldest 10 min"."""
    return f"oldest {duration((now - since).total_seconds())}" if since else ""
