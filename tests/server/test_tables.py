"""Sixteen peers at one table of a real server, over real sockets, who all come at once."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from tests.posting import ANSWER, OFFER
from tests.serverprocess import Server, server
from tests.wsclient import Peer

SEATS = 16
CALLS = SEATS * (SEATS - 1) // 2
TABLE = "camelot"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server() as started:
        yield started


async def test_sixteen_peers_form_exactly_120_calls(running: Server) -> None:
    async with AsyncExitStack() as sockets:
        peers = [await sockets.enter_async_context(Peer.welcomed(running.ws_url)) for _ in range(SEATS)]
        dialled = await asyncio.gather(*(sit_down_and_call(peer) for peer in peers))
        for peer in peers:
            await peer.expect_nothing_else()  # so: no glare, no error, no hang-up, and nothing twice
        pairs = {frozenset({peer.id, callee}) for peer, calls in zip(peers, dialled, strict=True) for callee in calls}
        assert (len(pairs), sum(map(len, dialled))) == (CALLS, CALLS)
        for peer in peers:
            assert_known_before_heard_of(peer)


async def sit_down_and_call(peer: Peer) -> list[str]:
    """Takes a seat, calls whoever sits there and answers whoever comes later; the peers that were called."""
    await peer.send("join", id="j", table=TABLE)
    joined = await peer.expect("joined", id="j", table=TABLE)
    seated = [member["peer"] for member in joined["peers"]]
    calls = [await peer.dial(callee, OFFER, id=callee, table=TABLE) for callee in seated]
    for _ in range(SEATS - 1 - len(seated)):
        newcomer = await peer.expect("peer_joined", table=TABLE)
        offered = await peer.expect("offer", table=TABLE, **{"from": newcomer["peer"]})
        await peer.answer(offered["call"], ANSWER)
    for callee, call in zip(seated, calls, strict=True):
        await peer.expect("ack", id=callee, state="delivered")
        await peer.expect("answer", call=call, **{"from": callee})
    return seated


def assert_known_before_heard_of(peer: Peer) -> None:
    """Nothing came from a peer of whom it had not been told."""
    known: set[str] = set()
    for frame in peer.received:
        if frame["type"] == "joined":
            known.update(member["peer"] for member in frame["peers"])
        elif frame["type"] == "peer_joined":
            known.add(frame["peer"])
        assert frame.get("from", peer.id) in {peer.id, *known}
