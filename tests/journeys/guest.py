"""A guest with a phone: writes through signed webhooks, as WhatsApp would deliver them."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import httpx

from hotelchat.channels import demo_phone

HOTEL_NUMBER = "+34600000100"
_NAMES = itertools.count(1)


class Account:
    """Whose webhooks HotelChat takes: a Twilio account, real or not."""

    def __init__(self, base: str, sid: str, token: str, number: str = HOTEL_NUMBER) -> None:
        self.base, self.sid, self.token, self.number = base, sid, token, number

    @classmethod
    def of_demo(cls, base: str, folder: Path) -> Account:
        """The account that the demo made for itself."""
        token = (folder / ".hotelchat-demo" / "demo_token").read_text().strip()
        return cls(base, "AC" + token[:32], token)


class Guest:
    """Somebody new, unless a name and a number are given."""

    def __init__(self, account: Account, name: str = "", phone: str = "") -> None:
        self.account = account
        self.name = name or f"Guest{next(_NAMES)} {random.choice('ABCDEFGH')}{random.randrange(10**6)}"
        self.phone = phone or f"+4479{random.randrange(10**8):08d}"

    def message(self, text: str) -> dict[str, str]:
        """The webhook's parameters for these words."""
        return demo_phone.text_message(self.account.sid, self.phone, self.account.number, text, self.name)

    def writes(self, text: str, base: str | None = None) -> None:
        """Send it, and be sure that it was stored. `base`: another process of the same installation."""
        response = self.post(self.message(text), base)
        assert response.status_code == 200, response.text

    def post(self, params: dict[str, str], base: str | None = None) -> httpx.Response:
        """Deliver a webhook; the signature covers the public address, wherever it is posted."""
        signature = demo_phone.sign(self.account.base + demo_phone.INBOUND_PATH, params, self.account.token)
        return httpx.post(
            (base or self.account.base) + demo_phone.INBOUND_PATH,
            data=params, headers={demo_phone.SIGNATURE_HEADER: signature}, timeout=15,
        )  # fmt: skip
