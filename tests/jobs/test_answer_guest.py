"""The concierge at work: guests write, jobs run with the official SDKs, and what they say goes out once."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hotelchat.concierge.prompt import HANDED_OVER
from hotelchat.db import transaction
from hotelchat.models import Author, Concierge, Delivery, Reason
from hotelchat.services import answers, conversations, messages
from jobs.answer_guest import answer_guest
from tests.desk import FrontDesk
from tests.factories import eventually
from tests.stand_ins import Answer, completion, hand_over


def test_a_guests_question_is_answered_on_whatsapp(front_desk: FrontDesk) -> None:
    front_desk.model.says, twilio = "Yes, breakfast is **included**.", front_desk.twilio
    ana = front_desk.guest("Ana", writes="Is breakfast included?")

    front_desk.run_jobs()

    assert front_desk.sent_to(ana) == ["Yes, breakfast is *included*."]
    [answer] = front_desk.answers_to(ana)
    assert (answer.author, answer.delivery, answer.provider_id) == (Author.AI, Delivery.SENT, twilio.messages[0]["sid"])
    conversation = front_desk.conversation_of(ana)
    assert (conversation.waiting_since, conversation.lease_by, conversation.needs_human) == (None, None, False)


def test_run_twice_it_answers_once(front_desk: FrontDesk) -> None:
    ana = front_desk.guest("Ana", writes="Is breakfast included?")
    front_desk.opens()
    front_desk.run_jobs()

    answer_guest(front_desk.conversation_of(ana).id)
    front_desk.run_jobs()

    assert len(front_desk.sent_to(ana)) == len(front_desk.model.asked) == 1


def test_run_twice_at_once_it_answers_once(front_desk: FrontDesk) -> None:
    front_desk.model.next.append(Answer(body=completion({"role": "assistant", "content": "Yes."}), after=0.3))
    ana = front_desk.guest("Ana", writes="Is breakfast included?")
    front_desk.later(2)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(answer_guest, [front_desk.conversation_of(ana).id] * 4))

    assert [m.text for m in front_desk.answers_to(ana)] == ["Yes."]
    assert len(front_desk.model.asked) == 1


def test_several_messages_in_a_row_get_one_answer(front_desk: FrontDesk) -> None:
    model = front_desk.model
    ana = front_desk.guest("Ana", writes="Hello")
    for text in ("Is breakfast included?", "For two?"):
        front_desk.writes(ana, text)

    answer_guest(front_desk.conversation_of(ana).id)  # it waits for the guest to fall quiet

    assert len(front_desk.answers_to(ana)) == 1
    assert [turn["content"] for turn in model.prompts[0][1:]] == ["Hello", "Is breakfast included?", "For two?"]


def test_what_arrives_while_it_thinks_is_answered_next(front_desk: FrontDesk) -> None:
    model = front_desk.model
    model.next.append(Answer(body=completion({"role": "assistant", "content": "From 7:00."}), after=0.5))
    ana = front_desk.guest("Ana", writes="When is breakfast?")
    front_desk.later(2)
    job = threading.Thread(target=answer_guest, args=[front_desk.conversation_of(ana).id])
    job.start()
    eventually(lambda: model.asked)

    front_desk.writes(ana, "And is it included?")
    job.join(10)

    assert [m.text for m in front_desk.answers_to(ana)] == ["From 7:00.", model.says]
    assert [turn["content"] for turn in model.prompts[1][1:]] == [
        "When is breakfast?",
        "From 7:00.",
        "And is it included?",
    ]
    assert front_desk.conversation_of(ana).waiting_since is None


@pytest.mark.parametrize("how", ["takes over", "replies", "switches it off", "resolves"])
def test_a_draft_is_dropped_when_an_agent(front_desk: FrontDesk, how: str) -> None:
    model, agent = front_desk.model, front_desk.agent()
    model.next.append(Answer(body=completion({"role": "assistant", "content": "Too late."}), after=0.4))
    ana = front_desk.guest("Ana", writes="Is breakfast included?")
    front_desk.later(2)
    conversation = front_desk.conversation_of(ana).id
    job = threading.Thread(target=answer_guest, args=[conversation])
    job.start()
    eventually(lambda: model.asked)

    match how:
        case "takes over":
            front_desk.do(conversations.take_over, conversation, agent)
        case "replies":
            front_desk.do(messages.reply, conversation, agent, "Yes!", "draft")
        case "switches it off":
            front_desk.do(conversations.set_concierge, conversation, Concierge.OFF)
        case "resolves":
            front_desk.do(conversations.resolve, conversation)
    job.join(10)

    assert [m.text for m in front_desk.answers_to(ana)] == (["Yes!"] if how == "replies" else [])


def test_it_is_silent_while_a_person_has_the_conversation_and_answers_when_switched_on_again(
    front_desk: FrontDesk,
) -> None:
    front_desk.opens()
    ana = front_desk.guest("Ana", writes="Hello")
    conversation = front_desk.conversation_of(ana).id
    front_desk.do(conversations.take_over, conversation, front_desk.agent())
    front_desk.writes(ana, "Is breakfast included?")
    front_desk.run_jobs()
    assert front_desk.model.asked == []
    assert front_desk.conversation_of(ana).needs_human

    front_desk.do(conversations.set_concierge, conversation, Concierge.ON)
    front_desk.run_jobs()

    assert front_desk.sent_to(ana) == [front_desk.model.says]


@pytest.mark.parametrize("text", ["STOP", " stop. ", "Unsubscribe"])
def test_stop_is_never_answered(front_desk: FrontDesk, text: str) -> None:
    front_desk.opens()
    ana = front_desk.guest("Ana", writes=text)

    front_desk.run_jobs()

    assert front_desk.model.asked == front_desk.twilio.asked == []
    conversation = front_desk.conversation_of(ana)
    assert (conversation.waiting_since, conversation.answered_upto) == (None, conversation.last_inbound_id)
    front_desk.writes(ana, "Is breakfast included?")
    front_desk.run_jobs()
    assert front_desk.sent_to(ana) == [front_desk.model.says], "who writes again is answered again"


def test_a_guest_who_asks_for_a_person_waits_for_an_agent(front_desk: FrontDesk) -> None:
    words = {
        "reason": "asked_for_person",
        "message_to_guest": "A colleague will answer you.",
        "summary": "Wants Marta.",
    }
    front_desk.model.next.append(hand_over(words))
    front_desk.opens()
    ana = front_desk.guest("Ana", writes="Can I talk to someone, please?")

    front_desk.run_jobs()

    conversation = front_desk.conversation_of(ana)
    assert (conversation.needs_human, conversation.needs_human_reason) == (True, Reason.ASKED_FOR_PERSON)
    assert conversation.handoff_summary == "Wants Marta."
    assert front_desk.sent_to(ana) == ["A colleague will answer you."]
    front_desk.writes(ana, "Hello?")
    front_desk.run_jobs()
    assert len(front_desk.model.asked) == 1, "there it stops"


def test_a_poor_handoff_speaks_the_guests_language(front_desk: FrontDesk) -> None:
    front_desk.model.next.append(hand_over("{ this is no JSON"))
    ana = front_desk.guest("Ana", writes="Hola, quiero hablar con una persona, por favor")

    front_desk.run_jobs()

    assert [m.text for m in front_desk.answers_to(ana)] == [HANDED_OVER["es"]]
    assert front_desk.conversation_of(ana).needs_human_reason is Reason.OTHER


def test_without_a_key_the_guest_waits_for_people(front_desk: FrontDesk) -> None:
    ana = front_desk.guest("Ana", writes="Is breakfast included?")

    front_desk.run_jobs()

    conversation = front_desk.conversation_of(ana)
    assert (conversation.needs_human, conversation.needs_human_reason) == (True, Reason.CONCIERGE_OFF)
    assert front_desk.answers_to(ana) == []


def test_a_hotel_that_wants_no_concierge_has_none(front_desk: FrontDesk) -> None:
    front_desk.opens()
    front_desk.do(lambda session: setattr(session.get_one(answers.Hotel, front_desk.hotel_id), "has_concierge", False))
    ana = front_desk.guest("Ana", writes="Is breakfast included?")

    front_desk.run_jobs()

    assert front_desk.conversation_of(ana).needs_human_reason is Reason.CONCIERGE_OFF
    assert front_desk.model.asked == []


BAD = {"status 500": Answer(500, {"error": {"message": "no"}}), "no JSON": Answer(200, "this is not JSON")}


@pytest.mark.parametrize("what", BAD)
def test_no_usable_answer_is_tried_again_later_and_then_a_person_is_called(front_desk: FrontDesk, what: str) -> None:
    ana = front_desk.guest("Ana", writes="Is breakfast included?")
    front_desk.model.next.extend([BAD[what]] * answers.MOST_ATTEMPTS)
    conversation = front_desk.conversation_of(ana).id
    for attempt in range(1, answers.MOST_ATTEMPTS + 1):
        assert front_desk.do(answers.unanswered) == [conversation]
        front_desk.later(2)
        answer_guest(conversation)
        assert front_desk.do(answers.unanswered) == [], "not at once"
        assert len(front_desk.model.asked) == attempt, "the SDK must not try again by itself"
        assert front_desk.conversation_of(ana).lease_by is None
        front_desk.later(61)

    found = front_desk.conversation_of(ana)
    assert (found.needs_human, found.needs_human_reason) == (True, Reason.CONCIERGE_FAILED)
    assert front_desk.answers_to(ana) == []


def test_a_failure_is_mended_by_the_next_try(front_desk: FrontDesk) -> None:
    front_desk.opens()
    ana = front_desk.guest("Ana", writes="Is breakfast included?")
    front_desk.model.next.append(Answer(503, {}))
    front_desk.run_jobs()
    front_desk.later(61)

    answer_guest(front_desk.conversation_of(ana).id)
    front_desk.run_jobs()

    assert front_desk.sent_to(ana) == [front_desk.model.says]
    assert front_desk.conversation_of(ana).answer_attempts == 0


def test_it_waits_as_long_as_the_provider_asks(front_desk: FrontDesk) -> None:
    ana = front_desk.guest("Ana", writes="Is breakfast included?")
    front_desk.model.next.append(Answer(429, {"error": {"message": "slow down"}}, {"Retry-After": "42"}))

    front_desk.run_jobs()

    conversation = front_desk.conversation_of(ana)
    front_desk.later(40)
    assert front_desk.do(answers.unanswered) == []
    front_desk.later(3)
    assert front_desk.do(answers.unanswered) == [conversation.id]


def test_words_that_the_database_cannot_hold_do_not_stop_the_concierge(front_desk: FrontDesk) -> None:
    broken = completion({"role": "assistant", "content": "Yes \ud83c\x00!"})
    front_desk.model.next.append(Answer(200, json.dumps(broken)))
    ana = front_desk.guest("Ana", writes="Is breakfast included?")

    front_desk.run_jobs()

    assert len(front_desk.answers_to(ana)) == 1 or front_desk.conversation_of(ana).answer_attempts == 1


def test_an_article_saved_a_second_ago_is_used(front_desk: FrontDesk) -> None:
    front_desk.guest("Ana", writes="Do you have kayaks?")
    with transaction() as session:
        hotel = session.get_one(answers.Hotel, front_desk.hotel_id)
        front_desk.make(session).article(hotel, "Kayaks", "Kayaks are at the blue hut, 12 EUR an hour.")
        front_desk.make(session).article(hotel, "Secret", "Not yet.", status="draft")
    model = front_desk.model

    front_desk.run_jobs()

    assert "12 EUR an hour" in model.prompts[0][0]["content"]
    assert "Not yet." not in model.prompts[0][0]["content"]


def test_the_language_a_guest_writes_in_is_remembered(front_desk: FrontDesk) -> None:
    front_desk.opens()
    ana = front_desk.guest("Ana", writes="¿A qué hora es el desayuno, por favor?")

    front_desk.run_jobs()

    guest_id = front_desk.conversation_of(ana).guest_id
    assert front_desk.do(lambda session: session.get_one(answers.Guest, guest_id).language) == "es"
