"""Data channels between real WebRTC peers, signalled through a real server, in each of the five ways."""

import asyncio
import json

from tests import goclient
from tests.rtc.datachannel import DataPeer, assert_bytes_flow
from tests.serverprocess import Server
from tests.wsclient import Frame, Peer


async def test_websocket_to_websocket_with_trickle(signalling_server: Server) -> None:
    async with (
        Peer.welcomed(signalling_server.ws_url, name="Ada") as ada,
        Peer.welcomed(signalling_server.ws_url, name="Bob") as bob,
        DataPeer() as caller,
        DataPeer() as callee,
    ):
        offer = await caller.offer(with_candidates=False)
        call = await ada.dial(bob.id, offer, id="a1")
        assert (await ada.expect("ack", id="a1"))["state"] == "delivered"
        await ada.trickle(call, *caller.candidates(), None)

        offered = await bob.expect("offer", call=call)
        assert (offered["from"], offered["name"], offered["trickle"], offered["polite"]) == (ada.id, "Ada", True, True)
        assert offered["description"] == offer
        await bob.answer(call, await callee.answer(offered["description"], with_candidates=False))
        await bob.trickle(call, *callee.candidates(), None)

        answered = await ada.expect("answer", call=call)
        assert answered["from"] == bob.id
        await caller.accept(answered["description"])
        assert await trickle_into(caller, ada, call) == callee.candidates()
        assert await trickle_into(callee, bob, call) == caller.candidates()
        await assert_bytes_flow(caller, callee)

        await ada.hangup(call)
        assert (await bob.expect("hangup", call=call))["reason"] == "done"
        await ada.expect_nothing_else()
        await bob.expect_nothing_else()


async def test_websocket_to_websocket_by_identifier(signalling_server: Server) -> None:
    async with (
        Peer.welcomed(signalling_server.ws_url) as ada,
        Peer.welcomed(signalling_server.ws_url) as bob,
        DataPeer() as caller,
        DataPeer() as callee,
    ):
        call = await ada.dial(bob.identifier, await caller.offer(with_candidates=True))
        await answer_completely(bob, callee, await bob.expect("offer", call=call))
        await caller.accept((await ada.expect("answer", call=call))["description"])
        await assert_bytes_flow(caller, callee)


async def test_post_to_websocket(signalling_server: Server) -> None:
    async with Peer.welcomed(signalling_server.ws_url) as bob, DataPeer() as caller, DataPeer() as callee:
        dialling = asyncio.create_task(goclient.dial(caller, signalling_server.http_url, "", callee=bob.id))
        offered = await bob.expect("offer", via="http", trickle=False)
        await answer_completely(bob, callee, offered)

        reply = await dialling
        assert (reply.status, reply.json["OfferUUID"]) == (200, offered["call"])
        assert reply.headers["Content-Type"] == "application/json"
        await assert_bytes_flow(caller, callee)
        await bob.expect_nothing_else()


async def test_post_to_websocket_by_the_servers_own_address(signalling_server: Server) -> None:
    """The whole identifier of a peer on a WebSocket works in an unmodified client."""
    async with Peer.welcomed(signalling_server.ws_url) as bob, DataPeer() as caller, DataPeer() as callee:
        dialling = asyncio.create_task(
            goclient.dial(caller, signalling_server.http_url, signalling_server.http_url, callee=bob.id)
        )
        await answer_completely(bob, callee, await bob.expect("offer", via="http"))
        assert (await dialling).status == 200
        await assert_bytes_flow(caller, callee)


async def test_post_to_http_answerer(signalling_server: Server) -> None:
    """The original's way: both are unmodified clients, and the callee's Uuid is all zeros."""
    async with goclient.Answerer.listening() as answerer, DataPeer() as caller:
        reply = await goclient.dial(caller, signalling_server.http_url, answerer.public_ip)
        assert reply.status == 200
        await assert_bytes_flow(caller, await answerer.callees.get())

    [(headers, body)] = answerer.requests
    assert json.loads(body)["OfferUUID"] == reply.json["OfferUUID"]
    assert headers["Roundtable-Hop"] == "1"


async def test_websocket_to_http_answerer_by_identifier(signalling_server: Server) -> None:
    async with (
        goclient.Answerer.listening() as answerer,
        Peer.welcomed(signalling_server.ws_url) as ada,
        DataPeer() as caller,
    ):
        offer = await caller.offer(with_candidates=True)
        call = await ada.dial(goclient.identifier(answerer.public_ip), offer, id="a1", trickle=False)
        ack = await ada.expect("ack", id="a1")
        assert (ack["state"], ack["trickle"]) == ("done", False)
        await caller.accept((await ada.expect("answer", call=call))["description"])
        await assert_bytes_flow(caller, await answerer.callees.get())
        await ada.expect_nothing_else()


async def test_post_across_two_servers(signalling_server: Server, other_server: Server) -> None:
    async with Peer.welcomed(other_server.ws_url) as bob, DataPeer() as caller, DataPeer() as callee:
        dialling = asyncio.create_task(
            goclient.dial(caller, signalling_server.http_url, other_server.http_url, callee=bob.id)
        )
        await answer_completely(bob, callee, await bob.expect("offer", via="http", trickle=False))
        assert (await dialling).status == 200
        await assert_bytes_flow(caller, callee)


async def test_websocket_across_two_servers(signalling_server: Server, other_server: Server) -> None:
    async with (
        Peer.welcomed(signalling_server.ws_url) as ada,
        Peer.welcomed(other_server.ws_url) as bob,
        DataPeer() as caller,
        DataPeer() as callee,
    ):
        call = await ada.dial(bob.identifier, await caller.offer(with_candidates=True), id="a1", trickle=False)
        offered = await bob.expect("offer", call=call, via="http", trickle=False)
        assert offered["from"] == ada.id
        await answer_completely(bob, callee, offered)

        assert (await ada.expect("ack", id="a1"))["state"] == "done"
        await caller.accept((await ada.expect("answer", call=call))["description"])
        await assert_bytes_flow(caller, callee)
        await ada.expect_nothing_else()
        await bob.expect_nothing_else()


async def trickle_into(peer: DataPeer, socket: Peer, call: str) -> list[Frame]:
    """Takes the candidates that came over the WebSocket, and their end; those that there were."""
    candidates = []
    while (candidate := (await socket.expect("candidate", call=call))["candidate"]) is not None:
        candidates.append(candidate)
        await peer.add(candidate)
    await peer.add(None)
    return candidates


async def answer_completely(socket: Peer, callee: DataPeer, offered: Frame) -> None:
    """What a callee does when the offer says that nothing can be trickled."""
    await socket.answer(offered["call"], await callee.answer(offered["description"], with_candidates=True))
