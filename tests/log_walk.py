"""A whole walk in one process that logs as in production: run by test_log.py, which reads what it said."""

from __future__ import annotations

import os

import pytest

from hotelchat import db, live, log
from hotelchat.models import Concierge
from hotelchat.services import conversations, messages
from jobs.answer_guest import answer_guest
from tests.desk import FrontDesk, Someone, front_desk
from tests.stand_ins import Answer, hand_over, refused

GUEST = Someone("Ana Secretname", "+34600123456")
WORDS = ("secretquestion", "secretanswer", "secretreply", "secretnote", "secretsummary", "secretstop", "secrettamper")


def walk(desk: FrontDesk) -> None:
    """Everything that may happen to a message, and everything that may go wrong."""
    desk.opens()
    desk.model.says = "secretanswer to you"
    desk.writes(GUEST, "secretquestion, please", "SM" + "a" * 32)
    desk.writes(GUEST, "secretquestion, please", "SM" + "a" * 32)
    desk.post("/webhooks/twilio/whatsapp", {"From": GUEST.number, "Body": "secrettamper"}, token="forged")
    desk.post("/webhooks/twilio/whatsapp", {"From": GUEST.number, "Body": "secrettamper"})
    desk.writes(GUEST, "secretquestion", To="whatsapp:+34611222333")
    desk.run_jobs()
    conversation = desk.conversation_of(GUEST).id
    desk.callback(desk.answers_to(GUEST)[0].id, "undelivered", desk.twilio.messages[0]["sid"], ErrorCode="63024")
    for answer in (
        Answer(500, {"error": {"message": "secretanswer"}}),
        Answer(200, "secretanswer"),
        Answer(drops=True),
    ):
        desk.model.next.append(answer)
        desk.writes(GUEST, "secretquestion again")
        desk.later(61)
        answer_guest(conversation)
    desk.model.next.append(
        hand_over({"message_to_guest": "secretanswer", "summary": "secretsummary", "reason": "other"})
    )
    desk.writes(GUEST, "secretquestion once more")
    desk.run_jobs()
    agent = desk.agent()
    desk.do(messages.add_note, conversation, agent, "secretnote", "k1")
    for number, answer in enumerate(
        (refused(400, 63016), refused(429, 20429), Answer(drops=True), refused(500, 20500))
    ):
        desk.twilio.next.append(answer)
        desk.do(messages.reply, conversation, agent, "secretreply", f"k2-{number}")
        desk.run_jobs()
        desk.later(70)
        desk.run_jobs()
    desk.do(conversations.set_concierge, conversation, Concierge.ON)
    desk.writes(GUEST, "secretstop")
    desk.run_jobs()
    desk.set(REDIS_URL="redis://:secret-redis-password@127.0.0.1:1")
    desk.http.get("/readyz")
    live.configure("redis://:secret-redis-password@127.0.0.1:1")
    desk.writes(GUEST, "secretquestion without Redis")
    live.courier().flush()
    db.configure("postgresql+psycopg2://hotel:secret-db-password@127.0.0.1:1/hotelchat", pool=1)
    desk.writes(GUEST, "secretquestion without PostgreSQL")


if __name__ == "__main__":
    log.configure("DEBUG", "json")
    db.configure(os.environ["DATABASE_URL"], pool=8)
    live.configure(os.environ["REDIS_URL"])
    with pytest.MonkeyPatch.context() as patch, front_desk(os.environ["REDIS_URL"], patch) as opened:
        walk(opened)
