"""The head of a conversation and the guest panel."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from markupsafe import Markup

from hotelchat.queries.guest_panel import GuestFacts
from hotelchat.queries.inbox_row import InboxRow
from pages import words
from pages.markup.rows import WINDOW_NEAR_SECONDS


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


def connection_banners() -> Markup:
    """What the browser shows by itself while it is not connected; CSS chooses which."""
    banner = Markup('<div class="hc-banner is-connection {}" data-k="{}" role="status"><p>{}</p></div>')
    return banner.format("is-slow", "slow", words.SLOW) + banner.format("is-bad", "bad", words.OFFLINE)


def panel(row: InboxRow, guest: GuestFacts | None, zone: ZoneInfo) -> Markup:
    """The guest panel: who this is, who has it, what was before."""
    name = words.guest_name(row)
    addresses = ", ".join(value for _, value in guest.addresses) if guest else ""
    language = words.LANGUAGES.get(row.guest_language or "", row.guest_language)
    chips = (
        Markup('<div class="hc-chips"><span class="hc-chip" data-k="lang">{}</span></div>').format(language)
        if language
        else ""
    )
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
    return Markup('<details class="hc-sec" open><summary>Handling</summary><dl class="hc-dl">{}</dl></details>').format(
        lines
    )


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
