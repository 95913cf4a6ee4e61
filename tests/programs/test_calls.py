"""Calls, whichever program serves: from the first offer to the hang-up, refused, renegotiated and crossed."""

import uuid

from tests.posting import ANSWER, OFFER
from tests.serverprocess import Server
from tests.wsclient import Peer

LATER_OFFER = {"type": "offer", "sdp": "v=0\r\no=- 1 3 IN IP4 127.0.0.1\r\ns=-\r\n"}
LATER_ANSWER = {"type": "answer", "sdp": "v=0\r\no=- 3 5 IN IP4 127.0.0.1\r\ns=-\r\n"}
CANDIDATES = [{"candidate": "", "sdpMid": "0"}, {"candidate": "", "sdpMid": "1", "usernameFragment": "f"}]
SMALLER, LARGER = sorted(str(uuid.uuid4()) for _ in range(2))


async def established(ada: Peer, bob: Peer) -> str:
    """A call that ada made and bob answered."""
    call = await ada.dial(bob.id, OFFER)
    await bob.expect("offer", call=call)
    await bob.answer(call, ANSWER)
    await ada.expect("answer", call=call)
    return call


async def test_a_call_with_candidates_both_ways(running: Server) -> None:
    async with Peer.welcomed(running.ws_url, name="Ada") as ada, Peer.welcomed(running.ws_url) as bob:
        call = await ada.dial(bob.id, OFFER, id="a1")
        await ada.expect("ack", id="a1", state="delivered")
        await ada.trickle(call, CANDIDATES[0])  # it need not wait for the answer
        offered = await bob.expect("offer", call=call, name="Ada", description=OFFER, polite=True, trickle=True)
        assert offered["from"] == ada.id
        await bob.expect("candidate", call=call, candidate=CANDIDATES[0])
        await bob.answer(call, ANSWER)
        await bob.send("candidate", call=call, candidates=CANDIDATES)
        await bob.trickle(call, None)
        await ada.expect("answer", call=call, description=ANSWER)
        await ada.expect("candidate", call=call, candidates=CANDIDATES)
        await ada.expect("candidate", call=call, candidate=None)
        await bob.hangup(call)
        await ada.expect("hangup", call=call, reason="done")
        await bob.expect_nothing_else()


async def test_an_identifier_is_dialled_as_an_id_is(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
        call = await ada.dial(bob.identifier, OFFER)
        await bob.expect("offer", call=call)


async def test_either_party_renegotiates(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
        call = await established(ada, bob)
        for sender, receiver, is_polite in ((ada, bob, True), (bob, ada, False)):
            await sender.send("offer", call=call, description=LATER_OFFER)
            await receiver.expect("offer", call=call, description=LATER_OFFER, polite=is_polite)
            await receiver.answer(call, LATER_ANSWER)
            await sender.expect("answer", call=call, description=LATER_ANSWER)


async def test_of_two_offers_at_once_the_polite_partys_is_void(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
        call = await established(ada, bob)
        await ada.send("offer", id="a", call=call, description=LATER_OFFER)
        await ada.expect("ack", id="a", state="delivered")
        await bob.send("offer", id="b", call=call, description=LATER_OFFER)
        await bob.expect("ack", id="b", state="dropped")
        await bob.expect("offer", call=call, description=LATER_OFFER)
        await bob.answer(call, LATER_ANSWER)
        await ada.expect("answer", call=call, description=LATER_ANSWER)
        await ada.expect_nothing_else()


async def test_an_offer_is_rejected_withdrawn_or_not_answered_in_time(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
        unanswered = await ada.dial(bob.id, OFFER)
        rejected = await ada.dial(bob.id, OFFER)
        await bob.expect("offer", call=rejected)
        await bob.reject(rejected, "busy")
        await ada.expect("reject", call=rejected, reason="busy")
        withdrawn = await ada.dial(bob.id, OFFER)
        await ada.hangup(withdrawn)
        await bob.expect("hangup", call=withdrawn, reason="done")
        await ada.expect("error", call=unanswered, code="answer_timeout")
        await bob.expect("hangup", call=unanswered, reason="timeout")


async def test_of_two_calls_that_cross_the_smaller_stays(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
        await ada.dial(bob.id, OFFER, call=SMALLER)
        await bob.expect("offer", call=SMALLER)
        await bob.dial(ada.id, OFFER, call=LARGER, id="b1")
        await bob.expect("ack", id="b1", state="done")
        await bob.expect("reject", call=LARGER, reason="glare")
        await bob.answer(SMALLER, ANSWER)
        await ada.expect("answer", call=SMALLER)
        await ada.expect_nothing_else()


async def test_who_leaves_ends_its_calls(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
        call = await established(ada, bob)
        unanswered = await ada.dial(bob.id, OFFER)
        await bob.expect("offer", call=unanswered)
        await bob.bye()
        await ada.expect("hangup", call=call, reason="bye")
        await ada.expect("error", call=unanswered, code="peer_gone")
        await ada.dial(bob.id, OFFER, id="late")
        await ada.expect("error", id="late", code="peer_unavailable")


async def test_t29_a_third_party_has_no_say_in_a_call(running: Server) -> None:
    async with (
        Peer.welcomed(running.ws_url) as ada,
        Peer.welcomed(running.ws_url) as bob,
        Peer.welcomed(running.ws_url) as mallory,
    ):
        call = await established(ada, bob)
        await mallory.trickle(call, None)
        await mallory.expect("error", about="candidate", code="call_unknown")
        await ada.expect_nothing_else()
        await bob.expect_nothing_else()
