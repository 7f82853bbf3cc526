"""Status callbacks over HTTP."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from hotelchat.channels.demo_phone import INBOUND_PATH, new_sid
from hotelchat.models import Delivery
from hotelchat.services import conversations, messages
from hotelchat.web import webhooks
from tests.desk import FrontDesk, Someone

EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def test_callbacks_move_the_message_forward_and_are_kept(front_desk: FrontDesk) -> None:
    message_id = front_desk.sends()

    for word in ("sent", "read", "delivered", "read"):
        answer = front_desk.callback(message_id, word, "SM1")
        assert (answer.status_code, answer.text) == (200, EMPTY)

    assert front_desk.events_of(message_id) == ["sent", "read", "delivered"]
    with_status = front_desk.do(lambda session: session.get_one(messages.Message, message_id).delivery)
    assert with_status is Delivery.READ


def test_why_a_message_failed_is_kept(front_desk: FrontDesk) -> None:
    message_id = front_desk.sends()

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
    message_id = front_desk.sends()
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
