"""One browser for all journeys, programs that several of them share, and windows that end with their test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg2
import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from hotelchat.embedded import EmbeddedServers
from tests.journeys.guest import Account, Guest
from tests.journeys.production import Production
from tests.journeys.program import Program, command, free_port, new_folder, remove
from tests.journeys.screens import Desk, Phone, Screen
from tests.journeys.stand_ins import StandIns

ARGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PASSWORD = "lantern-bay"
HOUSE_PASSWORD = "quiet-harbour"
WIDE = {"width": 1440, "height": 900}
expect.set_options(timeout=12_000)


def chromium() -> str:
    """Where Chromium stands; these tests never pass without one."""
    wanted = os.environ.get("HOTELCHAT_CHROMIUM")
    found = wanted or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        pytest.fail("The journeys need a browser. Install it: apt-get install chromium (or set HOTELCHAT_CHROMIUM).")
    return found


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium; only as long as journeys run, since Playwright keeps an event loop in this thread."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=ARGS)
        yield launched
        launched.close()


class Windows:
    """Opens browser windows, and closes them; what they complained about fails the test."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._cookies: dict[tuple[str, str], list[dict[str, object]]] = {}
        self._open: list[Screen] = []

    def context(self, **options: object) -> BrowserContext:
        """A browser of somebody's own."""
        context = self._browser.new_context(**{"viewport": WIDE, **options})  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        return context

    def desk(self, base: str, context: BrowserContext | None = None, **options: object) -> Desk:
        """A window that is not signed in."""
        return self._kept(Desk((context or self.context(**options)).new_page(), base))

    def agent(self, base: str, email: str, password: str, path: str = "/", **options: object) -> Desk:
        """A window of a signed-in agent; the form is filled in once for each agent."""
        desk = self.desk(base, **options)
        if (base, email) not in self._cookies:
            desk.sign_in(email, password)
            self._cookies[base, email] = list(desk.page.context.cookies())  # type: ignore[arg-type]
        desk.page.context.add_cookies(self._cookies[base, email])  # type: ignore[arg-type]
        return desk.go(path)

    def phone(self, base: str, guest: str = "sofia", **options: object) -> Phone:
        """The demo phone."""
        return self._kept(Phone(self.context(**options).new_page(), base)).pick_up(guest)

    def _kept(self, screen: Screen) -> Screen:  # type: ignore[type-var]
        self._open.append(screen)
        return screen

    def close(self) -> None:
        """The test is over."""
        opened, self._open = self._open, []
        for screen in opened:
            screen.page.context.close()
        errors = [error for screen in opened for error in screen.watch.errors]
        assert not errors, errors


@pytest.fixture(scope="package")
def all_windows(browser: Browser) -> Windows:
    """Windows whose agents stay signed in from test to test."""
    return Windows(browser)


@pytest.fixture
def windows(all_windows: Windows) -> Iterator[Windows]:
    """Windows of one test."""
    yield all_windows
    all_windows.close()


@pytest.fixture(scope="package")
def demo() -> Iterator[Program]:
    """`python main.py demo`."""
    folder = new_folder()
    program = Program(folder, "demo")
    try:
        program.wait_until_ready()
        yield program
    finally:
        program.stop()
        remove(folder)


@pytest.fixture(scope="package")
def demo_account(demo: Program) -> Account:
    """The demo's own Twilio account."""
    return Account.of_demo(demo.base, demo.folder)


@pytest.fixture
def new_guest(demo_account: Account) -> Callable[[], Guest]:
    """Somebody who has never written to the demo's hotel."""
    return lambda: Guest(demo_account)


@pytest.fixture
def lena(windows: Windows, demo: Program) -> Desk:
    """Lena's desk in the demo."""
    return windows.agent(demo.base, "lena@lanternbay.example", PASSWORD)


@pytest.fixture
def tomas(windows: Windows, demo: Program) -> Desk:
    """Tomás's desk in the demo."""
    return windows.agent(demo.base, "tomas@lanternbay.example", PASSWORD)


@pytest.fixture(scope="package")
def stand_ins() -> Iterator[StandIns]:
    """Twilio and OpenAI, as foreign programs would play them."""
    with StandIns() as running:
        yield running


@pytest.fixture(scope="package")
def production(stand_ins: StandIns) -> Iterator[Production]:
    """Web, workers, PostgreSQL and Redis apart; Twilio and OpenAI foreign."""
    running = Production(stand_ins)
    yield running
    running.stop()


class House:
    """`python main.py` without a demo: embedded servers, and two web processes that share them."""

    def __init__(self, stand_ins: StandIns) -> None:
        self.folder, self._stack = new_folder(), ExitStack()
        first = free_port()
        self.settings = {
            "HOTELCHAT_DATA_DIR": str(self.folder / "data"),
            "ADMIN_EMAIL": "ada@house.example",
            "ADMIN_PASSWORD": HOUSE_PASSWORD,
            "PUBLIC_BASE_URL": f"http://127.0.0.1:{first}",
            **stand_ins.twilio_settings(),
        }
        try:
            self.first = Program(self.folder, **self.settings, PORT=str(first))
            self._stack.callback(remove, self.folder)
            self._stack.callback(self.first.stop)
            self.first.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        self.account = Account(self.first.base, stand_ins.account_sid, stand_ins.auth_token)

    def main(self, *arguments: str, given: str = "") -> str:
        """Run a command on this house; it must go well."""
        done = command(self.folder, *arguments, given=given, **self.settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_agent(self, email: str, hotel: str = "hotel") -> str:
        """Let somebody sign in.

        Returns: their password.
        """
        self.main(
            "user", "add", email, "--name", email.partition("@")[0].title(), "--role", "agent", "--hotel", hotel,
            "--password-stdin", given=HOUSE_PASSWORD,
        )  # fmt: skip
        return HOUSE_PASSWORD

    def start_second(self) -> Program:
        """Another `main.py` on the same data folder."""
        port = free_port()
        program = Program(self.folder, **self.settings, PORT=str(port))
        self._stack.callback(program.stop)
        program.wait_until_ready()
        return program

    def database(self) -> psycopg2.extensions.connection:
        """A connection to its embedded PostgreSQL."""
        return connected(EmbeddedServers(self.folder / "data").postgres())

    def redis_url(self) -> str:
        """Where its embedded Redis listens."""
        return EmbeddedServers(self.folder / "data").redis()

    def stop(self) -> None:
        """Everything that was started here."""
        self._stack.close()


@pytest.fixture(scope="package")
def house(stand_ins: StandIns) -> Iterator[House]:
    """A hotel's own installation, without a model behind the concierge."""
    running = House(stand_ins)
    yield running
    running.stop()


@pytest.fixture(scope="package")
def second(house: House) -> Program:
    """Another `main.py` on the data folder of the house."""
    return house.start_second()


@pytest.fixture
def agents_of_house(house: House, windows: Windows) -> Callable[..., Desk]:
    """The desk of the admin of the house."""
    return lambda base=None, path="/": windows.agent(
        base or house.first.base, "ada@house.example", HOUSE_PASSWORD, path
    )


def connected(url: str) -> psycopg2.extensions.connection:
    """A connection that sees everything at once."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection


@pytest.fixture
def demo_database(demo: Program) -> Iterator[psycopg2.extensions.connection]:
    """A connection to the demo's PostgreSQL."""
    connection = connected(EmbeddedServers(Path(demo.folder) / ".hotelchat-demo").postgres())
    yield connection
    connection.close()
