"""The concierge answers what waits in one conversation; run twice, it answers once."""

from __future__ import annotations

import asyncio
import random
import time
from functools import cache
from typing import Final

import structlog
from rq.timeouts import JobTimeoutException

from hotelchat import clock, log, settings
from hotelchat.concierge.language_model import LanguageModel
from hotelchat.concierge.port import Concierge, Handoff, Question, Reply
from hotelchat.db import transaction
from hotelchat.errors import ConciergeUnavailable
from hotelchat.queries import inbox
from hotelchat.services import answers, questions
from jobs.aio import run_async
from jobs.deadline import WorkerStopping
from jobs.leases import LEASES

lines = structlog.get_logger()
QUIET_SECONDS: Final = 1.0  # a guest who has written nothing for so long has finished their thought
LONGEST_WAIT: Final = 6.0  # but nobody waits longer than this for the answer to begin
MOST_ROUNDS: Final = 20  # then the sweeper rings again: no job runs for ever


@cache
def concierge() -> Concierge | None:
    """Who answers; None without a key. One client for all conversations of the process."""
    current = settings.current()
    return LanguageModel(current.openai) if current.openai else None


def answer_guest(conversation_id: int) -> None:
    """Answer everything a guest has written since the last answer, until nothing is newer."""
    log.bind(conversation_id=conversation_id)
    try:
        thinker = concierge()
        if thinker is None or not _is_wanted(conversation_id):
            with transaction() as session:
                answers.without_concierge(session, conversation_id)
            return
        with LEASES.hold(conversation_id) as holder:
            if holder is None:
                return
            for _ in range(MOST_ROUNDS):
                _wait_for_quiet(conversation_id)
                if not _answer_once(conversation_id, holder, thinker):
                    return
    finally:
        log.clear()


def _is_wanted(conversation_id: int) -> bool:
    with transaction() as session:
        return answers.has_concierge(session, conversation_id)


def _answer_once(conversation_id: int, holder: str, thinker: Concierge) -> bool:
    """One question, one answer. True if there may be more to answer."""
    with transaction() as session:
        question = questions.of(session, conversation_id)
        if question is None:
            return False
        if questions.is_opt_out(question):
            answers.leave_unanswered(session, conversation_id, holder, question.upto)
            return True
    started = time.monotonic()
    try:
        outcome = run_async(thinker.answer(question))  # no transaction is open here
    except ConciergeUnavailable as error:
        _note_failure(conversation_id, holder, error)
        return False
    except (JobTimeoutException, WorkerStopping):
        raise  # RQ's Retry, or the sweep, takes it up again
    except Exception as error:  # a fault of ours must not be tried for ever: after some attempts a person is called
        _note_failure(conversation_id, holder, ConciergeUnavailable(type(error).__name__))
        raise
    stored = _commit(conversation_id, holder, question, outcome)
    lines.info(
        "concierge_answered" if stored else "concierge_draft_dropped",
        outcome=type(outcome).__name__.lower(),
        seconds=round(time.monotonic() - started, 3),
        tokens=outcome.tokens,
        articles=len(question.articles),
    )
    return stored


def _commit(conversation_id: int, holder: str, question: Question, outcome: Reply | Handoff) -> bool:
    with transaction() as session:
        if isinstance(outcome, Handoff):
            return answers.commit_handoff(
                session, conversation_id, holder, question.upto, outcome.reason, outcome.text, outcome.summary
            )
        sources = [{"id": a.id, "title": a.title, "score": round(a.score, 3)} for a in question.articles if a.score]
        return answers.commit_reply(session, conversation_id, holder, question.upto, outcome.text, sources[:3])


def _note_failure(conversation_id: int, holder: str, error: ConciergeUnavailable) -> None:
    """Back off with jitter, as the provider asked where it did; the sweeper rings again."""
    seconds = min(error.retry_after or random.uniform(1.0, 4.0), 60.0)
    with transaction() as session:
        needs_person = answers.failed(session, conversation_id, holder, seconds)
    lines.warning("concierge_unavailable", why=error.why, next_try_seconds=round(seconds, 1), person=needs_person)


def _wait_for_quiet(conversation_id: int) -> None:
    """Let a burst end, so that several messages get one answer. No connection is held meanwhile."""
    waited = 0.0
    while waited < LONGEST_WAIT:
        with transaction() as session:
            row = inbox.rows(session, [conversation_id]).get(conversation_id)
        if row is None or row.last_inbound_at is None:
            return
        rest = QUIET_SECONDS - clock.seconds_since(row.last_inbound_at)
        if rest <= 0:
            return
        run_async(asyncio.sleep(rest))
        waited += rest
