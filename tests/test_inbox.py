"""The queue between a WebSocket and its application: order, waiting, and faults."""

import asyncio
from typing import Any

import pytest

from roundtable.inbox import Inbox


def event(number: int) -> dict[str, Any]:
    return {"number": number}


def filled(count: int) -> Inbox:
    """An inbox with so many events."""
    inbox = Inbox()
    for number in range(count):
        inbox.put_nowait(event(number))
    return inbox


async def test_events_come_out_in_the_order_in_which_they_went_in() -> None:
    inbox = filled(count=3)
    assert [await inbox.get() for _ in range(3)] == [event(0), event(1), event(2)]
    assert inbox.empty()


async def test_whoever_waits_gets_the_next_one() -> None:
    inbox = filled(count=0)
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait(event(1))
    assert not inbox.empty(), "it waits until the task has run"
    inbox.put_nowait(event(2))
    assert await waiting == event(1)
    assert inbox.qsize() == 1


async def test_whoever_is_cancelled_while_waiting_takes_nothing_away() -> None:
    inbox = filled(count=0)
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait(event(1))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await inbox.get() == event(1)


async def test_a_fault_is_raised_after_what_came_before_it() -> None:
    inbox = filled(count=1)
    inbox.fail(ZeroDivisionError("a fault of ours"))
    assert await inbox.get() == event(0)
    with pytest.raises(ZeroDivisionError):
        await inbox.get()
