"""Messages go out through Twilio's SDK: in order, once, and never blindly again."""

from __future__ import annotations

import os
from typing import Any

import pytest

from hotelchat import settings
from hotelchat.channels import whatsapp
from hotelchat.channels.port import Accepted
from hotelchat.models import Delivery
from hotelchat.services import deliveries, messages
from jobs.deliver_messages import deliver_messages
from tests.desk import FrontDesk, Someone
from tests.stand_ins import Answer, refused


@pytest.fixture
def ana(front_desk: FrontDesk) -> Someone:
    """A guest whose question an agent answers by hand; WhatsApp works."""
    guest = front_desk.guest("Ana", writes="Is breakfast included?")
    front_desk.opens()
    return guest


def reply(desk: FrontDesk, guest: Someone, *texts: str) -> list[int]:
    agent, conversation = desk.agent(), desk.conversation_of(guest).id
    return [desk.do(messages.reply, conversation, agent, text, text) for text in texts]


def states(desk: FrontDesk, guest: Someone) -> list[Delivery | None]:
    return [message.delivery for message in desk.answers_to(guest)]


def deliver(desk: FrontDesk, guest: Someone) -> None:
    deliver_messages(desk.conversation_of(guest).id)


def test_replies_go_out_in_their_order(front_desk: FrontDesk, ana: Someone) -> None:
    reply(front_desk, ana, "Yes.", "It is.", "Enjoy!")

    front_desk.run_jobs()

    assert front_desk.sent_to(ana) == ["Yes.", "It is.", "Enjoy!"]
    assert states(front_desk, ana) == [Delivery.SENT] * 3


def test_run_again_it_sends_nothing_again(front_desk: FrontDesk, ana: Someone) -> None:
    reply(front_desk, ana, "Yes.")
    for _ in range(3):
        deliver(front_desk, ana)

    assert front_desk.sent_to(ana) == ["Yes."]


def test_the_whole_way_from_queued_to_read(front_desk: FrontDesk, ana: Someone) -> None:
    [message_id] = reply(front_desk, ana, "Yes.")
    front_desk.run_jobs()
    sid = front_desk.twilio.messages[0]["sid"]

    seen = []
    for word in ("sent", "delivered", "read"):
        front_desk.callback(message_id, word, sid)
        seen.append((states(front_desk, ana)[0], front_desk.conversation_of(ana).last_status))

    assert [delivery for delivery, _ in seen] == [Delivery.SENT, Delivery.DELIVERED, Delivery.READ]
    assert [shown for _, shown in seen] == ["sent", "delivered", "read"]


def test_a_callback_before_our_commit_finds_its_message(front_desk: FrontDesk, ana: Someone) -> None:
    [message_id] = reply(front_desk, ana, "Yes.")
    codes = []

    def calls_back_at_once(message: dict[str, Any]) -> None:
        assert message["callback"].endswith(f"/webhooks/twilio/status/{message_id}")
        codes.append(front_desk.callback(message_id, "delivered", message["sid"]).status_code)

    front_desk.twilio.on_accept = calls_back_at_once
    deliver(front_desk, ana)

    assert codes == [200]
    [message] = front_desk.answers_to(ana)
    assert (message.delivery, message.provider_id) == (Delivery.DELIVERED, front_desk.twilio.messages[0]["sid"])


def test_too_many_requests_are_tried_again_later(front_desk: FrontDesk, ana: Someone) -> None:
    front_desk.twilio.next.append(refused(429, 20429, **{"Retry-After": "1"}))
    reply(front_desk, ana, "Yes.", "It is.")
    deliver(front_desk, ana)
    assert states(front_desk, ana) == [Delivery.QUEUED, Delivery.QUEUED]
    deliver(front_desk, ana)
    assert front_desk.sent_to(ana) == [], "not before the pause is over, and nothing overtakes"

    front_desk.later(3)
    deliver(front_desk, ana)

    assert front_desk.sent_to(ana) == ["Yes.", "It is."]


def test_a_refused_message_says_why_and_the_next_goes_on(front_desk: FrontDesk, ana: Someone) -> None:
    front_desk.twilio.next.append(refused(400, 63016))
    reply(front_desk, ana, "Yes.", "It is.")

    deliver(front_desk, ana)

    assert [(m.delivery, m.error_code) for m in front_desk.answers_to(ana)] == [
        (Delivery.FAILED, 63016), (Delivery.SENT, None)
    ]  # fmt: skip
    assert front_desk.sent_to(ana) == ["It is."]


def test_a_failed_message_goes_out_when_the_agent_asks_again(front_desk: FrontDesk, ana: Someone) -> None:
    front_desk.twilio.next.append(refused(400, 63024))
    [message_id] = reply(front_desk, ana, "Yes.")
    front_desk.run_jobs()

    front_desk.do(deliveries.retry, message_id)
    front_desk.run_jobs()

    assert (front_desk.sent_to(ana), states(front_desk, ana)) == (["Yes."], [Delivery.SENT])


DOUBTS = {
    "the connection was dropped": Answer(drops=True),
    "a 500 came": refused(500, 20500),
    "no answer came in time": Answer(after=1.0),
    "the answer was no JSON": Answer(201, "this is not JSON"),
}


@pytest.mark.parametrize("how", DOUBTS)
@pytest.mark.parametrize("was_accepted", [True, False], ids=["accepted", "not accepted"])
def test_when_nobody_knows_it_is_looked_up_and_only_then_sent_again(
    front_desk: FrontDesk, ana: Someone, monkeypatch: pytest.MonkeyPatch, how: str, was_accepted: bool
) -> None:
    monkeypatch.setattr(whatsapp, "TIMEOUT_SECONDS", 0.3)
    front_desk.twilio.next.append(DOUBTS[how])
    front_desk.twilio.accepts_next = was_accepted
    reply(front_desk, ana, "Yes.", "It is.")
    deliver(front_desk, ana)
    assert states(front_desk, ana) == [Delivery.UNKNOWN, Delivery.QUEUED]
    deliver(front_desk, ana)
    assert len(front_desk.sent_to(ana)) == was_accepted, "a callback may settle it, and the next one waits"

    front_desk.later(11)
    deliver(front_desk, ana)

    assert front_desk.sent_to(ana) == ["Yes.", "It is."]
    assert states(front_desk, ana) == [Delivery.SENT, Delivery.SENT]
    sids = [message["sid"] for message in front_desk.twilio.messages]
    assert [message.provider_id for message in front_desk.answers_to(ana)] == sids


@pytest.mark.parametrize("was_accepted", [True, False], ids=["accepted", "not accepted"])
def test_a_worker_that_dies_between_acceptance_and_commit(
    front_desk: FrontDesk, ana: Someone, was_accepted: bool
) -> None:
    reply(front_desk, ana, "Yes.")
    outbound = front_desk.do(deliveries.claim, front_desk.conversation_of(ana).id)
    if was_accepted:
        way_out = whatsapp.WhatsApp(settings_of(front_desk), "https://desk.example.com")
        assert isinstance(way_out.send(outbound), Accepted)
    # here it died
    for _ in range(4):
        deliver(front_desk, ana)
        front_desk.later(12)

    assert (front_desk.sent_to(ana), states(front_desk, ana)) == (["Yes."], [Delivery.SENT])


def settings_of(desk: FrontDesk) -> whatsapp.WhatsAppSettings:
    found = settings.current().whatsapp
    assert found is not None and found.api_base_url == desk.twilio.url
    return found


def test_while_twilio_cannot_be_asked_the_doubt_remains_and_nothing_is_sent_twice(
    front_desk: FrontDesk, ana: Someone
) -> None:
    front_desk.twilio.next.extend([Answer(drops=True), Answer(500, {}), Answer(drops=True)])
    front_desk.twilio.accepts_next = True
    reply(front_desk, ana, "Yes.")
    for _ in range(3):
        deliver(front_desk, ana)
        front_desk.later(21)
    assert states(front_desk, ana) == [Delivery.UNKNOWN]

    deliver(front_desk, ana)

    assert (front_desk.sent_to(ana), states(front_desk, ana)) == (["Yes."], [Delivery.SENT])


def test_an_earlier_message_with_the_same_words_is_not_taken_for_the_doubtful_one(
    front_desk: FrontDesk, ana: Someone
) -> None:
    agent, conversation = front_desk.agent(), front_desk.conversation_of(ana).id
    front_desk.do(messages.reply, conversation, agent, "ok", "draft-1")
    deliver(front_desk, ana)
    front_desk.twilio.next.append(Answer(drops=True))
    front_desk.do(messages.reply, conversation, agent, "ok", "draft-2")
    deliver(front_desk, ana)
    front_desk.later(11)

    deliver(front_desk, ana)

    assert front_desk.sent_to(ana) == ["ok", "ok"]
    assert len({message.provider_id for message in front_desk.answers_to(ana)}) == 2


def test_a_callback_settles_the_doubt_without_a_look_up(front_desk: FrontDesk, ana: Someone) -> None:
    front_desk.twilio.next.append(Answer(drops=True))
    front_desk.twilio.accepts_next = True
    [message_id] = reply(front_desk, ana, "Yes.")
    deliver(front_desk, ana)
    asked = len(front_desk.twilio.asked)

    front_desk.callback(message_id, "delivered", front_desk.twilio.messages[0]["sid"])
    front_desk.later(60)
    deliver(front_desk, ana)

    assert states(front_desk, ana) == [Delivery.DELIVERED]
    assert len(front_desk.twilio.asked) == asked


def test_without_a_channel_messages_stay_queued_and_go_out_once_it_is_there(
    front_desk: FrontDesk, ana: Someone
) -> None:
    given = {name: value for name, value in os.environ.items() if name.startswith("TWILIO_")}
    reply(front_desk, ana, "Hello!")
    front_desk.set(**dict.fromkeys(given))
    deliver(front_desk, ana)
    assert states(front_desk, ana) == [Delivery.QUEUED]

    front_desk.set(**given)
    deliver(front_desk, ana)

    assert front_desk.sent_to(ana) == ["Hello!"]
