"""The inbox: one page for `/` and `/c/{id}`; going from conversation to conversation is no page load."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec

from nicegui import Client, ui
from nicegui.events import GenericEventArguments
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hotelchat import clock, settings
from hotelchat.errors import NotFound
from hotelchat.models import Concierge, Status
from hotelchat.queries import inbox, thread
from hotelchat.queries.inbox import Counts
from hotelchat.queries.inbox_row import InboxRow
from hotelchat.queries.team import HotelFacts, SignedInUser
from hotelchat.queries.views import Selection, View
from hotelchat.services import conversations, deliveries, messages
from hotelchat.services import team as team_service
from pages import access, browser, handles, markup, reads, words
from pages.components import conversation_list
from pages.components.composer import Composer
from pages.components.conversation_head import ConversationHead
from pages.components.conversation_list import ConversationList
from pages.components.thread_view import ThreadView
from pages.components.view_column import ViewColumn
from pages.feeds import PAGE, ListFeed
from pages.layout import put, rail, shell
from pages.live import hub
from pages.session import SignedInScreen

P = ParamSpec("P")
START = View.ALL


async def inbox_page(request: Request, client: Client) -> Response | None:
    """Build the desk of whoever is signed in; everybody else signs in first."""
    user = await access.signed_in(request)
    if user is None:
        return RedirectResponse("/login", status_code=303)
    desk = Desk(client, user, access.token_of(request))
    await desk.build()
    await desk.arrive(request.path_params.get("conversation_id"), request.query_params.get("view", ""))
    return None


class Desk(SignedInScreen):
    """One agent's screen."""

    def __init__(self, client: Client, user: SignedInUser, token: str) -> None:
        super().__init__(client, user, token)
        self._view: View = START
        self._open_id: int | None = None
        self._row: InboxRow | None = None
        self._counts = Counts({})
        self._has_arrived = False
        self._waiting = 0  # as the tab says

    # building

    async def build(self) -> None:
        """Make the elements once; from then on they only change."""
        hotel = await hub().hotel(self.hotel_id)
        with shell("div", class_="hc"):
            with shell("div", class_="hc-desk", data_pane="list") as self._frame:
                self._inbox_place, _, leave = rail(self._user)
                self._views = ViewColumn(hotel, self.user_id, self._view)
                self._build_list()
                self._build_conversation(hotel)
                with shell(
                    "aside", class_="is-free", data_testid=handles.GUEST_PANEL, aria_label="Guest"
                ) as self._panel:
                    self._build_panel_head()
                    self._panel_body = shell("div", markup.inner(""), class_="hc-scroll")
                ui.sub_pages({"/": self._to_list, "/c/{conversation}": self._to_conversation}, show_404=False)
            self._notice = shell(
                "div", markup.inner(""), class_="hc-notice", role="alert", hidden=True, data_testid=handles.NOTICE
            )
        leave.on("click", self._sign_out)
        leave.on("keydown.enter", self._sign_out)
        self._client.on_connect(self._connected)
        self._client.on_delete(self._left)
        self.show_counts(await hub().counts_of(self.hotel_id))

    def _build_panel_head(self) -> None:
        with shell("header", class_="hc-head hc-narrow"):
            back = shell(
                "button", markup.inner(markup.icon("caret-left")), class_="hc-icon", type="button", aria_label="Back"
            )
            shell("h1", markup.inner("Guest"), class_="hc-display")
        back.on("click", self._toggle_panel)

    def _build_list(self) -> None:
        with shell("section", class_="hc-list", data_testid=handles.CONVERSATION_LIST, aria_label="Conversations"):
            self._title, views, search = conversation_list.head()
            self._list = ConversationList()
        search.on("input", self._search, js_handler=browser.EMIT_VALUE, throttle=0.3, leading_events=False)
        self._list.more.on("click", self._show_more)
        views.on("click", self._views.toggle)

    def _build_conversation(self, hotel: HotelFacts) -> None:
        with shell("main", class_="hc-conv"):
            shell("div", markup.inner(markup.connection_banners()))
            if warning := words.missing(hotel, settings.current()):
                shell("div", markup.inner(warning), class_="hc-banner", data_k="slow", role="status")
            self._empty = shell("div", markup.inner(""), class_="hc-empty")
            with shell("div", class_="is-free") as self._conversation:
                self._head = ConversationHead(
                    self.user_id, concierge=self._switch_concierge, take_over=self._take_over, assign=self._take_over,
                    resolve=self._resolve, reopen=self._reopen, guest=self._toggle_panel,
                )  # fmt: skip
                self._thread = ThreadView(on_retry=self._retry, on_older=self._show_older, on_row=self._show_row)
                self._composer = Composer(on_send=self._send)

    # where the agent goes

    async def arrive(self, conversation: str | None, view: str) -> None:
        """Show what the address asks for, within the page's first answer; later addresses come by the router."""
        if conversation is None:
            await self._go_to_list(view)
        else:
            await self._go_to_conversation(conversation)
        self._has_arrived = True

    def _to_list(self, view: str = "") -> Awaitable[None] | None:
        return self._go_to_list(view) if self._has_arrived else None

    def _to_conversation(self, conversation: str) -> Awaitable[None] | None:
        return self._go_to_conversation(conversation) if self._has_arrived else None

    async def _go_to_list(self, wanted: str) -> None:
        self._close()
        await self._show_view(View(wanted) if wanted in set(View) else self._view)

    async def _go_to_conversation(self, conversation: str) -> None:
        if self._list.feed is None:
            await self._show_view(self._view)
        wanted = int(conversation) if conversation.isdigit() and len(conversation) < 10 else 0
        if not await self.read(reads.opened, wanted):
            self._close()
            put(self._frame, {"data-pane": "conv"})
            put(self._empty, markup.inner(markup.nothing("Not here", str(NotFound("conversation")))))
            return
        feed = await hub().thread_feed(self.hotel_id, wanted)
        if feed.row is None:
            return
        self._open_id = wanted
        self._thread.bind(feed)
        put(self._frame, {"data-pane": "conv"})
        put(self._empty, {"class": "is-free"})
        put(self._conversation, {"class": "hc-conversation"})
        put(self._panel, {"class": "hc-panel"})
        self._composer.open(wanted, words.guest_name(feed.row))
        self._show_row()
        self._list.select(wanted)
        self._client.run_javascript(browser.composer_opened(wanted))

    def _toggle_panel(self) -> None:
        """The guest's panel, where the screen is too narrow for it: a drawer, on a phone a screen of its own."""
        is_open = self._panel.props["class"] == "hc-panel is-open"
        put(self._panel, {"class": "hc-panel" if is_open else "hc-panel is-open"})
        put(self._frame, {"data-pane": "conv" if is_open else "panel"})

    def _show_row(self) -> None:
        """The head, the composer and the panel of the open conversation, as they stand now."""
        feed = self._thread.feed
        if feed is None or feed.row is None or feed.conversation_id != self._open_id:
            return
        self._row = feed.row
        self._head.show(feed.row, feed.who)
        self._composer.show({"hidden": feed.row.status is Status.RESOLVED})
        put(self._panel_body, feed.panel)

    def _close(self) -> None:
        self._open_id, self._row = None, None
        self._thread.leave()
        self._list.select(None)
        put(self._frame, {"data-pane": "list"})
        put(self._conversation, {"class": "is-free"})
        put(self._panel, {"class": "is-free"})
        put(self._empty, {"class": "hc-empty"} | markup.inner(markup.nothing(*words.PICK_ONE)))

    async def _show_view(self, view: View, limit: int = PAGE) -> None:
        self._view = view
        selection = Selection(self.hotel_id, view, self.user_id if view is View.MINE else None)
        self._list.bind(await hub().list_feed(selection, limit))
        self._views.select(view)
        put(self._title, conversation_list.heading(view, self._count_of(view)))

    # what the agent does

    async def _send(self, conversation_id: int, text: str, key: str, is_note: bool) -> None:
        work = messages.add_note if is_note else messages.reply
        if await self.do(work, conversation_id, self.user_id, text, key):
            self._client.run_javascript(browser.composer_sent(key))
        else:
            self._client.run_javascript(browser.composer_refused(key))

    async def _switch_concierge(self) -> None:
        if self._row is not None:
            state = Concierge.OFF if self._row.concierge is Concierge.ON else Concierge.ON
            await self.do(conversations.set_concierge, self._row.id, state)

    async def _take_over(self) -> None:
        if self._open_id is not None:
            await self.do(conversations.take_over, self._open_id, self.user_id)

    async def _resolve(self) -> None:
        if self._open_id is not None:
            await self.do(conversations.resolve, self._open_id)

    async def _reopen(self) -> None:
        if self._open_id is not None:
            await self.do(conversations.reopen, self._open_id, self.user_id)

    async def _retry(self, message_id: int) -> None:
        await self.do(deliveries.retry, message_id)

    async def _show_more(self) -> None:
        await self._show_view(self._view, self._list.limit + PAGE)

    async def _show_older(self) -> None:
        if self._open_id is None or self._thread.oldest is None:
            return
        older = await self.read(thread.newest, self._open_id, PAGE, self._thread.oldest)
        if older is not None:
            slots = markup.bubbles(older, clock.now(), await hub().zone(self.hotel_id), None)
            oldest = older[0].id if older else self._thread.oldest
            self._thread.show_older(markup.joined(slots), oldest, has_more=len(older) == PAGE)

    async def _search(self, event: GenericEventArguments) -> None:
        wanted = str(event.args).strip()[:80]
        if not wanted:
            await self._show_view(self._view)
            return
        found = await self.read(inbox.search, self.hotel_id, wanted)
        feed = ListFeed(Selection(self.hotel_id, View.ALL), PAGE, await hub().zone(self.hotel_id))
        feed.load((found or [])[: PAGE - 1])
        hub().found.append(feed)
        self._list.bind(feed)
        put(self._title, markup.inner(markup.heading("Found", len(found or []))))

    async def _sign_out(self) -> None:
        await self.do(team_service.sign_out, self.session_id)
        self.sign_out()

    # what happens elsewhere

    def show_counts(self, counts: Counts) -> None:
        """New numbers for the column of views, the rail and the tab."""
        self._counts = counts
        self._views.show(counts)
        waiting = counts.of(View.NEEDS_HUMAN, self.user_id)
        put(self._inbox_place, {"data-n": str(waiting) if waiting else None})
        if waiting != self._waiting:
            self._waiting = waiting
            self._client.run_javascript(browser.title(f"({waiting}) HotelChat" if waiting else "HotelChat"))
        put(self._title, conversation_list.heading(self._view, self._count_of(self._view)))

    def sign_out(self) -> None:
        """The session has ended: leave."""
        hub().screens.discard(self)
        super().sign_out()

    def _count_of(self, view: View) -> int | None:
        return None if view is View.RESOLVED else self._counts.of(view, self.user_id)

    async def _connected(self) -> None:
        """The browser is there (again): join first, catch up second."""
        hub().screens.add(self)
        self._client.run_javascript(browser.WATCH_CONNECTION)
        if not await self.look_at_session():
            return
        self._list.catch_up()
        self._thread.catch_up()
        self.show_counts(await hub().counts_of(self.hotel_id))

    def _left(self) -> None:
        hub().screens.discard(self)
        self._list.leave()
        self._thread.leave()

    def say(self, sentence: str) -> None:
        """At the foot of the screen, until the next thing goes well."""
        put(self._notice, {"hidden": False} | markup.inner(sentence))

    async def do(self, work: Callable[Concatenate[Session, P], object], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Do it, or say why not; what goes well takes the last complaint away."""
        is_done = await super().do(work, *args, **kwargs)
        if is_done:
            put(self._notice, {"hidden": True})
        return is_done
