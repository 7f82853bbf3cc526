"""The head of a conversation: whose it is, and what one may do with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui.element import Element

from hotelchat.models import Concierge, Status
from hotelchat.queries.inbox import handled_by_concierge
from hotelchat.queries.inbox_row import InboxRow
from pages import handles, markup, words
from pages.layout import put, shell
from pages.markup import Props

Act = Callable[[], Awaitable[None]]


class ConversationHead:
    """Name, concierge switch, assign, resolve; and under them at most one banner."""

    def __init__(
        self,
        user_id: int,
        *,
        concierge: Act,
        take_over: Act,
        assign: Act,
        resolve: Act,
        reopen: Act,
        guest: Callable[[], None],
    ) -> None:
        self._user_id = user_id
        self._shown: tuple[object, ...] = ()
        self._build_head()
        self._build_banner()
        self._guest.on("click", guest)
        for element, act in (
            (self._switch, concierge), (self._assign, assign), (self._resolve, resolve), (self._reopen, reopen),
            (self._take_over, take_over),
        ):  # fmt: skip
            element.on("click", act)

    def _build_head(self) -> None:
        with shell("header", class_="hc-head"):
            shell(
                "a", markup.inner(markup.icon("caret-left")), class_="hc-icon hc-only-s", href="/",
                aria_label="Back to the list",
            )  # fmt: skip
            self._who = shell("div", markup.inner(""), class_="hc-who-is")
            self._switch = _button(handles.AI_TOGGLE, markup.inner(""), "hc-switch", data_state="on")
            self._assign = _button(
                handles.ASSIGN, markup.inner(markup.icon("user-plus")), "hc-icon", aria_label="Assign to me",
                title="Assign to me",
            )  # fmt: skip
            self._guest = _button(
                None, markup.inner(markup.icon("user")), "hc-icon hc-narrow", aria_label="Guest", title="Guest"
            )
            self._resolve = _button(handles.RESOLVE, markup.tab("check", "Resolve"), "hc-btn s")
            self._reopen = _button(handles.REOPEN, markup.tab("arrow-clockwise", "Reopen"), "is-free")

    def _build_banner(self) -> None:
        with shell("div", class_="is-free", role="status") as self._banner:
            self._banner_text = shell("p", markup.inner(""))
            self._take_over = _button(handles.TAKE_OVER, markup.inner("Take over"), "hc-btn s")

    def show(self, row: InboxRow, who: Props) -> None:
        """The conversation as it stands now; `who` is rendered once for all screens."""
        state = (
            row.status, row.concierge, row.assignee_id, row.needs_human, row.reason, row.handoff_summary,
            row.assignee_name, tuple(who.values()),
        )  # fmt: skip
        if state == self._shown:
            return
        self._shown = state
        is_open = row.status is not Status.RESOLVED
        is_mine = row.assignee_id == self._user_id
        put(self._who, who)
        put(
            self._switch,
            {"class": "hc-switch" if is_open else "is-free", "data-state": row.concierge.value, "title": _tip(row)}
            | markup.inner(words.CONCIERGE[row.concierge]),
        )
        put(self._assign, {"class": "hc-icon" if is_open and not is_mine else "is-free"})
        put(self._resolve, {"class": "hc-btn s" if is_open else "is-free"})
        put(self._reopen, {"class": "is-free" if is_open else "hc-btn s"})
        self._show_banner(row, is_open=is_open, is_mine=is_mine)

    def _show_banner(self, row: InboxRow, *, is_open: bool, is_mine: bool) -> None:
        kind, sentence = _banner(row, is_mine=is_mine)
        is_shown = bool(sentence) and is_open
        put(self._banner, {"class": "hc-banner" if is_shown else "is-free", "data-k": kind})
        put(self._banner_text, markup.inner(sentence))
        put(self._take_over, {"class": "hc-btn s" if not is_mine else "is-free"})


def _button(handle: str | None, content: Props, classes: str, **more: str) -> Element:
    return shell("button", content, class_=classes, type="button", data_testid=handle, **more)


def _tip(row: InboxRow) -> str:
    if row.concierge is Concierge.ON:
        return "The concierge answers here. Switch it off to answer yourself."
    return "Switch the concierge on: it answers again from here."


def _banner(row: InboxRow, *, is_mine: bool) -> tuple[str | None, str]:
    """At most one, the most urgent: its kind and its sentence."""
    if row.needs_human:
        reason = words.REASONS[row.reason] if row.reason else "Needs a person"
        return "bad", f"{reason}. {row.handoff_summary or 'The guest waits for an answer.'}"
    if is_mine:
        return None, ""
    if row.assignee_name:
        return None, f"{row.assignee_name} has this conversation."
    if handled_by_concierge(row):
        return "ai", "The concierge is answering this guest."
    return None, "Nobody has this conversation."
