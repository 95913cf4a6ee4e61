"""Sessions outlive their connections, whichever program serves and however it notices that one is gone."""

import asyncio

from tests.posting import ANSWER, OFFER
from tests.resumingclient import ResumingClient
from tests.serverprocess import HOST, Program, Server
from tests.wsclient import Peer

QUICKLY = {"first_wait_seconds": 0.1, "most_wait_seconds": 0.2}


def lose(peer: Peer) -> None:
    """Its connection is reset."""
    peer.socket.transport.abort()


async def call_held(bob: Peer, call: str) -> int:
    """Trickles until the server has noticed that the other party is away; how many it sent."""
    async with asyncio.timeout(5):
        for number in range(1, 200):
            await bob.send("candidate", id=str(number), call=call, candidate=None)
            if (await bob.expect("ack", id=str(number)))["state"] == "held":
                return number
    raise AssertionError("nobody noticed")


async def test_what_was_missed_comes_again_in_order_and_what_was_taken_up_is_counted(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as bob:
        async with Peer.welcomed(running.ws_url) as ada:
            call = await ada.dial(bob.id, OFFER, id="a1")
            await bob.expect("offer", call=call)
            await bob.answer(call, ANSWER)
            await ada.expect("answer", call=call)
            await ada.trickle(call, None)
            await bob.expect("candidate", call=call)
            lose(ada)
        held = await call_held(bob, call)
        async with Peer.connected(running.ws_url) as again:
            welcome = await again.hello(peer=ada.id, resume=ada.welcome["resume"], seq=ada.seq)
            assert (welcome["resumed"], welcome["received"], welcome["seq"]) == (True, 2, ada.seq + held)
            for _ in range(held):
                await again.expect("candidate", call=call, candidate=None)
            await again.hangup(call)
            await bob.expect("hangup", call=call, reason="done")
            await again.expect_nothing_else()


async def test_a_seat_is_kept_and_nobody_is_told(running: Server, program: Program) -> None:
    table = f"seat {program}"
    async with (
        Peer.welcomed(running.ws_url) as bob,
        ResumingClient.welcomed(HOST, running.port, HOST, **QUICKLY) as ada,
    ):
        ada.say("join", table=table)
        await ada.expect("joined")
        await bob.send("join", table=table)
        await bob.expect("joined")
        ada.cut()
        assert await ada.comes_back()
        await bob.expect_nothing_else()
        await bob.send("leave", table=table)
        await ada.expect("peer_joined", peer=bob.id)
        await ada.expect("peer_left", peer=bob.id)


async def test_a_connection_that_was_thought_lost_is_superseded(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as ada, Peer.connected(running.ws_url) as again:
        assert (await again.hello(peer=ada.id, resume=ada.welcome["resume"]))["resumed"] is True
        await ada.expect_close(4505)
        await again.expect_nothing_else()


async def test_a_wrong_secret_is_refused_and_the_right_one_still_holds(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as ada:
        lose(ada)
    async with Peer.connected(running.ws_url) as mallory:
        await mallory.send("hello", peer=ada.id, resume="wrong")
        await mallory.expect("error", code="identity_taken")
        await mallory.expect_close(4504)
    async with Peer.connected(running.ws_url) as again:
        assert (await again.hello(peer=ada.id, resume=ada.welcome["resume"]))["resumed"] is True


async def test_a_seq_that_was_never_sent_is_a_new_session(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as bob:
        async with Peer.welcomed(running.ws_url) as ada:
            call = await ada.dial(bob.id, OFFER)
            await bob.expect("offer", call=call)
            lose(ada)
        async with Peer.connected(running.ws_url) as again:
            await again.send("hello", peer=ada.id, resume=ada.welcome["resume"], proof=ada.welcome["proof"], seq=99)
            assert (await again.expect("welcome"))["resumed"] is False
            await bob.expect("hangup", call=call, reason="gone")
