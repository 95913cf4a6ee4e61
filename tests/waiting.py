"""Waiting for what nothing tells of, by looking again and again. Where something does tell, wait for that instead."""

import asyncio
import time
from collections.abc import Callable

WITHIN_SECONDS = 5.0
POLL_SECONDS = 0.01


async def until(fact: Callable[[], object], within: float = WITHIN_SECONDS) -> None:
    """Returns when it is so. Raises AssertionError when it is not so in time."""
    assert await comes_true(fact, within), f"it has not come true within {within} s"


async def comes_true(fact: Callable[[], object], within: float, every_seconds: float = POLL_SECONDS) -> bool:
    """Whether it is so in time, as soon as it is."""
    deadline = time.monotonic() + within
    while not fact():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(every_seconds)
    return True
