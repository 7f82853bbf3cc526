"""The worker that is measured: `python -m tests.benchmarks.answers REDIS_URL AT_ONCE`, and its one job."""

import functools
import logging
import os
import sys

import structlog
from openai import AsyncOpenAI

from jobs.aio import run_async
from jobs.worker import run_worker

QUEUE = "bench"


@functools.cache
def client() -> AsyncOpenAI:
    """The one client of the process; first called on the shared loop, where its connections live."""
    return AsyncOpenAI(base_url=os.environ["MODEL_URL"], api_key="none")


async def ask(question: str) -> str:
    reply = await client().chat.completions.create(
        model="stand-in",
        messages=[
            {"role": "system", "content": "You are the concierge of a small hotel."},
            {"role": "user", "content": question},
        ],
    )
    return reply.choices[0].message.content or ""


async def warm_up() -> None:
    """What the SDK would import at the first question: half a second that the first guests need not wait."""
    assert client().chat.completions


def answer(question: str) -> None:
    assert run_async(ask(question))


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    run_worker(QUEUE, sys.argv[1], int(sys.argv[2]), on_start=lambda: run_async(warm_up()))
