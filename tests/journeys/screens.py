"""What people look at: an agent's desk and the demo phone, in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

NETWORK = re.compile(r"ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|WebSocket connection to")


def by(handle: str) -> str:
    """The selector of a handle."""
    return f"[data-testid={handle}]"


class Watch:
    """Notes every console error and page error of a page; the test fails with them."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.allows_network = False
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        is_network = bool(NETWORK.search(message.text))
        if message.type == "error" and not (is_network and self.allows_network):
            self.errors.append(f"console: {message.text[:400]}")


class Screen:
    """A page that is watched for errors."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base, self.watch = page, base, Watch(page)

    def at(self, handle: str) -> Locator:
        """The element with this handle."""
        return self.page.locator(by(handle))


class Desk(Screen):
    """An agent's browser window."""

    def sign_in(self, email: str, password: str) -> Desk:
        """Through the login page, to the inbox."""
        self.page.goto(self.base + "/login")
        self.try_password(email, password)
        self.page.wait_for_url(self.base + "/")
        return self.wait_until_live()

    def try_password(self, email: str, password: str) -> None:
        """Fill the form in and send it, once its socket is there."""
        self.page.wait_for_function("window.socket?.connected")
        self.at("login-email").fill(email)
        self.at("login-password").fill(password)
        self.at("login-submit").click()

    def go(self, path: str = "/") -> Desk:
        """Load an address."""
        self.page.goto(self.base + path)
        return self.wait_until_live()

    def wait_until_live(self) -> Desk:
        """The socket is connected, and the page has heard so."""
        self.page.wait_for_selector("body[data-connection=live]", state="attached")
        return self

    def row(self, name: str) -> Locator:
        """A guest's row in the list."""
        return self.at("conversation-row").filter(has_text=name)

    def open(self, name: str) -> Desk:
        """Click on a guest's row; that is no page load."""
        self.page.evaluate("window.stays = true")
        row = self.row(name).first
        conversation = row.get_attribute("data-conversation-id")
        row.click()
        self.page.wait_for_url(f"{self.base}/c/{conversation}")
        expect(self.at("composer")).to_have_attribute("data-conversation", conversation or "")
        assert self.page.evaluate("window.stays"), "the page was loaded anew"
        return self

    def message(self, text: str) -> Locator:
        """A bubble with these words."""
        return self.at("message").filter(has_text=text)

    def say(self, text: str) -> None:
        """Write a reply and press Enter."""
        self.at("composer").fill(text)
        self.at("composer").press("Enter")

    def note(self, text: str) -> None:
        """Write a private note and press Enter."""
        self.at("note-toggle").click()
        expect(self.page.locator(".hc-composer")).to_have_class(re.compile("is-note"))
        self.say(text)

    def view(self, name: str) -> Desk:
        """Go to a view of the list."""
        self.at(f"filter-{name}").click()
        expect(self.at(f"filter-{name}")).to_have_attribute("aria-current", "true")
        return self


class Phone(Screen):
    """The demo phone, on which one plays a guest."""

    def pick_up(self, guest: str = "sofia") -> Phone:
        """Play this guest."""
        self.page.goto(f"{self.base}/demo/phone?guest={guest}")
        self.page.wait_for_function("window.socket?.connected")
        return self

    def writes(self, text: str) -> None:
        """Send a message from the phone."""
        self.at("phone-input").fill(text)
        self.at("phone-send").click()
        expect(self.sent(text).last).to_be_visible()

    def sent(self, text: str) -> Locator:
        """What the guest wrote."""
        return self.page.locator(f"{by('phone-message')}[data-direction=in]").filter(has_text=text)

    def got(self, text: str = "") -> Locator:
        """What reached the guest."""
        return self.page.locator(f"{by('phone-message')}[data-direction=out]").filter(has_text=text)
