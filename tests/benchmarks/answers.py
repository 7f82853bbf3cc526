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


def answer(question: str) -> None:
    assert run_async(ask(question))


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if os.environ.get("SWITCH"):
        sys.setswitchinterval(float(os.environ["SWITCH"]))
    run_worker(QUEUE, sys.argv[1], int(sys.argv[2]))
