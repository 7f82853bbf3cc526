"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(check: Callable[[], T], seconds: float = 15.0, what: str = "what was expected") -> T:
    """Ask again and again until the answer is true.

    Raises: AssertionError: after `seconds`, with the last answer.
    """
    ends = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > ends:
            raise AssertionError(f"Waited {seconds:.0f} s for {what}; it is {found!r}.")
        time.sleep(0.03)
