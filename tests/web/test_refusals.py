"""What the webhooks refuse: forged, malformed, too large; and what looks odd but is taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hotelchat.channels.demo_phone import INBOUND_PATH, SIGNATURE_HEADER, sign, text_message
from hotelchat.web import webhooks
from tests.desk import PUBLIC, TOKEN, FrontDesk, Someone
from tests.factories import ACCOUNT, OURS


def test_a_wrong_signature_is_refused_and_nothing_is_stored(front_desk: FrontDesk) -> None:
    ana = Someone("Ana", "+34600111222")
    form = text_message(ACCOUNT, ana.number, OURS, "Hello", "Ana")

    assert front_desk.post(INBOUND_PATH, form, token="somebody else's").status_code == 403
    assert front_desk.http.post(INBOUND_PATH, data=form).status_code == 403
    tampered = {SIGNATURE_HEADER: sign(PUBLIC + INBOUND_PATH, form, TOKEN)}
    assert front_desk.http.post(INBOUND_PATH, data=form | {"Body": "other"}, headers=tampered).status_code == 403
    assert front_desk.conversations_of(ana) == []


def test_the_address_a_proxy_sees_does_not_matter_only_the_public_one(front_desk: FrontDesk) -> None:
    form = text_message(ACCOUNT, "+34600111222", OURS, "Hello", "Ana")
    inside = {"Host": "10.0.0.7:8080", "X-Forwarded-Host": "evil.example.com"}

    assert front_desk.post(INBOUND_PATH, form, **inside).status_code == 200


def test_the_secondary_token_counts_while_tokens_are_rotated(front_desk: FrontDesk) -> None:
    ana = Someone("Ana", "+34600111222")
    form = text_message(ACCOUNT, ana.number, OURS, "Hello", "Ana")
    assert front_desk.post(INBOUND_PATH, form, token="the next one").status_code == 403

    front_desk.set(TWILIO_AUTH_TOKEN_SECONDARY="the next one")

    assert front_desk.post(INBOUND_PATH, form, token="the next one").status_code == 200
    assert front_desk.writes(ana, "And with the first one").status_code == 200


def test_the_query_of_the_address_is_signed_too(front_desk: FrontDesk) -> None:
    form = text_message(ACCOUNT, "+34600111222", OURS, "Hello", "Ana")
    path = INBOUND_PATH + "?hotel=lantern%20bay&empty="

    assert front_desk.post(path, form).status_code == 200
    without = {SIGNATURE_HEADER: sign(PUBLIC + INBOUND_PATH, form, TOKEN)}
    assert front_desk.http.post(path, data=form, headers=without).status_code == 403


def raw_post(desk: FrontDesk, body: bytes, path: str = INBOUND_PATH, **headers: str) -> Any:
    """A body as it is, signed for no parameters at all."""
    form = {"Content-Type": "application/x-www-form-urlencoded", SIGNATURE_HEADER: sign(PUBLIC + path, {}, TOKEN)}
    return desk.http.post(path, content=body, headers=form | headers)


def test_what_is_no_form_is_malformed(front_desk: FrontDesk) -> None:
    for body in [b"\xff\xfe\x00garbage", b"Body=%ED%A0%80", b"Body=%FF", b"a=1&" * 600]:
        assert raw_post(front_desk, body[:4000]).status_code == 400


def test_json_is_not_twilios_form(front_desk: FrontDesk) -> None:
    body = b'{"MessageSid": "SM1"}'
    answer = raw_post(front_desk, body, **{"Content-Type": "application/json"})

    assert answer.status_code in {400, 403}, "JSON has no parameters, so either no form or no fitting signature"


def test_a_signed_form_without_what_a_message_needs_is_malformed(front_desk: FrontDesk) -> None:
    for missing in ("MessageSid", "AccountSid", "From", "To"):
        form = text_message(ACCOUNT, "+34600111222", OURS, "Hello", "Ana")
        gone = {missing, "SmsMessageSid", "SmsSid"} if missing == "MessageSid" else {missing}

        answer = front_desk.post(INBOUND_PATH, {n: v for n, v in form.items() if n not in gone})

        assert answer.status_code == 400
        assert "missing" in answer.text


def test_a_body_larger_than_any_of_twilios_is_refused_by_its_declared_size(front_desk: FrontDesk) -> None:
    assert raw_post(front_desk, b"Body=" + b"x" * webhooks.LARGEST_BODY).status_code == 413


def test_and_by_its_real_size_when_it_is_streamed(front_desk: FrontDesk) -> None:
    read = 0

    def stream() -> Iterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield b"x" * 10_000

    headers = {"Content-Type": "application/x-www-form-urlencoded", SIGNATURE_HEADER: "x"}
    answer = front_desk.http.post(INBOUND_PATH, content=stream(), headers=headers)

    assert answer.status_code == 413
    assert "64 kB" in answer.text


def test_a_large_but_allowed_body_is_taken(front_desk: FrontDesk) -> None:
    ana = Someone("Ana", "+34600111222")

    assert front_desk.writes(ana, "x" * 4096, Future="y" * 50_000).status_code == 200
    assert len(front_desk.messages_of(ana)[0].text) == 4096


@pytest.mark.parametrize(("name", "value"), [("Body", "a\x00b"), ("ProfileName", "A\x00na"), ("New\x00Name", "x")])
def test_null_characters_do_not_lose_a_message(front_desk: FrontDesk, name: str, value: str) -> None:
    ana = Someone("Ana", "+34600111222")

    assert front_desk.writes(ana, "Hello", **{name: value}).status_code == 200
    assert len(front_desk.messages_of(ana)) == 1


def test_only_posts_are_taken_and_no_address_redirects(front_desk: FrontDesk) -> None:
    assert front_desk.http.get(INBOUND_PATH).status_code == 405
    slash = front_desk.http.post(INBOUND_PATH + "/", data={"a": "1"}, follow_redirects=False)
    assert slash.status_code in {403, 404}, "a redirect loses the parameters"


def test_without_a_channel_nothing_is_believed(front_desk: FrontDesk) -> None:
    front_desk.set(TWILIO_ACCOUNT_SID=None, TWILIO_AUTH_TOKEN=None, TWILIO_WHATSAPP_NUMBER=None)

    assert front_desk.writes(Someone("Ana", "+34600111222"), "Hello").status_code == 403
