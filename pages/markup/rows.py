"""The list: its rows, its views and its title."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from hotelchat.models import Author, Delivery, Direction, service_window_closes_at
from hotelchat.queries.inbox import handled_by_concierge
from hotelchat.queries.inbox_row import InboxRow
from hotelchat.queries.views import View
from pages import handles, words
from pages.markup.base import Props, icon

WINDOW_NEAR_SECONDS: Final = 4 * 3600
LATEST: Final = 2**31 - 1


EMPTY_ROW: Final[Props] = {
    "class": "hc-row is-free", "href": "", "style": f"order:{LATEST}", "data-testid": "", "data-conversation-id": "",
    "data-unread": None, "data-edge": None, "aria-current": None, "innerHTML": "",
}  # fmt: skip


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


def views(hotel: str, kind: str, lines: list[tuple[View, int | None]], current: View, oldest: str) -> Markup:
    """The column of views: whose desk this is, and a link with its number for each view."""
    head = Markup('<header><div class="hc-grow"><b class="hc-display">{}</b><small>{}</small></div></header>')
    links = Markup("").join(_view(view, count, view is current, oldest) for view, count in lines)
    return head.format(hotel, kind) + Markup('<nav class="hc-scroll" aria-label="Views">{}</nav>').format(links)


def _view(view: View, count: int | None, is_current: bool, oldest: str) -> Markup:
    name, icon_name = words.VIEWS[view]
    waits = view is View.NEEDS_HUMAN and bool(count)
    small = Markup("<small>{}</small>").format(oldest) if waits and oldest else ""
    number = Markup("<b>{}</b>").format(_number(count)) if count is not None else ""
    current = Markup(' aria-current="true"') if is_current else ""
    return Markup('<a class="hc-view{}" href="/?view={}" data-testid="{}"{}>{}<span>{}{}</span>{}</a>').format(
        " is-need is-unread" if waits else "", view.value, handles.FILTER + view.value, current, icon(icon_name, "s"),
        name, small, number,
    )  # fmt: skip


def heading(name: str, count: int | None) -> Markup:
    """The title of a list."""
    return Markup("{}<small>{}</small>").format(name, _number(count)) if count is not None else escape(name)


def _number(count: int | None) -> str:
    return "999+" if (count or 0) > 999 else str(count)
