"""The event loop's lag: measured while the process serves, and nothing is left of it at the end."""

from __future__ import annotations

import asyncio
import time

import pytest

from signalling import pulse
from signalling.operators.overview import overview
from signalling.pulse import Pulse
from tests.inprocess.application import application
from tests.waiting import WITHIN_SECONDS, until


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0.01)
    return []


async def test_it_tells_again_and_again_how_late_the_loop_is(beats: list[float]) -> None:
    heart = Pulse(beats.append)
    heart.start()
    await until(lambda: len(beats) > 2)
    heart.stop()
    assert all(late >= 0 for late in beats)


async def test_a_loop_that_is_held_up_is_late(beats: list[float]) -> None:
    heart = Pulse(beats.append)
    heart.start()
    time.sleep(0.2)  # noqa: ASYNC251 (that is what it is about)
    await until(lambda: bool(beats))
    heart.stop()
    assert beats[0] >= 0.15


async def test_it_beats_once_however_often_it_is_started_and_not_when_it_was_stopped(beats: list[float]) -> None:
    heart = Pulse(beats.append)
    heart.start()
    timer = heart._timer
    heart.start()
    assert heart._timer is timer
    heart.stop()
    assert timer is not None
    assert timer.cancelled()


def test_it_goes_on_on_another_loop(beats: list[float]) -> None:
    """A loop that was closed calls nothing any more."""
    heart = Pulse(beats.append)

    async def beat_once() -> None:
        before = len(beats)
        heart.start()
        await until(lambda: len(beats) > before)

    for _ in range(2):
        asyncio.run(beat_once())
    assert len(beats) >= 2


async def test_whatever_comes_first_starts_it_and_the_end_of_the_runtime_stops_it(beats: list[float]) -> None:
    async with application() as app:
        assert overview(app.runtime).lag_p99_seconds is None
        await app.get("/healthz")
        async with app.peer(), asyncio.timeout(WITHIN_SECONDS):
            await until(lambda: overview(app.runtime).minutes[-1].greatest_sessions == 1)
        assert overview(app.runtime).lag_p99_seconds is not None
    assert app.runtime._pulse._timer is None
