"""Sign in: the password is checked over the websocket; the cookie comes with a one-time ticket."""

from __future__ import annotations

from urllib.parse import quote

import structlog
from nicegui import Client
from nicegui.events import GenericEventArguments
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from hotelchat import auth, settings
from pages import access, browser, handles, markup
from pages.layout import STYLES, put, shell

log = structlog.get_logger()
WRONG = "That e-mail and password do not belong together."
AWAY = "The desk cannot reach its database just now. Try again in a moment."


async def login_page(request: Request, client: Client) -> Response | None:
    """Whoever is signed in already goes to the inbox."""
    if await access.signed_in(request):
        return RedirectResponse("/", status_code=303)
    _Form(client).build()
    return None


class _Form:
    def __init__(self, client: Client) -> None:
        self._client, self._is_checking = client, False

    def build(self) -> None:
        with shell("div", class_="hc hc-login"):
            with shell("main"):
                shell("div", markup.inner(markup.brand()), class_="hc-brand")
                with shell("form", novalidate=True) as form:
                    shell("div", markup.inner(markup.greeting("Good to see you.", "Sign in to the desk.")))
                    self._field("E-mail", "email", "email", "username", handles.LOGIN_EMAIL)
                    self._password = self._field(
                        "Password", "password", "password", "current-password", handles.LOGIN_PASSWORD
                    )
                    shell(
                        "button",
                        markup.inner("Sign in"),
                        class_="hc-btn is-primary",
                        type="submit",
                        data_testid=handles.LOGIN_SUBMIT,
                    )
                    shell("p", markup.inner("Forgot it? Your manager can set a new one."), class_="hc-muted")
            with shell("div", class_="hc-art", aria_hidden="true"):
                shell("img", src=f"{STYLES}/night.svg", alt="")
        form.on("submit", self._submitted, js_handler=browser.SUBMIT_FORM)
        self._client.on_connect(lambda: self._client.run_javascript(browser.WATCH_CONNECTION))

    def _field(self, label: str, name: str, kind: str, autocomplete: str, handle: str) -> object:
        with shell("div", class_="hc-field") as field:
            shell("label", markup.inner(label), for_=f"login-{name}-field")
            shell(
                "input", class_="hc-input", type=kind, name=name, autocomplete=autocomplete, data_testid=handle,
                aria_label=label,
            )  # fmt: skip
            if kind == "password":
                self._error = shell(
                    "small", markup.inner(""), hidden=True, role="alert", data_testid=handles.LOGIN_ERROR
                )
        return field

    async def _submitted(self, event: GenericEventArguments) -> None:
        match event.args:
            case [str(email), str(password)] if not self._is_checking:
                self._is_checking = True
                try:
                    await self._check(email[:320], password[:1024])
                finally:
                    self._is_checking = False

    async def _check(self, email: str, password: str) -> None:
        try:
            ticket = await access.sign_in(email, password, access.browser_key_of(self._client.environ))
        except SQLAlchemyError as error:
            log.error("sign_in_unavailable", error=type(error).__name__)
            self._say(AWAY)
            return
        if ticket is None:
            self._say(WRONG)
            return
        self._client.run_javascript(browser.go(f"/login/enter?ticket={quote(ticket)}"))

    def _say(self, sentence: str) -> None:
        put(self._password, {"data-error": "true"})  # type: ignore[arg-type]
        put(self._error, {"hidden": False} | markup.inner(sentence))


async def enter(request: Request) -> Response:
    """Exchange the ticket for the session's cookie."""
    token = await access.enter(request.query_params.get("ticket", ""), request.cookies.get(access.LOGIN_COOKIE, ""))
    if token is None:
        return RedirectResponse("/login", status_code=303)
    response = RedirectResponse("/", status_code=303)
    response.delete_cookie(access.LOGIN_COOKIE, path="/")
    response.set_cookie(
        access.cookie_name(), token, max_age=access.COOKIE_SECONDS, path="/", httponly=True, samesite="lax",
        secure=settings.current().has_secure_cookies,
    )  # fmt: skip
    return response


async def leave(request: Request) -> Response:
    """Sign out by address: ends the session, here and in every open screen of it."""
    user = await access.signed_in(request)
    if user is not None:
        await access.sign_out(user.session_id)
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(access.cookie_name(), path="/")
    return response


def browser_cookie(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The header that gives a browser its key when it opens the sign-in page; tickets it is given are worthless
    elsewhere. A browser that has one keeps it: another tab may be signing in with it.
    """
    if scope["path"] != "/login" or access.LOGIN_COOKIE in Request(scope).cookies:
        return []
    secure = "; Secure" if settings.current().has_secure_cookies else ""
    cookie = f"{access.LOGIN_COOKIE}={auth.new_token()}; Path=/; Max-Age=86400; HttpOnly; SameSite=Strict{secure}"
    return [(b"set-cookie", cookie.encode())]
