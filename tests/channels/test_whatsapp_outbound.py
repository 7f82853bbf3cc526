"""Sending through the official SDK, against a Twilio that misbehaves: what is certain, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from hotelchat import clock
from hotelchat.channels import whatsapp
from hotelchat.channels.port import Accepted, OutboundMessage, Refused, TryLater, Unsure
from hotelchat.models import Delivery
from hotelchat.settings import WhatsAppSettings
from tests.factories import ACCOUNT, ANA, OURS
from tests.stand_ins import Answer, Twilio, refused, running


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    with running(Twilio()) as server:
        yield server


@pytest.fixture
def channel(twilio: Twilio) -> whatsapp.WhatsApp:
    return connected(twilio.url)


def connected(url: str) -> whatsapp.WhatsApp:
    settings = WhatsAppSettings(account_sid=ACCOUNT, auth_token="token", number=OURS, api_base_url=url)
    return whatsapp.WhatsApp(settings, "https://desk.example.com")


def message(text: str = "Yes, it is.", **fields: Any) -> OutboundMessage:
    given = {"message_id": 7, "conversation_id": 1, "sender": "whatsapp:+34971000009", "to": ANA, "text": text}
    return OutboundMessage(**(given | {"attempts": 1, "queued_at": clock.now()} | fields))


def test_a_message_goes_out_with_our_id_in_its_callback(twilio: Twilio, channel: whatsapp.WhatsApp) -> None:
    text = "Sí, de 7:00 a 10:30 🌴\n*bold* & 100 %"

    assert channel.send(message(text)) == Accepted(ACCOUNT, twilio.messages[0]["sid"], Delivery.SENT)

    assert dict(parse_qsl(twilio.asked[0].body.decode())) == {
        "To": f"whatsapp:{ANA}", "From": "whatsapp:+34971000009", "Body": text,
        "StatusCallback": "https://desk.example.com/webhooks/twilio/status/7",
    }  # fmt: skip
    assert twilio.asked[0].path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert twilio.asked[0].headers["authorization"].startswith("Basic ")


def test_without_an_address_of_its_own_a_conversation_answers_from_the_channels(
    twilio: Twilio, channel: whatsapp.WhatsApp
) -> None:
    channel.send(message(sender=None))

    assert twilio.messages[0]["from"] == OURS


def test_a_guest_without_a_number_is_reached_by_user_id(twilio: Twilio, channel: whatsapp.WhatsApp) -> None:
    channel.send(message(to="ES.1122334455"))

    assert twilio.messages[0]["to"] == "whatsapp:ES.1122334455"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (refused(400, 63016), Refused(63016)),
        (refused(400, 21610), Refused(21610)),
        (refused(401, 20003), Refused(20003)),
        (Answer(404, "<html>no</html>"), Refused(404)),
        (refused(429, 20429, **{"Retry-After": "3"}), TryLater(2.0, 20429)),
        (refused(400, 63018), TryLater(2.0, 63018)),
        (refused(400, 63012), TryLater(2.0, 63012)),
        (refused(500, 20500), Unsure()),
        (Answer(503, "<html>away</html>"), Unsure()),
        (Answer(drops=True), Unsure()),
        (Answer(201, "this is not JSON"), Unsure()),
        (Answer(201, ""), Unsure()),
        (Answer(201, []), Unsure()),
    ],
    ids=lambda given: f"{given.status}-{str(given.body)[:20]}-{given.drops}" if isinstance(given, Answer) else "",
)
def test_what_an_answer_means(twilio: Twilio, channel: whatsapp.WhatsApp, answer: Answer, outcome: object) -> None:
    twilio.next.append(answer)

    assert channel.send(message()) == outcome
    assert len(twilio.asked) == 1, "the SDK must not try again by itself"


def test_pauses_grow_with_the_attempts(twilio: Twilio, channel: whatsapp.WhatsApp) -> None:
    pauses = []
    for attempts in (1, 2, 3, 4, 9):
        twilio.next.append(refused(429, 20429))
        outcome = channel.send(message(attempts=attempts))
        assert isinstance(outcome, TryLater)
        pauses.append(outcome.seconds)

    assert pauses == [2, 4, 8, 16, 60]


def test_no_answer_in_time_may_mean_that_it_was_sent(twilio: Twilio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whatsapp, "TIMEOUT_SECONDS", 0.2)
    twilio.next.append(Answer(after=5))

    assert connected(twilio.url).send(message()) == Unsure()


def test_where_nobody_listens_it_was_certainly_not_sent() -> None:
    with running(Twilio()) as gone:
        channel = connected(gone.url)

    assert channel.send(message()) == TryLater(2.0)


# Looking a doubtful message up


def test_an_accepted_message_is_found(twilio: Twilio, channel: whatsapp.WhatsApp) -> None:
    twilio.next.append(Answer(drops=True))
    twilio.accepts_next = True
    doubtful = message()
    assert channel.send(doubtful) == Unsure()
    twilio.messages[0]["status"] = "delivered"

    assert channel.find(doubtful, frozenset()) == Accepted(ACCOUNT, twilio.messages[0]["sid"], Delivery.DELIVERED)
    query = twilio.asked[-1].query
    assert query["To"] == f"whatsapp:{ANA}"
    assert any(name.startswith("DateSent") for name in query), "Twilio is not asked for the whole year"


def test_what_was_never_accepted_is_not_found(twilio: Twilio, channel: whatsapp.WhatsApp) -> None:
    channel.send(message("Something else."))
    channel.send(message(to="+34600999888"))

    assert channel.find(message(), frozenset()) is None


def test_another_message_with_the_same_words_is_not_taken_for_it(twilio: Twilio, channel: whatsapp.WhatsApp) -> None:
    first = channel.send(message("ok"))
    assert isinstance(first, Accepted)

    assert channel.find(message("ok"), frozenset({first.provider_id})) is None


def test_a_message_of_long_before_is_not_taken_for_it(twilio: Twilio, channel: whatsapp.WhatsApp) -> None:
    channel.send(message("ok"))

    assert channel.find(message("ok", queued_at=clock.now() + timedelta(minutes=5)), frozenset()) is None


@pytest.mark.parametrize(
    "answer",
    [Answer(500, {}), Answer(drops=True), Answer(200, "this is not JSON"), refused(401, 20003), refused(429, 20429)],
    ids=["500", "dropped", "no JSON", "401", "429"],
)
def test_while_twilio_cannot_be_asked_nothing_is_decided(
    twilio: Twilio, channel: whatsapp.WhatsApp, answer: Answer
) -> None:
    twilio.next.append(answer)

    with pytest.raises(OSError, match="Twilio could not be asked"):
        channel.find(message(), frozenset())
