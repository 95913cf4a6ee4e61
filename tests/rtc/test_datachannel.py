"""The stand-ins themselves, without a server: what fails here is no fault of the signalling."""

import json

from tests import goclient
from tests.rtc.datachannel import DataPeer, assert_bytes_flow

WITHOUT_CREDENTIALS = {"type": "offer", "sdp": "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"}
"""No peer can answer it: ICE needs a user name and a password."""


async def test_complete_descriptions_connect() -> None:
    async with DataPeer() as caller, DataPeer() as callee:
        offer = await caller.offer(with_candidates=True)
        await caller.accept(await callee.answer(offer, with_candidates=True))
        await assert_bytes_flow(caller, callee)


async def test_candidates_of_one_side_are_enough() -> None:
    """The other's are learnt as peer-reflexive (RFC 8445, section 7.3.1.3): so a Go caller's offer can do without."""
    async with DataPeer() as caller, DataPeer() as callee:
        offer = await caller.offer(with_candidates=False)
        await caller.accept(await callee.answer(offer, with_candidates=True))
        await assert_bytes_flow(caller, callee)


async def test_trickled_candidates_connect() -> None:
    async with DataPeer() as caller, DataPeer() as callee:
        offer = await caller.offer(with_candidates=False)
        await caller.accept(await callee.answer(offer, with_candidates=False))
        assert "a=candidate" not in offer["sdp"]
        for candidate in [*callee.candidates(), None]:
            await caller.add(candidate)
        await assert_bytes_flow(caller, callee)


async def test_candidates_stay_on_loopback() -> None:
    async with DataPeer() as caller:
        await caller.offer(with_candidates=False)
        addresses = [candidate["candidate"].split()[4] for candidate in caller.candidates()]
        assert addresses == ["127.0.0.1"]


async def test_the_clients_caller_reaches_its_callee_without_a_server() -> None:
    async with goclient.Answerer.listening() as answerer, DataPeer() as caller:
        reply = await goclient.dial(caller, answerer.public_ip, answerer.public_ip)
        assert reply.status == 200
        await assert_bytes_flow(caller, await answerer.callees.get())


async def test_the_clients_request_has_the_bytes_that_go_writes() -> None:
    async with goclient.Answerer.listening() as answerer:
        description = {"type": "offer", "sdp": "v=0\r\na=<&>\r\n"}
        call = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
        body = goclient.request_body(description, "http://127.0.0.1:1067", call=call)
        await goclient.post(answerer.public_ip, body)

    [(headers, received)] = answerer.requests
    assert received == body
    assert body.startswith(
        b'{"AnsweringPeerID":{"Uuid":"00000000-0000-0000-0000-000000000000","PublicIP":"http://127.0.0.1:1067"},'
        b'"OfferingPeerID":{"Uuid":"'
    )
    assert body.endswith(
        b'","PublicIP":""},"OfferUUID":"6ba7b811-9dad-11d1-80b4-00c04fd430c8",'
        b'"WebRTCSessionDescription":{"type":"offer","sdp":"v=0\\r\\na=\\u003c\\u0026\\u003e\\r\\n"}}'
    )
    assert json.loads(body)["WebRTCSessionDescription"] == description
    assert list(headers.items()) == [
        ("Host", answerer.public_ip.removeprefix("http://")),
        ("User-Agent", "Go-http-client/1.1"),
        ("Content-Length", str(len(body))),
        ("Content-Type", "application/json"),
        ("Accept-Encoding", "gzip"),
    ]


async def test_the_clients_answerer_refuses_with_an_empty_body() -> None:
    async with goclient.Answerer.listening() as answerer:
        undecodable = await goclient.post(answerer.public_ip, b"{")
        unusable = await goclient.post(
            answerer.public_ip, goclient.request_body(WITHOUT_CREDENTIALS, answerer.public_ip)
        )
    assert (undecodable.status, undecodable.body) == (400, b"")
    assert (unusable.status, unusable.body) == (500, b"")
