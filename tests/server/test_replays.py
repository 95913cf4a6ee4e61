"""A session that is resumed gets all that was held for it, though that is as much as may be unsent."""

import json

import pytest

from tests.posting import ANSWER, OFFER
from tests.serverprocess import Program, server
from tests.wsclient import Frame, Peer

pytestmark = pytest.mark.usefixtures("lane")

BYTES = 131_072
"""The least that may be held, and unsent: with the `welcome` before it, a full buffer is more than that."""
SPARE_BYTES = 100
PIECE_BYTES = 40_000


@pytest.mark.parametrize("program", ["serve", "uvicorn"])
async def test_r10_a_full_buffer_is_replayed_whole_at_the_first_attempt(program: Program) -> None:
    limits = {"unsent_bytes": BYTES, "buffer_bytes": BYTES}
    with server({"limits": limits}, program=program) as running:
        async with Peer.welcomed(running.ws_url) as bob:
            async with Peer.welcomed(running.ws_url) as ada:
                call = await ada.dial(bob.id, OFFER)
                await bob.expect("offer", call=call)
                await bob.answer(call, ANSWER)
                await ada.expect("answer")
                ada.socket.transport.abort()
            held = await fill(bob, call)
            async with Peer.connected(running.ws_url) as again:
                welcome = await again.hello(peer=ada.id, resume=ada.welcome["resume"], seq=ada.seq)
                assert welcome["resumed"] is True
                for candidate in held:
                    await again.expect("candidate", candidate=candidate)
                await again.expect_nothing_else()
                assert size_of(welcome) + sum(map(size_of, again.received[1:-1])) > BYTES


async def fill(sender: Peer, call: str) -> list[Frame | None]:
    """Sends candidates until the buffer of the other party is full; all that it has not got."""
    candidates: list[Frame | None] = [None]
    while await state_of(sender, call, None) != "held":
        candidates.append(None)  # nobody has noticed yet that it is away
    empty = size_of(frame_of(call, sender.id, {"candidate": ""}))
    room = BYTES - SPARE_BYTES - len(candidates) * size_of(frame_of(call, sender.id, None))
    while room > empty:
        candidate = {"candidate": "x" * min(PIECE_BYTES, room - empty)}
        assert await state_of(sender, call, candidate) == "held"
        candidates.append(candidate)
        room -= size_of(frame_of(call, sender.id, candidate))
    return candidates


async def state_of(sender: Peer, call: str, candidate: Frame | None) -> str:
    """What became of this candidate."""
    await sender.send("candidate", id="c", call=call, candidate=candidate)
    return str((await sender.expect("ack", id="c"))["state"])


def frame_of(call: str, sender: str, candidate: Frame | None) -> Frame:
    """A candidate as its receiver gets it."""
    return {"type": "candidate", "call": call, "from": sender, "candidate": candidate, "seq": 10}


def size_of(frame: Frame) -> int:
    """Its bytes, about."""
    return len(json.dumps(frame, separators=(",", ":")))
