"""Twilio's webhooks over HTTP: 200 only for what is durable, and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg2
from twilio.request_validator import RequestValidator

from hotelchat.channels.demo_phone import INBOUND_PATH, SIGNATURE_HEADER, new_sid, sign, text_message
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
        return front.post(
            INBOUND_PATH, data=form, headers={SIGNATURE_HEADER: sign(PUBLIC + INBOUND_PATH, form, TOKEN)}
        ).status_code

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
    message_id = front_desk.sends()
    with away(database_url):
        assert front_desk.callback(message_id, "read", "SM1").status_code == 503
    assert front_desk.callback(message_id, "read", "SM1").status_code == 200
    assert front_desk.events_of(message_id) == ["read"]
