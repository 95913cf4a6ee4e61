"""The queue between a WebSocket and its application: order, waiting, and what is said when it is worked off."""

import asyncio
from typing import Any

import pytest

from roundtable.inbox import Inbox


def event(number: int) -> dict[str, Any]:
    return {"number": number}


def filled(low: int, count: int) -> tuple[Inbox, list[int]]:
    """An inbox with so many events, and how many were left whenever it said that it is low."""
    said: list[int] = []
    inbox = Inbox(low, lambda: said.append(inbox.qsize()))
    for number in range(count):
        inbox.put_nowait(event(number))
    return inbox, said


async def test_events_come_out_in_the_order_in_which_they_went_in() -> None:
    inbox, _ = filled(low=0, count=3)
    assert [await inbox.get() for _ in range(3)] == [event(0), event(1), event(2)]
    assert inbox.empty()


async def test_whoever_waits_gets_the_next_one() -> None:
    inbox, _ = filled(low=0, count=0)
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait(event(1))
    assert not inbox.empty(), "it waits until the task has run"
    inbox.put_nowait(event(2))
    assert await waiting == event(1)
    assert inbox.qsize() == 1


async def test_whoever_is_cancelled_while_waiting_takes_nothing_away() -> None:
    inbox, _ = filled(low=0, count=0)
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait(event(1))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await inbox.get() == event(1)


@pytest.mark.parametrize("low", [0, 1, 3])
async def test_it_says_once_that_it_is_low_each_time_that_it_falls_so_far(low: int) -> None:
    inbox, said = filled(low, count=5)
    for _ in range(2):
        while not inbox.empty():
            await inbox.get()
        for number in range(5):
            inbox.put_nowait(event(number))
    assert said == [low, low]


async def test_a_fault_is_raised_after_what_came_before_it() -> None:
    inbox, _ = filled(low=0, count=1)
    inbox.fail(ZeroDivisionError("a fault of ours"))
    assert await inbox.get() == event(0)
    with pytest.raises(ZeroDivisionError):
        await inbox.get()
