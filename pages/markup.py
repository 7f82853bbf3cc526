"""The one place where text becomes HTML. Every value goes through `escape`; what callers get is props, ready to share.

The same keys are always there, so that a shell which showed one thing shows the next one whole (PURE.md 9).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from hotelchat.models import Author, Delivery, Direction, Kind, service_window_closes_at
from hotelchat.models.preview import LABELS
from hotelchat.queries.demo import PhoneMessage
from hotelchat.queries.guest_panel import GuestFacts
from hotelchat.queries.inbox import handled_by_concierge
from hotelchat.queries.inbox_row import InboxRow
from hotelchat.queries.thread import ThreadMessage
from pages import handles, words
from pages.whatsapp_marks import rendered

Props = dict[str, Any]
GROUP_WITHIN: Final = timedelta(minutes=3)
WINDOW_NEAR_SECONDS: Final = 4 * 3600
LATEST: Final = 2**31 - 1
EMPTY_ROW: Final[Props] = {
    "class": "hc-row is-free", "href": "", "style": f"order:{LATEST}", "data-testid": "", "data-conversation-id": "",
    "data-unread": None, "data-edge": None, "aria-current": None, "innerHTML": "",
}  # fmt: skip
EMPTY_SLOT: Final[Props] = {
    "class": "is-free", "data-testid": "", "data-message-id": None, "data-direction": None, "data-author": None,
    "data-status": None, "innerHTML": "",
}  # fmt: skip


def icon(name: str, size: str = "") -> Markup:
    """A Phosphor icon in the colour of the text."""
    return Markup('<i class="hc-i {}" style="--i:var(--hc-i-{})" aria-hidden="true"></i>').format(size, name)


def label(text: str) -> Markup:
    """A place's name beside its icon."""
    return Markup("<span>{}</span>").format(text)


def avatar(seed: int, letters: str) -> Markup:
    """Somebody's initials in a disc of their colour."""
    return Markup('<i class="hc-av" style="--h:{};width:32px;height:32px">{}</i>').format(seed % 8, letters)


def brand() -> Markup:
    """The mark and the name."""
    return icon("mark") + Markup('<span class="hc-display">HotelChat</span>')


def greeting(title: str, sentence: str) -> Markup:
    """The words above a form."""
    return Markup('<h1 class="hc-display">{}</h1><p class="hc-muted">{}</p>').format(title, sentence)


def inner(content: str | Markup) -> Props:
    """Props that fill an element with markup of this module, or with plain text."""
    return {"innerHTML": str(escape(content))}


def tab(icon_name: str, text: str) -> Props:
    """An icon and a word, for a button."""
    return inner(icon(icon_name, "s") + text)


def row(row: InboxRow, rank: int, now: datetime, zone: ZoneInfo) -> Props:
    """A conversation in the list; `rank` orders it, smaller on top."""
    name = words.guest_name(row)
    lang = Markup(' lang="{}"').format(row.guest_language) if row.guest_language else ""
    content = Markup('<i style="--h:{}">{}</i><b{}>{}</b><time>{}</time><p>{}{}</p>{}{}').format(
        row.guest_id % 8, words.initials(name), lang, name, words.list_time(row, now, zone), _speaker(row),
        row.last_text, _chips(row, now), _assignee(row),
    )  # fmt: skip
    return {
        "class": "hc-row",
        "href": f"/c/{row.id}",
        "style": f"order:{max(-LATEST, min(rank, LATEST - 1))}",
        "data-testid": handles.CONVERSATION_ROW,
        "data-conversation-id": str(row.id),
        "data-unread": str(min(row.unread, 99)) if row.unread else None,
        "data-edge": "need" if row.needs_human else None,
        "aria-current": None,
        "innerHTML": str(content),
    }


def _speaker(row: InboxRow) -> Markup:
    if row.last_direction == Direction.NOTE:
        return Markup("<q>Note:</q> ")
    if row.last_author == Author.AI:
        return Markup("<q>Concierge:</q> ")
    return Markup("<q>You:</q> ") if row.last_author == Author.AGENT else Markup("")


def _chips(row: InboxRow, now: datetime) -> Markup:
    """In order of urgency, three at most."""
    chips: list[tuple[str, str]] = []
    if row.last_status == Delivery.FAILED:
        chips.append(("bad", "Not delivered"))
    if row.needs_human:
        chips.append(("need", words.REASONS[row.reason] if row.reason else "Needs a person"))
    if row.status == "resolved":
        chips.append(("ok", "Resolved"))
    elif handled_by_concierge(row):
        chips.append(("ai", "Concierge"))
    left = window_seconds(row, now)
    if row.status != "resolved" and left is not None and 0 < left < WINDOW_NEAR_SECONDS:
        chips.append(("window", f"{words.time_left(left)} left"))
    return Markup("").join(Markup('<em data-k="{}">{}</em>').format(kind, text) for kind, text in chips[:3])


def _assignee(row: InboxRow) -> Markup:
    if row.assignee_name is None:
        return Markup("")
    return Markup('<s title="{}">{}</s>').format(row.assignee_name, words.initials(row.assignee_name))


def window_seconds(row: InboxRow, now: datetime) -> float | None:
    """Seconds until WhatsApp stops taking free text; None where the guest has not written."""
    return (service_window_closes_at(row.last_inbound_at) - now).total_seconds() if row.last_inbound_at else None


def bubbles(messages: Iterable[ThreadMessage], now: datetime, zone: ZoneInfo, after: ThreadMessage | None) -> list[Props]:
    """Messages as slots of the thread, with a line where a day begins; `after` is the message before them."""
    slots: list[Props] = []
    for message in messages:
        starts_day = after is None or _date(after, zone) != _date(message, zone)
        if starts_day:
            slots.append(EMPTY_SLOT | {"class": "hc-day", "innerHTML": str(escape(words.day(message.created_at, now, zone)))})
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
    label = Markup('<span class="hc-kind">{}{}</span>').format(icon(_KIND_ICONS.get(message.kind, "question"), "s"), LABELS[message.kind])
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
    again = Markup('<a role="button" tabindex="0" data-testid="{}" data-retry="{}">Retry</a>').format(handles.RETRY, message.id)
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


def view(name: str, icon_name: str, count: int | None, note: str = "") -> Markup:
    """A view's line in the column; no number where it is None."""
    small = Markup("<small>{}</small>").format(note) if note else ""
    number = Markup("<b>{}</b>").format(_number(count)) if count is not None else Markup("")
    return Markup("{}<span>{}{}</span>{}").format(icon(icon_name, "s"), name, small, number)


def heading(name: str, count: int | None) -> Markup:
    """The title of a list."""
    return Markup("{}<small>{}</small>").format(name, _number(count)) if count is not None else escape(name)


def hotel(name: str, kind: str) -> Markup:
    """Whose desk this is."""
    return Markup('<div class="hc-grow"><b class="hc-display">{}</b><small>{}</small></div>').format(name, kind)


def _number(count: int | None) -> str:
    return "999+" if (count or 0) > 999 else str(count)


def who(row: InboxRow, left: float | None) -> Markup:
    """The head of a conversation: its guest's name and the window that is left."""
    window = Markup("")
    if left is not None and left > 0:
        near = Markup(' data-k="window"') if left < WINDOW_NEAR_SECONDS else ""
        window = Markup(
            '<span class="hc-window hc-l"{} title="WhatsApp takes free text for so long">'
            '<i class="hc-ring" style="--p:{:.2f}"></i>{}</span>'
        ).format(near, left / 86400, words.time_left(left))
    return Markup('<h1 class="hc-display">{}</h1>{}').format(words.guest_name(row), window)


def panel(row: InboxRow, guest: GuestFacts | None, zone: ZoneInfo) -> Markup:
    """The guest panel: who this is, who has it, what was before."""
    name = words.guest_name(row)
    addresses = ", ".join(value for _, value in guest.addresses) if guest else ""
    language = words.LANGUAGES.get(row.guest_language or "", row.guest_language)
    chips = Markup('<div class="hc-chips"><span class="hc-chip" data-k="lang">{}</span></div>').format(language) if language else ""
    head = Markup(
        '<div class="hc-who"><div><i class="hc-av l" style="--h:{}">{}</i><span><h2 class="hc-display">{}</h2>'
        '<span class="hc-muted">{}</span></span></div>{}</div>'
    ).format(row.guest_id % 8, words.initials(name), name, addresses, chips)
    return head + _handling(row) + (_past(guest, zone) if guest else Markup(""))


def _handling(row: InboxRow) -> Markup:
    reason = words.REASONS[row.reason] if row.needs_human and row.reason else ""
    facts = [
        ("Assigned", row.assignee_name or "Nobody yet"),
        ("Concierge", words.CONCIERGE[row.concierge].removeprefix("Concierge ").capitalize()),
        ("Needs a person", reason),
        ("Summary", row.handoff_summary if row.needs_human else ""),
    ]
    lines = Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(*fact) for fact in facts if fact[1])
    return Markup('<details class="hc-sec" open><summary>Handling</summary><dl class="hc-dl">{}</dl></details>').format(lines)


def _past(guest: GuestFacts, zone: ZoneInfo) -> Markup:
    since = guest.created_at.astimezone(zone)
    first = Markup(
        '<details class="hc-sec" open><summary>Guest</summary><dl class="hc-dl"><dt>First wrote</dt><dd>{} {:%b %Y}</dd></dl></details>'
    ).format(since.day, since)
    if not guest.past:
        return first
    items = Markup("").join(
        Markup('<a href="/c/{}">{}<small>{} · {}</small></a>').format(
            each.id, each.last_text or "No text", f"{each.activity_at.astimezone(zone):%d %b}", each.status.value
        )
        for each in guest.past
    )
    return first + Markup(
        '<details class="hc-sec" open><summary>Earlier conversations <small>{}</small></summary><div class="hc-past">{}</div></details>'
    ).format(len(guest.past), items)


def phone_words(guest: str) -> Markup:
    """What to do on the demo's stage."""
    return Markup(
        '<h1 class="hc-display" style="font:var(--hc-t-28)">You are the guest.</h1><p style="color:var(--hc-text-2);margin-top:8px">'
        "Write as {}. The concierge answers what the hotel knows, and calls a person when it should. "
        "Keep the inbox open in another tab.</p>"
    ).format(guest)


def phone_head(hotel_name: str) -> Markup:
    """The hotel, as a guest's phone shows it."""
    return Markup(
        '<i class="hc-av" style="background:var(--hc-lamp);color:#3A2600;width:40px;height:40px">{}</i><span class="hc-grow">'
        '<b class="hc-display" style="font:500 16px/20px var(--hc-font)">{}</b><small>usually answers in a minute</small></span>'
        '<span class="hc-chip" style="background:var(--hc-night-2);color:var(--hc-night-text)">Demo</span>'
    ).format(icon("mark"), hotel_name)


def phone_help(concierge: str, email: str) -> Markup:
    """Where the other half of the story is seen."""
    return Markup(
        '<h2 style="font:500 14px/20px var(--hc-font);margin-bottom:12px">At the desk</h2><div class="hc-card" style="display:grid;'
        'gap:12px;font:var(--hc-t-13)"><p>{}</p><p>Sign in to the inbox as <b>{}</b>, with the password that the terminal '
        'shows.</p></div><p style="margin-top:16px"><a class="hc-link" href="/" target="_blank">Open the inbox</a></p>'
    ).format(concierge, email)


def phone_thread(messages: Iterable[PhoneMessage], zone: ZoneInfo) -> Props:
    """The guest's own messages on the right, what reached them on the left."""
    slots = Markup("").join(
        Markup(
            '<div class="hc-msg is-first" data-testid="{}" data-direction="{}" data-author="{}"><p dir="auto">{}</p><footer>{}</footer></div>'
        ).format(
            handles.PHONE_MESSAGE, each.direction.value, each.author.value,
            rendered(each.text) if each.kind is Kind.TEXT else LABELS[each.kind], words.clock_time(each.created_at, zone),
        )  # fmt: skip
        for each in messages
    )
    return inner(slots)


def nothing(title: str, sentence: str) -> Markup:
    """The calm picture of an empty place."""
    return WINDOWS + Markup('<h2 class="hc-display">{}</h2><p>{}</p>').format(title, sentence)


def _window(x: int, y: int, is_lit: bool) -> Markup:
    colours = ("lamp", "brass") if is_lit else ("sunken", "line-strong")
    return Markup('<path d="M{} {}v-11a6 6 0 0 1 12 0v11z" fill="var(--hc-{})" stroke="var(--hc-{})" stroke-width="1.2"/>').format(
        x, y, *colours
    )


_LIT: Final = {(76, 70), (136, 100)}
WINDOWS: Final = (
    Markup(
        '<svg viewBox="0 0 200 140" fill="none" aria-hidden="true"><circle cx="100" cy="78" r="62" fill="var(--hc-lamp)" '
        'opacity=".13"/><g stroke="var(--hc-line-strong)" stroke-width="1.5"><path d="M38 116V44a4 4 0 0 1 4-4h116a4 4 0 0 1 4 4v72"/>'
        '<path d="M22 116h156" stroke-linecap="round"/></g>'
    )
    + Markup("").join(_window(x, y, (x, y) in _LIT) for y in (70, 100) for x in (52, 76, 112, 136))
    + Markup('<path d="M94 116v-14a6 6 0 0 1 12 0v14z" fill="var(--hc-accent)"/></svg>')
)
