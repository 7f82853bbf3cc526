"""The thread: bubbles, day lines, and blocks of history."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from hotelchat.models import Author, Delivery, Direction, Kind
from hotelchat.models.preview import LABELS
from hotelchat.queries.thread import ThreadMessage
from pages import handles, words
from pages.markup.base import Props, icon
from pages.markup.marks import rendered

GROUP_WITHIN: Final = timedelta(minutes=3)


EMPTY_SLOT: Final[Props] = {
    "class": "is-free", "data-testid": "", "data-message-id": None, "data-direction": None, "data-author": None,
    "data-status": None, "innerHTML": "",
}  # fmt: skip


def bubbles(
    messages: Iterable[ThreadMessage], now: datetime, zone: ZoneInfo, after: ThreadMessage | None
) -> list[Props]:
    """Messages as slots of the thread, with a line where a day begins; `after` is the message before them."""
    slots: list[Props] = []
    for message in messages:
        starts_day = after is None or _date(after, zone) != _date(message, zone)
        if starts_day:
            slots.append(
                EMPTY_SLOT | {"class": "hc-day", "innerHTML": str(escape(words.day(message.created_at, now, zone)))}
            )
        slots.append(bubble(message, zone, is_first=starts_day or not _continues(after, message)))
        after = message
    return slots


def bubble(message: ThreadMessage, zone: ZoneInfo, *, is_first: bool) -> Props:
    """One message."""
    time = words.clock_time(message.created_at, zone)
    return {
        "class": "hc-msg is-first" if is_first else "hc-msg",
        "data-testid": handles.MESSAGE,
        "data-message-id": str(message.id),
        "data-direction": message.direction.value,
        "data-author": message.author.value,
        "data-status": message.delivery.value if message.delivery else None,
        "innerHTML": str(_head(message, time) + _body(message) + _why(message) + _foot(message, time)),
    }


def joined(slots: Iterable[Props]) -> Props:
    """Slots folded into one block of history."""
    return {"innerHTML": "".join(_as_html(slot) for slot in slots)}


def stacked(pages: Iterable[Props]) -> Props:
    """Several blocks of history as one."""
    return {"innerHTML": "".join(page["innerHTML"] for page in pages)}


def _as_html(slot: Props) -> str:
    names = [name for name in slot if name != "innerHTML" and slot[name] not in (None, "")]
    attributes = Markup(" ").join(Markup('{}="{}"').format(name, slot[name]) for name in names)
    return f"<div {attributes}>{slot['innerHTML']}</div>"


def _head(message: ThreadMessage, time: str) -> Markup:
    if message.author is Author.SYSTEM:
        return Markup("")
    if message.direction is Direction.NOTE:
        return Markup("<b>Private note · {} · {}</b>").format(message.author_name or "a colleague", time)
    return Markup("<b>Concierge</b>") if message.author is Author.AI else Markup("")


def _body(message: ThreadMessage) -> Markup:
    if message.author is Author.SYSTEM:
        return Markup("<p>{}</p>").format(message.text)
    if message.kind is Kind.TEXT:
        return Markup('<p dir="auto">{}</p>').format(rendered(message.text))
    label = Markup('<span class="hc-kind">{}{}</span>').format(
        icon(_KIND_ICONS.get(message.kind, "question"), "s"), LABELS[message.kind]
    )
    caption = Markup('<p dir="auto">{}</p>').format(rendered(message.text)) if message.text else Markup("")
    return label + caption


def _why(message: ThreadMessage) -> Markup:
    if not message.sources:
        return Markup("")
    items = Markup("").join(
        Markup("<li><span>{}</span><span>{}</span></li>").format(source.get("title", ""), source.get("score", ""))
        for source in message.sources
    )
    return Markup('<details><summary>Why this answer</summary><ul class="hc-why">{}</ul></details>').format(items)


def _foot(message: ThreadMessage, time: str) -> Markup:
    if message.author is Author.SYSTEM:
        return Markup("<footer>{}</footer>").format(time)
    if message.direction is Direction.NOTE:
        return Markup("")
    if message.delivery is None:
        return Markup("<footer>{}</footer>").format(time)
    if message.delivery is not Delivery.FAILED:
        who = f"{message.author_name} · " if message.author is Author.AGENT and message.author_name else ""
        return Markup("<footer>{}{} · {}</footer>").format(who, time, words.DELIVERIES[message.delivery])
    sentence, may_retry = words.failure(message.error_code)
    again = Markup('<a role="button" tabindex="0" data-testid="{}" data-retry="{}">Retry</a>').format(
        handles.RETRY, message.id
    )
    return Markup("<footer><span>{}</span>{}</footer>").format(sentence, again if may_retry else "")


_KIND_ICONS: Final = {
    Kind.IMAGE: "image", Kind.AUDIO: "microphone", Kind.VIDEO: "image", Kind.DOCUMENT: "file-text",
    Kind.STICKER: "smiley", Kind.LOCATION: "push-pin", Kind.CONTACT: "user", Kind.BUTTON: "check", Kind.REACTION: "smiley",
}  # fmt: skip


def _continues(before: ThreadMessage | None, message: ThreadMessage) -> bool:
    """Whether a message belongs to the group above it: the same speaker, within three minutes."""
    if before is None or (before.author, before.author_name, before.direction) != (
        message.author, message.author_name, message.direction
    ):  # fmt: skip
        return False
    return message.created_at - before.created_at < GROUP_WITHIN


def _date(message: ThreadMessage, zone: ZoneInfo) -> object:
    return message.created_at.astimezone(zone).date()
