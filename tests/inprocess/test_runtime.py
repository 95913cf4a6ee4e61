"""The runtime's clock: deadlines are kept by one timer, on every event loop."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from tests.inprocess.application import application
from tests.posting import offer
from tests.waiting import WITHIN_SECONDS, until


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_deadlines_nearer_than_the_resolution_of_the_clock(new_loop: "type[asyncio.AbstractEventLoop]") -> None:
    """For these uvloop's `call_later` gives a handle of another class."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(time_out_at_once())


async def time_out_at_once() -> None:
    async with application(timeout=0.000_1) as app, app.peer() as bob:
        bodies = [offer(bob.id) for _ in range(5)]
        replies = await asyncio.gather(*(app.post(body) for body in bodies))
        assert [reply.code for reply in replies] == ["answer_timeout"] * 5


async def test_each_deadline_is_kept_though_later_ones_were_set_first() -> None:
    async with application(timeout=60, limits={"hello_seconds": 0.05}) as app, app.peer() as bob:
        ringing = await app.ringing(bob)
        late = app.socket()
        await late.open()
        assert await late.expect_close(4005) == "no hello came in time"
        assert not ringing.is_over
        await late.vanish()
        await ringing.hang_up()


async def test_a_deadline_that_was_met_disturbs_nobody() -> None:
    async with application(limits={"hello_seconds": 0.05}) as app, app.peer() as ada:
        late = app.socket()
        await late.open()
        await late.expect_close(4005)
        await late.vanish()
        await ada.expect_nothing_else()


async def test_a_deadline_that_fails_does_not_stop_the_clock_for_those_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first of two sessions whose time to be resumed is over fails halfway; nothing else happens meanwhile."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[object] = loop.create_future()
    loop.set_exception_handler(lambda _, context: told.set_result(context["exception"]))
    async with application(limits={"resume_seconds": 0.1}) as app, app.peer() as ada, app.peer() as bob:
        calling = app.runtime.switchboard.calling
        monkeypatch.setattr(calling, "desert", FailsOnce(calling.desert))
        await ada.vanish()
        await bob.vanish()
        async with asyncio.timeout(WITHIN_SECONDS):
            assert isinstance(await told, Fault)
        await until(lambda: not app.runtime.switchboard.peers)


class Fault(Exception):
    """One of ours."""


class FailsOnce:
    """A method that raises when it is called for the first time."""

    def __init__(self, method: Callable[..., None]) -> None:
        self._method = method
        self._has_failed = False

    def __call__(self, *arguments: object) -> None:
        if not self._has_failed:
            self._has_failed = True
            raise Fault
        self._method(*arguments)
