"""Sends what a conversation has to send, one after the other, and looks up what is in doubt."""

from __future__ import annotations

from functools import cache
from typing import Final

import structlog

from hotelchat import clock, log, settings
from hotelchat.channels.port import Accepted, Channel, OutboundMessage, Refused
from hotelchat.channels.whatsapp import WhatsApp
from hotelchat.db import transaction
from hotelchat.services import deliveries

lines = structlog.get_logger()
MOST_AT_ONCE: Final = 50  # then the sweeper rings again: no job runs for ever


@cache
def channel() -> Channel | None:
    """Where messages go out; None while the channel is off: they stay queued, and visible."""
    current = settings.current()
    return WhatsApp(current.whatsapp, current.public_base_url) if current.whatsapp else None


def deliver_messages(conversation_id: int) -> None:
    """Send the queued messages of a conversation in their order; harmless when run again."""
    log.bind(conversation_id=conversation_id)
    try:
        if (way_out := channel()) is None:
            return
        _settle_doubt(way_out, conversation_id)
        for _ in range(MOST_AT_ONCE):
            with transaction() as session:
                outbound = deliveries.claim(session, conversation_id)
            if outbound is None:  # nothing to send, or somebody is at it
                return
            _send(way_out, outbound)
    finally:
        log.clear()


def _send(way_out: Channel, outbound: OutboundMessage) -> None:
    outcome = way_out.send(outbound)  # no transaction is open here
    with transaction() as session:
        deliveries.record(session, outbound.message_id, outcome)
    code = outcome.error_code if isinstance(outcome, Refused) else None
    lines.info(
        "message_sent" if isinstance(outcome, Accepted) else "message_not_sent",
        message_id=outbound.message_id,
        outcome=type(outcome).__name__,
        error_code=code,
        seconds_in_queue=round(clock.seconds_since(outbound.queued_at), 3),
    )


def _settle_doubt(way_out: Channel, conversation_id: int) -> None:
    """A message whose fate is unknown is looked up at the provider, and only then sent again. ENGINE.md."""
    with transaction() as session:
        doubtful = deliveries.doubtful(session, conversation_id)
        known = deliveries.known_ids(session, conversation_id) if doubtful else frozenset()
    if doubtful is None:
        return
    try:
        found = way_out.find(doubtful, known)
    except OSError as error:
        lines.warning("lookup_failed", message_id=doubtful.message_id, error=str(error))
        return
    with transaction() as session:
        if found is None:
            deliveries.queue_again(session, doubtful.message_id)
        else:
            deliveries.record(session, doubtful.message_id, found)
    lines.info("doubt_settled", message_id=doubtful.message_id, was_sent=found is not None)
