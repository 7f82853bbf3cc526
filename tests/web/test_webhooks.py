"""Twilio's webhooks over HTTP: 200 only for what is durable, and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg2
import pytest
from twilio.request_validator import RequestValidator

from hotelchat.channels.demo_phone import INBOUND_PATH, SIGNATURE_HEADER, new_sid, sign, text_message
from hotelchat.models import Delivery
from hotelchat.services import conversations, deliveries, messages
from hotelchat.web import webhooks
from tests.bodies import BODIES
from tests.desk import PUBLIC, TOKEN, FrontDesk, Someone
from tests.factories import ACCOUNT, OURS

EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def test_a_guests_message_is_stored_and_answered_with_empty_twiml(front_desk: FrontDesk) -> None:
    ana = Someone("Ana", "+34600111222")

    answer = front_desk.writes(ana, "¿A qué hora es el desayuno? 🌴 & más")

    assert (answer.status_code, answer.text) == (200, EMPTY)
    assert answer.headers["content-type"].split(";")[0] == "text/xml"
    [message] = front_desk.messages_of(ana)
    assert message.text == "¿A qué hora es el desayuno? 🌴 & más"
    assert front_desk.rung() == [f"answer_guest({message.conversation_id})"]


def test_what_twilios_own_sdk_has_signed_passes(front_desk: FrontDesk) -> None:
    form = text_message(ACCOUNT, "+34600111222", OURS, "Hello", "Ana")
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + INBOUND_PATH, form)

    assert front_desk.http.post(INBOUND_PATH, data=form, headers={SIGNATURE_HEADER: signature}).status_code == 200


def test_every_kind_is_stored_whole(front_desk: FrontDesk) -> None:
    for name, body in BODIES.items():
        number = body["form"]["From"].removeprefix("whatsapp:")
        form = body["form"] | {"MessageSid": new_sid("SM")}

        assert front_desk.post(INBOUND_PATH, form).status_code == 200, name

        message = front_desk.messages_of(Someone("Ana", number))[-1]
        assert message.raw == form, f"{name}: empty values and parameters nobody knows are kept"
        assert (message.kind, message.text) == (body["kind"], body["text"]), name
        assert front_desk.conversation_of(Someone("Ana", number)).last_text == body["shown"], name


def test_a_message_that_is_delivered_twice_is_one_message(front_desk: FrontDesk) -> None:
    ana, sid = front_desk.guest("Ana", writes="Hello"), new_sid("SM")

    codes = [front_desk.writes(ana, "Is breakfast included?", sid).status_code for _ in range(3)]

    assert codes == [200, 200, 200]
    assert [m.text for m in front_desk.messages_of(ana)] == ["Hello", "Is breakfast included?"]


def test_twenty_webhooks_at_once_store_each_message_once_and_in_one_conversation(front_desk: FrontDesk) -> None:
    ana, front = Someone("Ana", "+34600111222"), front_desk.http
    sids = [new_sid("SM") for _ in range(10)]
    gate = threading.Barrier(8)

    def deliver(sid: str) -> int:
        if sids.index(sid) < 4:
            gate.wait(5)
        form = text_message(ACCOUNT, ana.number, OURS, sid, ana.name, sid)
        return front.post(INBOUND_PATH, data=form, headers={SIGNATURE_HEADER: sign(PUBLIC + INBOUND_PATH, form, TOKEN)}).status_code

    with ThreadPoolExecutor(20) as threads:
        codes = list(threads.map(deliver, sids + sids))

    assert codes == [200] * 20
    assert sorted(m.text for m in front_desk.messages_of(ana)) == sorted(sids)
    assert len(front_desk.conversations_of(ana)) == 1
    assert front_desk.conversation_of(ana).unread == 10


def test_twilios_idempotency_token_is_kept_for_tracing(front_desk: FrontDesk) -> None:
    ana = Someone("Ana", "+34600111222")
    form = text_message(ACCOUNT, ana.number, OURS, "Hello", "Ana")

    front_desk.post(INBOUND_PATH, form, **{"I-Twilio-Idempotency-Token": "abc"})

    assert front_desk.messages_of(ana)[0].raw["I-Twilio-Idempotency-Token"] == "abc"


def test_a_message_to_a_number_nobody_has_goes_to_the_first_hotel(front_desk: FrontDesk) -> None:
    ana = Someone("Ana", "+34600111222")

    assert front_desk.writes(ana, "Hello", To="whatsapp:+14155238886").status_code == 200

    conversation = front_desk.conversation_of(ana)
    assert (conversation.hotel_id, conversation.sender) == (front_desk.hotel_id, "whatsapp:+14155238886")


# What is refused


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


@pytest.mark.parametrize("body", [b"\xff\xfe\x00garbage", b"Body=%ED%A0%80", b"Body=%FF", b"a=1&" * 600], ids=str)
def test_what_is_no_form_is_malformed(front_desk: FrontDesk, body: bytes) -> None:
    assert raw_post(front_desk, body[:4000]).status_code == 400


def test_json_is_not_twilios_form(front_desk: FrontDesk) -> None:
    body = b'{"MessageSid": "SM1"}'
    answer = raw_post(front_desk, body, **{"Content-Type": "application/json"})

    assert answer.status_code in {400, 403}, "JSON has no parameters, so either no form or no fitting signature"


@pytest.mark.parametrize("missing", ["MessageSid", "AccountSid", "From", "To"])
def test_a_signed_form_without_what_a_message_needs_is_malformed(front_desk: FrontDesk, missing: str) -> None:
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


# While the database is away


@contextmanager
def away(url: str) -> Iterator[None]:
    """PostgreSQL lets nobody into this database, and throws out who is there."""
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    admin = psycopg2.connect(parts._replace(scheme="postgresql", path="/postgres").geturl())
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    admin.close()


def test_while_the_database_is_away_twilio_is_told_so_and_nothing_is_lost(
    front_desk: FrontDesk, database_url: str
) -> None:
    ana, sids = front_desk.guest("Ana", writes="Hello"), [new_sid("SM") for _ in range(4)]
    with away(database_url):
        during = [front_desk.writes(ana, sid, sid).status_code for sid in sids]
        assert front_desk.http.get("/readyz").status_code == 503
        assert front_desk.http.get("/healthz").status_code == 200
    again = [front_desk.writes(ana, sid, sid).status_code for sid in sids]

    assert (during, again) == ([503] * 4, [200] * 4)
    assert [m.text for m in front_desk.messages_of(ana)] == ["Hello", *sids]


def test_a_status_while_the_database_is_away_is_not_lost_either(front_desk: FrontDesk, database_url: str) -> None:
    message_id = sent(front_desk)
    with away(database_url):
        assert front_desk.callback(message_id, "read", "SM1").status_code == 503
    assert front_desk.callback(message_id, "read", "SM1").status_code == 200
    assert front_desk.events_of(message_id) == ["read"]


# Status callbacks


def sent(desk: FrontDesk) -> int:
    ana = desk.guest("Ana", writes="Hello")
    conversation = desk.conversation_of(ana).id
    message_id = desk.do(messages.reply, conversation, desk.agent(), "Hello!", "draft")
    desk.do(deliveries.claim, conversation)
    return message_id


def test_callbacks_move_the_message_forward_and_are_kept(front_desk: FrontDesk) -> None:
    message_id = sent(front_desk)

    for word in ("sent", "read", "delivered", "read"):
        answer = front_desk.callback(message_id, word, "SM1")
        assert (answer.status_code, answer.text) == (200, EMPTY)

    assert front_desk.events_of(message_id) == ["sent", "read", "delivered"]
    with_status = front_desk.do(lambda session: session.get_one(messages.Message, message_id).delivery)
    assert with_status is Delivery.READ


def test_why_a_message_failed_is_kept(front_desk: FrontDesk) -> None:
    message_id = sent(front_desk)

    front_desk.callback(message_id, "undelivered", "SM1", ErrorCode="63016", ErrorMessage="outside the window")

    message = front_desk.do(lambda session: session.get_one(messages.Message, message_id))
    assert (message.delivery, message.error_code) == (Delivery.FAILED, 63016)


def test_a_callback_of_nothing_we_know_is_taken_and_forgotten(front_desk: FrontDesk) -> None:
    assert front_desk.callback(2**62, "delivered", "SM1").status_code == 200


@pytest.mark.parametrize(
    ("path", "form", "code"),
    [
        ("status/7", {"MessageSid": "SM1"}, 400), ("status/7", {"MessageStatus": "sent"}, 400),
        (f"status/{2**63}", {"MessageSid": "SM1", "MessageStatus": "sent"}, 400),
        ("status/-7", {"MessageSid": "SM1", "MessageStatus": "sent"}, 404),
        ("status/seven", {"MessageSid": "SM1", "MessageStatus": "sent"}, 404),
    ],
)  # fmt: skip
def test_a_callback_that_cannot_be_one(front_desk: FrontDesk, path: str, form: dict[str, str], code: int) -> None:
    assert front_desk.post(f"/webhooks/twilio/{path}", form).status_code == code


def test_a_forged_callback_changes_nothing(front_desk: FrontDesk) -> None:
    message_id = sent(front_desk)
    form = {"MessageSid": "SM1", "MessageStatus": "failed"}

    assert front_desk.post(f"/webhooks/twilio/status/{message_id}", form, token="forged").status_code == 403
    assert front_desk.events_of(message_id) == []


def test_a_message_delivered_again_after_resolving_opens_no_empty_conversation(front_desk: FrontDesk) -> None:
    ana, sid = Someone("Ana", "+34600111222"), new_sid("SM")
    front_desk.writes(ana, "Hello", sid)
    front_desk.do(conversations.resolve, front_desk.conversation_of(ana).id)

    assert front_desk.writes(ana, "Hello", sid).status_code == 200
    assert [c.status for c in front_desk.conversations_of(ana)] == ["resolved"]


def test_outcomes_are_counted_for_the_metrics(front_desk: FrontDesk) -> None:
    webhooks.counts.clear()
    ana = front_desk.guest("Ana", writes="Hello")
    front_desk.post(INBOUND_PATH, {"a": "1"}, token="wrong")
    front_desk.post(INBOUND_PATH, {"a": "1"})

    assert dict(webhooks.counts) == {"message_stored": 1, "message_BadSignature": 1, "message_BadInput": 1}
    assert urlencode({"to": ana.number}) not in repr(webhooks.counts)
