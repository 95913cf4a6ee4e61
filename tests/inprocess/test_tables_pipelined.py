"""A join and fifteen offers in one go: whatever is pipelined, `peer_joined` comes before any frame of the newcomer."""

import asyncio
import json
import logging
import uuid
from contextlib import AsyncExitStack

import pytest
import uvloop

from tests.inprocess.application import Application, Frame, Socket, application
from tests.waiting import WITHIN_SECONDS

TABLE = "camelot"
MEMBERS = 15
NEWCOMERS = 4
"""Who come at once, each with its frames in one go."""
ROUNDS_ON_EACH_LOOP = 125
LIMITS = {"table_capacity": MEMBERS + NEWCOMERS}
FRAMES_ABOUT_EACH = ["peer_joined", "offer", "hangup", "peer_left"]


class Member:
    """Somebody who sits at the table all the time, and keeps books of who else does."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.seq = 0
        self.newcomers: set[str] = set()
        self.offers = 0

    async def reads(self, frames: int) -> None:
        """The next so many frames."""
        for _ in range(frames):
            frame = await self.next_frame()
            peer = str(frame.get("from", frame.get("peer")))
            if frame["type"] == "peer_joined":
                assert peer not in self.newcomers
                self.newcomers.add(peer)
            assert peer in self.newcomers, f"{frame['type']} before peer_joined"
            if frame["type"] == "peer_left":
                self.newcomers.remove(peer)
            self.offers += frame["type"] == "offer"

    async def next_frame(self) -> Frame:
        """The next frame, which has the next number."""
        event = await self.socket.receive_output(WITHIN_SECONDS)
        frame: Frame = json.loads(event["text"])
        self.seq += 1
        assert frame["seq"] == self.seq, "seq has no gap"
        return frame


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_no_member_sees_an_offer_before_peer_joined(
    new_loop: "type[asyncio.AbstractEventLoop]", caplog: pytest.LogCaptureFixture
) -> None:
    """A thousand times in all: two loops, 125 rounds, four newcomers."""
    caplog.set_level(logging.WARNING, "signalling")  # 40,000 lines would take longer than everything else
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(many_come_and_go())


async def many_come_and_go() -> None:
    async with application(limits=LIMITS) as app, AsyncExitStack() as peers:
        members = [Member(await peers.enter_async_context(app.peer())) for _ in range(MEMBERS)]
        await sit_down(members)
        for _ in range(ROUNDS_ON_EACH_LOOP):
            await come_and_go(app, members)
        assert {member.offers for member in members} == {NEWCOMERS * ROUNDS_ON_EACH_LOOP}
        for member in members:
            await member.socket.expect_nothing_else()


async def sit_down(members: list[Member]) -> None:
    """All members, of whom each has read everything."""
    for position, member in enumerate(members):
        await member.socket.say("join", table=TABLE)
        joined = await member.next_frame()
        assert len(joined["peers"]) == position
    for position, member in enumerate(members):
        for _ in members[position + 1 :]:
            assert (await member.next_frame())["type"] == "peer_joined"


async def come_and_go(app: Application, members: list[Member]) -> None:
    """Newcomers join, call every member in the same breath, and vanish."""
    async with AsyncExitStack() as sockets:
        newcomers = [await sockets.enter_async_context(app.peer()) for _ in range(NEWCOMERS)]
        for newcomer in newcomers:
            await pipeline(newcomer, [member.socket.id for member in members])
        await asyncio.gather(*(are_delivered(newcomer) for newcomer in newcomers))
    for member in members:
        await member.reads(len(FRAMES_ABOUT_EACH) * NEWCOMERS)
        assert not member.newcomers


async def pipeline(newcomer: Socket, members: list[str]) -> None:
    """One write: all of it waits for the application before it runs again."""
    await newcomer.say("join", id="j", table=TABLE)
    for member in members:
        await newcomer.dial(member, str(uuid.uuid4()), id="o", table=TABLE)


async def are_delivered(newcomer: Socket) -> None:
    """The newcomer was seated, and each of its offers delivered."""
    seated = Member(newcomer)
    assert (await seated.next_frame())["type"] == "joined"
    kinds = [frame["type"] for frame in [await seated.next_frame() for _ in range(MEMBERS)]]
    while kinds.count("ack") < MEMBERS:  # between them, who came after it
        kinds.append((await seated.next_frame())["type"])
    assert set(kinds) <= {"ack", "peer_joined"}
