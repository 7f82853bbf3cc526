"""The web app: webhooks and health on the parent, NiceGUI's screens on top, made lean as ENGINE.md measured it."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import socketio.packet
import structlog
import uvicorn
from fastapi import FastAPI
from nicegui import core, ui
from starlette.requests import Request
from starlette.routing import Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hotelchat import db, live, settings
from hotelchat.settings import Settings
from hotelchat.web import health, webhooks
from pages import layout, login
from pages.inbox import inbox_page
from pages.live import hub

log = structlog.get_logger()
SWITCH_SECONDS: Final = 0.0005  # the loop waits no longer for a thread to hand over; 5 ms would be felt on screens
PING_SECONDS: Final = 10  # a browser that vanished is noticed after 15 s
HEADERS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
        b" img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none';"
        b" base-uri 'self'; frame-ancestors 'none'; form-action 'self'",
    ),
]
loop_lag_seconds = 0.0  # the longest of late; for readers of the metrics


def build(extend: Callable[[FastAPI], None] | None = None) -> FastAPI:
    """The whole app of one web process; `extend` adds what only the demo has."""
    current = settings.current()
    app = FastAPI(lifespan=_lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(health.router)
    app.add_api_route("/login/enter", login.enter, include_in_schema=False)
    app.add_api_route("/logout", login.leave, include_in_schema=False)
    app.mount(layout.STYLES, _Immutable(directory=layout.ASSETS))
    if extend is not None:
        extend(app)
    ui.page("/login", title="Sign in · HotelChat")(login.login_page)
    ui.page("/")(inbox_page)
    ui.page("/c/{conversation_id}")(inbox_page)
    ui.add_head_html(layout.HEAD, shared=True)
    ui.run_with(
        app,
        title="HotelChat",
        viewport="width=device-width, initial-scale=1, viewport-fit=cover",
        dark=None,
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=60,
        message_history_length=300,
        gzip_middleware_factory=None,
        show_welcome_message=False,
    )
    core.sio.eio.cors_allowed_origins = _origins(current)
    core.sio.packet_class = _TextPacket
    return app


def run() -> None:
    """Where the web process begins."""
    serve(build())


def serve(app: FastAPI) -> None:
    """Listen until SIGTERM."""
    sys.setswitchinterval(SWITCH_SECONDS)
    _tame_the_collector()
    current = settings.current()
    proxies = current.trusted_proxies
    uvicorn.run(
        Edge(app),
        host=current.host,
        port=current.port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=1 << 20,
        log_config=None,
        access_log=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies or None,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def _tame_the_collector() -> None:
    """What is loaded now stays for ever: a full collection that looks through it, and through every screen, freezes
    all screens for tenths of a second. Young garbage is still collected often, old garbage seldom.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    core.sio.eio.ping_interval, core.sio.eio.ping_timeout = PING_SECONDS, PING_SECONDS / 2
    webhooks.start(settings.current().database_pool)
    hub().start()
    lag = asyncio.create_task(_watch_loop())
    log.info("web_started", port=settings.current().port)
    yield
    lag.cancel()
    hub().stop()
    await asyncio.to_thread(live.courier().flush)
    db.engine().dispose()
    log.info("web_stopped")


async def _watch_loop() -> None:
    """How late the loop is: what blocks it freezes every screen."""
    global loop_lag_seconds
    while True:
        started = time.perf_counter()
        await asyncio.sleep(0.25)
        late = time.perf_counter() - started - 0.25
        loop_lag_seconds = max(late, loop_lag_seconds * 0.98)
        if late > 0.5:
            log.warning("loop_blocked", seconds=round(late, 3))


def _origins(current: Settings) -> list[str]:
    """Whose pages may open our socket: this address, and in development the machine's other names for it."""
    parts = urlsplit(current.public_base_url)
    origins = [f"{parts.scheme}://{parts.netloc}"]
    if not current.is_production:
        origins += [f"http://{name}:{current.port}" for name in ("127.0.0.1", "localhost", "[::1]", current.host)]
    return list(dict.fromkeys(origins))


class _TextPacket(socketio.packet.Packet):  # type: ignore[misc]
    """Updates hold no bytes: do not search each of them for some, which is a tenth of what an update costs."""

    uses_binary_events = False


class _Immutable(StaticFiles):
    """Files whose address changes with their content: browsers keep them."""

    def file_response(self, *args: Any, **kwargs: Any) -> Any:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


class Edge:
    """The outermost layer, plain ASGI: security headers, a request id on every log line, and a straight way in for
    webhooks, which need none of the layers in between.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app  # NiceGUI looks for the app behind its wrappers under this name
        self._webhooks = Router(routes=webhooks.ROUTES, redirect_slashes=False)  # a redirect loses the form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or everything else as it is."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=uuid4().hex[:12])
        if scope["path"] == webhooks.INBOUND and scope["method"] == "POST":  # the hot path, past all routing
            response = await webhooks.whatsapp_message(Request(scope, receive))
            await response(scope, receive, send)
            return
        if scope["path"].startswith("/webhooks/"):
            await self._webhooks(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS, *login.browser_cookie(scope)]
            await send(message)

        await self.app(scope, receive, with_headers)
