"""The statuses of `POST /signal`, row by row as docs/protocol.md has them, from a real server."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests import answerers, goclient
from tests.loopback import fresh_address
from tests.posting import ANSWER, NIL_UUID, OFFER, Reply, offer, post, request
from tests.serverprocess import Server, server
from tests.waiting import until
from tests.wsclient import Peer

CALL = answerers.CALL
NOBODY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
TIMEOUT_SECONDS = 2


@pytest.fixture(scope="module", params=["serve", "daphne", "uvicorn"])
def here(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that may post to loopback addresses. Each request comes from an address of its own."""
    config = {"timeout": TIMEOUT_SECONDS, "forwardallow": ["127.0.0.0/8", "::1/128"]}
    with server(config, program=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def fenced() -> Iterator[Server]:
    """A server for the pages of one origin."""
    with server({"allowedorigins": ["https://app.example"]}) as running:
        yield running


def assert_try_again(reply: Reply, status: int, code: str) -> None:
    reply.assert_problem(status, code)
    assert reply.retry_after >= 1


class TestAnswered:
    async def test_200_with_the_answer_of_a_peer_on_a_websocket(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as bob:
            posting = asyncio.create_task(post(here.http_url, offer(bob.id, call=CALL)))
            offered = await bob.expect("offer", call=CALL, via="http", trickle=False)
            assert offered["description"] == OFFER
            await bob.answer(CALL, ANSWER)
            reply = await posting
        assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
        assert reply.json == {"OfferUUID": CALL, "WebRTCSessionDescription": ANSWER}

    async def test_200_with_the_body_of_an_http_answerer_byte_for_byte(self, here: Server) -> None:
        odd = (
            b' {"weBRTCSessionDescription" :{"sdp":"v=0\\u000d\\n","type":"answer"},"OfferUUID":"%b"}\n' % CALL.encode()
        )
        async with answerers.listening(answerers.answering(odd), fresh_address()) as answerer:
            body = offer(at=answerer.target.prefix, call=CALL)
            reply = await post(here.http_url, body)
        assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/json", odd)
        (received,) = answerer.requests
        assert (received.line, received.body) == ("POST /signal HTTP/1.1", body)
        assert received.headers["roundtable-hop"] == "1"
        assert received.headers["via"].startswith("1.1 ")


class TestGoClient:
    """The exact bytes that an unmodified Roundtable client sends."""

    async def test_its_request_is_answered(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as bob:
            posting = asyncio.create_task(goclient.post(here.http_url, goclient.request_body(OFFER, "", bob.id, CALL)))
            await bob.expect("offer", call=CALL, description=OFFER)
            await bob.answer(CALL, ANSWER)
            reply = await posting
        assert (reply.status, reply.json["OfferUUID"]) == (200, CALL)

    async def test_its_request_with_a_zero_uuid_goes_to_the_address(self, here: Server) -> None:
        async with answerers.listening(answerers.answering(), fresh_address()) as answerer:
            body = goclient.request_body(OFFER, answerer.target.prefix, call=CALL)
            reply = await goclient.post(here.http_url, body)
        assert (reply.status, reply.body) == (200, answerers.ANSWER)
        assert [received.body for received in answerer.requests] == [body]

    @pytest.mark.parametrize(
        "written",
        [
            str.upper,
            lambda peer: f"{{{peer}}}",
            lambda peer: f"urn:uuid:{peer}",
            lambda peer: f"URN:UUID:{peer.upper()}",
            lambda peer: peer.replace("-", ""),
        ],
        ids=["upper case", "braces", "urn", "upper-case urn", "bare"],
    )
    async def test_ids_in_every_form_of_its_library(self, here: Server, written: Any) -> None:
        async with Peer.welcomed(here.ws_url) as bob:
            call, claimed = str(uuid.uuid4()), str(uuid.uuid4())
            body = offer(written(bob.id), call=written(call), claiming=written(claimed))
            posting = asyncio.create_task(post(here.http_url, body))
            assert (await bob.expect("offer", call=call))["from"] == claimed
            await bob.answer(call, ANSWER)
            assert (await posting).json["OfferUUID"] == call

    async def test_null_and_missing_ids_are_zeros(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as bob:
            fields = json.loads(offer(bob.id))
            fields["OfferUUID"] = None
            fields["OfferingPeerID"] = {"Uuid": None}
            posting = asyncio.create_task(post(here.http_url, json.dumps(fields).encode()))
            assert (await bob.expect("offer", call=NIL_UUID))["from"] == NIL_UUID
            await bob.answer(NIL_UUID, ANSWER)
            assert (await posting).status == 200

    async def test_names_in_any_case_unknown_ones_ignored_and_an_upper_case_type(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as bob:
            fields = {
                "answeringpeerid": {"UUID": bob.id, "publicip": "", "more": []},
                "OFFERUUID": CALL,
                "webrtcSESSIONdescription": {"Type": "OFFER", "SDP": OFFER["sdp"]},
                "Version": {"major": 1},
            }
            posting = asyncio.create_task(post(here.http_url, json.dumps(fields).encode()))
            await bob.expect("offer", call=CALL, description=OFFER)
            await bob.answer(CALL, ANSWER)
            assert (await posting).status == 200


class TestRefused:
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", "bad_json"),
            (b"{", "bad_json"),
            (b"[" * 60_000, "bad_json"),
            (b"[]", "bad_message"),
            (offer(NOBODY, call="not-a-uuid"), "bad_message"),
            (offer("x"), "bad_message"),
            (offer(NOBODY, description=ANSWER), "bad_message"),
            (offer(NOBODY, "ftp://8.8.8.8"), "bad_message"),
            (offer(NOBODY, "http://8.8.8.8/path"), "bad_message"),
            (offer(NIL_UUID, ""), "bad_message"),
        ],
    )
    async def test_400_for_what_is_no_offer(self, here: Server, body: bytes, code: str) -> None:
        (await post(here.http_url, body)).assert_problem(400, code)

    @pytest.mark.parametrize("address", ["http://10.0.0.1", "http://127.0.0.1:22", "http://127.0.0.1:6379"])
    async def test_403_for_an_address_that_the_policy_refuses(self, here: Server, address: str) -> None:
        reply = await post(here.http_url, offer(at=address))
        reply.assert_problem(403, "target_not_allowed")

    async def test_403_for_a_privately_allowed_address_when_a_page_asks(self, here: Server) -> None:
        async with answerers.listening(answerers.answering(), fresh_address()) as answerer:
            reply = await post(
                here.http_url, offer(at=answerer.target.prefix, call=CALL), headers={"Origin": "https://app.example"}
            )
        reply.assert_problem(403, "target_not_allowed")
        assert not answerer.connections

    async def test_403_for_the_id_of_a_connected_peer(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as ada, Peer.welcomed(here.ws_url) as bob:
            (await post(here.http_url, offer(bob.id, claiming=ada.id))).assert_problem(403, "identity_taken")
            await bob.expect_nothing_else()

    @pytest.mark.parametrize("reason", ["busy", "declined", "unsupported", "failed"])
    async def test_403_when_the_callee_rejects_with_its_reason(self, here: Server, reason: str) -> None:
        async with Peer.welcomed(here.ws_url) as bob:
            posting = asyncio.create_task(post(here.http_url, offer(bob.id)))
            await bob.reject((await bob.expect("offer"))["call"], reason)
            reply = await posting
        reply.assert_problem(403, "rejected")
        assert reply.json["reason"] == reason

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
    async def test_405_for_other_methods(self, here: Server, method: str) -> None:
        reply = await request(method, f"{here.http_url}/signal")
        assert (reply.status, reply.headers["allow"]) == (405, "POST, OPTIONS")
        if method != "HEAD":
            reply.assert_problem(405, None)

    async def test_204_for_options_with_the_cors_headers(self, here: Server) -> None:
        asking = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
        reply = await request("OPTIONS", f"{here.http_url}/signal", headers=asking)
        assert (reply.status, reply.body, reply.headers["allow"]) == (204, b"", "POST, OPTIONS")
        assert reply.headers["access-control-allow-origin"] == "*"
        assert reply.headers["access-control-allow-methods"] == "POST"
        assert reply.headers["access-control-allow-headers"] == "Content-Type"

    async def test_409_for_the_same_offer_to_a_peer_in_flight(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as bob:
            body = offer(bob.id, call=CALL)
            posting = asyncio.create_task(post(here.http_url, body))
            await bob.expect("offer", call=CALL)
            (await post(here.http_url, body)).assert_problem(409, "call_exists")
            await bob.answer(CALL, ANSWER)
            assert (await posting).status == 200
            await bob.expect_nothing_else()

    async def test_409_for_the_same_offer_to_an_address_in_flight(self, here: Server) -> None:
        async with answerers.listening(answerers.tarpit, fresh_address()) as answerer:
            body = offer(at=answerer.target.prefix, call=CALL)
            posting = asyncio.create_task(post(here.http_url, body))
            await until_asked(answerer)
            (await post(here.http_url, body)).assert_problem(409, "call_exists")
            await hang_up(posting)
        assert answerer.connections == 1

    async def test_409_when_the_callee_has_that_call_open(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as ada, Peer.welcomed(here.ws_url) as bob:
            call = await ada.dial(bob.id, OFFER)
            await bob.expect("offer", call=call)
            (await post(here.http_url, offer(bob.id, call=call))).assert_problem(409, "call_exists")

    async def test_413_over_64_kib(self, here: Server) -> None:
        (await post(here.http_url, offer(NOBODY).ljust(65_537))).assert_problem(413, "too_large")
        reply = await post(here.http_url, offer(NOBODY).ljust(65_536))
        reply.assert_problem(503, "peer_unavailable")

    async def test_415_for_an_encoded_body(self, here: Server) -> None:
        reply = await post(here.http_url, offer(NOBODY), headers={"Content-Encoding": "gzip"})
        reply.assert_problem(415, "bad_message")

    async def test_429_when_one_source_offers_too_much(self, here: Server) -> None:
        source = fresh_address()
        bodies = [offer(NOBODY) for _ in range(25)]
        replies = [await post(here.http_url, body, source=source) for body in bodies]
        refused = [reply for reply in replies if reply.status == 429]
        assert [reply.status for reply in replies[:20]] == [503] * 20
        assert refused
        for reply in refused:
            assert_try_again(reply, 429, "rate_limited")
        assert (await post(here.http_url, offer(NOBODY))).status == 503

    async def test_429_when_one_target_that_never_answered_gets_too_much(self, here: Server) -> None:
        async with answerers.listening(answerers.tarpit, fresh_address()) as answerer:
            posting = []
            for asked in range(1, 4):
                posting.append(asyncio.create_task(post(here.http_url, offer(at=answerer.target.prefix))))
                await until_asked(answerer, asked)
            reply = await post(here.http_url, offer(at=answerer.target.prefix))
            assert_try_again(reply, 429, "rate_limited")
            for task in posting:
                await hang_up(task)
        assert answerer.connections == 3

    async def test_508_for_what_has_passed_through_a_signalling_server(self, here: Server) -> None:
        async with answerers.listening(answerers.answering(), fresh_address()) as answerer:
            body = offer(at=answerer.target.prefix, call=CALL)
            (await post(here.http_url, body, headers={"Roundtable-Hop": "1"})).assert_problem(508, "loop")
        assert not answerer.connections

    async def test_it_may_still_be_delivered_to_a_peer_here(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as bob:
            body = offer(bob.id, here.http_url, call=CALL)
            posting = asyncio.create_task(post(here.http_url, body, headers={"Roundtable-Hop": "1"}))
            await bob.expect("offer", call=CALL)
            await bob.answer(CALL, ANSWER)
            assert (await posting).status == 200


class TestUnavailable:
    async def test_503_when_the_callee_is_not_here(self, here: Server) -> None:
        for to in (offer(NOBODY), offer(NOBODY, here.http_url), offer(NIL_UUID, here.http_url)):
            assert_try_again(await post(here.http_url, to), 503, "peer_unavailable")

    async def test_503_when_the_callee_does_not_answer_in_time(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as bob:
            posting = asyncio.create_task(post(here.http_url, offer(bob.id, call=CALL)))
            await bob.expect("offer", call=CALL, expires=TIMEOUT_SECONDS)
            assert_try_again(await posting, 503, "answer_timeout")
            await bob.expect("hangup", call=CALL, reason="timeout")

    async def test_503_when_the_callee_leaves(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as bob:
            posting = asyncio.create_task(post(here.http_url, offer(bob.id)))
            await bob.expect("offer")
            await bob.bye()
            assert_try_again(await posting, 503, "peer_gone")

    async def test_503_when_there_is_no_slot(self, here: Server) -> None:
        source = fresh_address()
        async with Peer.welcomed(here.ws_url) as bob:
            posting = []
            for _ in range(8):
                posting.append(asyncio.create_task(post(here.http_url, offer(bob.id), source=source)))
                await bob.expect("offer")
            assert_try_again(await post(here.http_url, offer(bob.id), source=source), 503, "limit_exceeded")
            for task in posting:
                await hang_up(task)

    async def test_503_when_the_forward_failed(self, here: Server) -> None:
        async with answerers.listening(answerers.answering(b"", "500 Oops"), fresh_address()) as answerer:
            reply = await post(here.http_url, offer(at=answerer.target.prefix))
        reply.assert_problem(503, "target_failed")
        assert answerer.host not in str(reply)


class TestProblemDetails:
    async def test_the_log_has_the_instance(self) -> None:
        """Of a server of its own: so many refusals a second are logged, and others are refused here all the time."""
        with server() as here:
            async with Peer.welcomed(here.ws_url) as bob:
                posting = asyncio.create_task(post(here.http_url, offer(bob.id, call=CALL)))
                await bob.reject((await bob.expect("offer"))["call"])
                replies = [await posting, await post(here.http_url, b"{"), await post(here.http_url, offer(NOBODY))]
            instances = [reply.json["instance"] for reply in replies]
            assert len(set(instances)) == 3
            await asyncio.to_thread(here.stop)
            assert [instance for instance in instances if instance not in here.log] == []

    async def test_the_log_has_the_call_and_the_request_in_one_line(self, here: Server) -> None:
        call = str(uuid.uuid4())
        async with Peer.welcomed(here.ws_url) as bob:
            posting = asyncio.create_task(post(here.http_url, offer(bob.id, call=call)))
            await bob.reject((await bob.expect("offer"))["call"])
            instance = (await posting).json["instance"]
        await until(lambda: [line for line in here.log.splitlines() if call in line and instance in line])


class TestHangingUp:
    async def test_the_offer_is_withdrawn_at_once(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as bob:
            posting = asyncio.create_task(post(here.http_url, offer(bob.id, call=CALL)))
            await bob.expect("offer", call=CALL)
            await hang_up(posting)
            await bob.expect("hangup", call=CALL, within=TIMEOUT_SECONDS / 2)
            await bob.expect_nothing_else()

    async def test_the_answerer_elsewhere_is_hung_up_on_at_once(self, here: Server) -> None:
        async with answerers.listening(answerers.tarpit, fresh_address()) as answerer:
            posting = asyncio.create_task(post(here.http_url, offer(at=answerer.target.prefix)))
            await until_asked(answerer)
            await hang_up(posting)
            async with asyncio.timeout(TIMEOUT_SECONDS / 2):
                await answerer.hung_up.wait()


class TestPath:
    async def test_signal_with_a_slash_is_not_redirected(self, here: Server) -> None:
        for method in ("POST", "GET"):
            reply = await request(method, f"{here.http_url}/signal/", body=offer(NOBODY))
            assert reply.status == 404
            assert "location" not in reply.headers

    async def test_a_query_changes_nothing(self, here: Server) -> None:
        reply = await request("POST", f"{here.http_url}/signal?x=1", body=offer(NOBODY))
        reply.assert_problem(503, "peer_unavailable")


class TestAllowedOrigins:
    async def test_without_them_every_page_sees_retry_after(self, here: Server) -> None:
        reply = await post(here.http_url, offer(NOBODY), headers={"Origin": "https://x.example"})
        reply.assert_problem(503, "peer_unavailable")
        assert reply.headers["access-control-allow-origin"] == "*"
        assert reply.headers["access-control-expose-headers"] == "Retry-After"

    async def test_with_them_only_they_do(self, fenced: Server) -> None:
        ours = await post(fenced.http_url, offer(NOBODY), headers={"Origin": "https://app.example"})
        ours.assert_problem(503, "peer_unavailable")
        assert ours.headers["access-control-allow-origin"] == "https://app.example"
        assert (ours.headers["access-control-expose-headers"], ours.headers["vary"]) == ("Retry-After", "Origin")
        theirs = await post(fenced.http_url, offer(NOBODY), headers={"Origin": "https://evil.example"})
        theirs.assert_problem(403, "forbidden")
        assert "access-control-allow-origin" not in theirs.headers

    async def test_a_preflight_of_another_page_is_not_allowed(self, fenced: Server) -> None:
        asking = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        reply = await request("OPTIONS", f"{fenced.http_url}/signal", headers=asking)
        assert reply.status == 204
        assert "access-control-allow-origin" not in reply.headers

    async def test_a_client_without_origin_is_served(self, fenced: Server) -> None:
        (await post(fenced.http_url, offer(NOBODY))).assert_problem(503, "peer_unavailable")


async def hang_up(posting: "asyncio.Task[Reply]") -> None:
    """The caller closes its connection."""
    posting.cancel()
    await asyncio.wait([posting])


async def until_asked(answerer: answerers.Answerer, times: int = 1) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while len(answerer.requests) < times:
            answerer.asked.clear()
            await answerer.asked.wait()
