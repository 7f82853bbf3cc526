"""The log of a whole walk: ids to follow it by, and nothing that a stranger may not read."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from tests.journeys.conftest import PASSWORD, Windows
from tests.journeys.guest import Account, Guest
from tests.journeys.production import ADMIN, Burst, Production
from tests.journeys.production import PASSWORD as PRODUCTION_PASSWORD
from tests.journeys.program import Program
from tests.journeys.stand_ins import StandIns
from tests.journeys.waiting import until

SECRET = re.compile(r"Zanzibarquartz|Quillfeather|Umbrellaplum|Marmaladefox|Wrongpasswordtyped", re.IGNORECASE)


def test_the_log_of_a_walk_has_ids_and_no_words(windows: Windows, demo: Program, demo_account: Account) -> None:
    guest = Guest(demo_account, name="Quillfeather")
    desk = windows.desk(demo.base).sign_in("lena@lanternbay.example", PASSWORD)
    other = windows.desk(demo.base)
    other.page.goto(demo.base + "/login")
    other.try_password("lena@lanternbay.example", "Wrongpasswordtyped")
    expect(other.at("login-error")).to_be_visible()
    guest.writes("Could I speak to someone about my Zanzibarquartz, please?")
    expect(desk.row("Quillfeather")).to_have_attribute("data-edge", "need", timeout=20_000)
    desk.open("Quillfeather")
    desk.at("search").fill("Quillfeather")
    desk.note("Umbrellaplum")
    desk.page.reload()
    desk.wait_until_live()
    desk.say("Marmaladefox")
    expect(desk.message("Marmaladefox")).to_have_attribute("data-status", "delivered")
    conversation = int(desk.page.url.rpartition("/")[2])
    guest.post(guest.message("Forged Zanzibarquartz") | {"Body": "changed", "From": "whatsapp:+15550001111"})
    desk.at("sign-out").click()
    desk.page.wait_for_url("**/login")

    ours = [line for line in demo.lines() if line.get("conversation_id") == conversation]
    events = {line["event"] for line in ours}
    assert {"message_received", "concierge_answered", "message_sent"} <= events, events
    assert all(line.get("request_id") for line in ours if line["event"] == "message_received")
    assert all(line.get("job_id") for line in ours if line["event"] in ("concierge_answered", "message_sent"))
    nothing_private(demo, [guest.phone, demo_account.token])


def test_nor_has_the_log_of_production_with_its_keys_and_faults(
    production: Production, stand_ins: StandIns, windows: Windows
) -> None:
    burst = Burst(production, guests=2, each=2)
    burst.send(0.5)
    burst.check()
    desk = windows.desk(production.web.base).sign_in(ADMIN, PRODUCTION_PASSWORD)
    expect(desk.row(burst.guests[0].name)).to_be_visible()

    secrets = [
        PRODUCTION_PASSWORD, stand_ins.auth_token, stand_ins.api_key, "k" * 48,
        *(guest.phone for guest in burst.guests),
        *re.findall(r":([^:@/]+)@", production.database_url + " " + production.redis_url),
        *(guest.name for guest in burst.guests), "Question #",
    ]  # fmt: skip
    for program in (production.web, production.worker):
        nothing_private(program, secrets)


def nothing_private(program: Program, secrets: list[str]) -> None:
    """No secret, no phone number, no words; and each line is JSON with a name."""
    said = until(program.said)
    lines = [line for line in said.splitlines() if line.startswith("{")]
    assert len(lines) > 5
    for line in lines:
        assert json.loads(line)["event"] and json.loads(line)["level"], line
        assert not SECRET.search(line), line
        assert not re.search(r"\+\d{7,}", line), line
        for secret in secrets:
            assert secret not in line and secret.removeprefix("+") not in line, line
    assert not [line for line in lines if json.loads(line)["level"] in ("error", "critical")], "errors in a good walk"
