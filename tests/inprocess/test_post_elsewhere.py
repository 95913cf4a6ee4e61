"""`POST /signal`: which offers are delivered here, and which are posted on."""

import json
from typing import Any

import pytest

from signalling.codes import ErrorCode
from signalling.forward import Failed, FailureReason, Refused
from tests.goclient import identifier
from tests.inprocess.application import CALL, Header, application
from tests.inprocess.elsewhere import ELSEWHERE, HOST, NOBODY, forwarder_of, posted_elsewhere
from tests.posting import ANSWER, OFFER, Reply, offer


class TestOwnAddress:
    @pytest.mark.parametrize(
        "public_ip",
        [
            "",
            "http://call.example",
            "https://call.example/",
            "HTTPS://CALL.EXAMPLE",
            "http://call.example:80",
            "https://call.example:443",
        ],
    )
    async def test_t5_what_publicaddress_says_is_here(self, public_ip: str) -> None:
        async with application(publicaddress="https://call.example") as app, app.peer() as bob:
            posted = app.request()
            await posted.send_body(offer(bob.id, public_ip, call=CALL))
            await bob.expect("offer", call=CALL)
            await posted.hang_up()

    @pytest.mark.parametrize("public_ip", ["http://here.example:1066", "https://HERE.example:1066/"])
    async def test_t5_while_it_is_unset_the_host_of_the_request_is_here(self, public_ip: str) -> None:
        async with application() as app, app.peer() as bob:
            posted = app.request(headers=[(b"host", b"Here.Example:1066")])
            await posted.send_body(offer(bob.id, public_ip, call=CALL))
            await bob.expect("offer", call=CALL)
            await posted.hang_up()

    @pytest.mark.parametrize("public_ip", ["http://here.example", "https://here.example:443", "http://here.example:80"])
    async def test_t5_an_own_address_is_never_posted_to(self, public_ip: str) -> None:
        async with application() as app:
            forwarder = forwarder_of(app)
            (await app.post(offer(NOBODY, public_ip))).assert_problem(503, "peer_unavailable")
            (await app.post(offer(at=public_ip))).assert_problem(503, "peer_unavailable")
            assert forwarder.posting.empty()

    async def test_a_peer_here_is_not_reached_by_another_address(self) -> None:
        """The id of a peer elsewhere proves nothing here."""
        async with application() as app, app.peer() as bob:
            posted, posting = await posted_elsewhere(app, to=bob.id)
            assert posting.target.prefix == ELSEWHERE
            await bob.expect_nothing_else()
            await posted.hang_up()

    async def test_t26_the_id_of_a_connected_peer_cannot_be_claimed(self) -> None:
        async with application() as app, app.peer() as ada, app.peer() as bob:
            forwarder_of(app)
            for body in (offer(bob.id, claiming=ada.id), offer(at=ELSEWHERE, claiming=ada.id.upper())):
                (await app.post(body)).assert_problem(403, "identity_taken")
            await bob.expect_nothing_else()


class TestLoop:
    HOP = (b"roundtable-hop", b"1")

    @pytest.mark.parametrize("header", [HOP, (b"roundtable-hop", b""), (b"via", b"1.1 call.example")])
    async def test_t5_what_passed_through_a_server_is_not_posted_on(self, header: Header) -> None:
        async with application(publicaddress="https://call.example") as app:
            forwarder = forwarder_of(app)
            (await app.post(offer(at=ELSEWHERE), headers=[HOST, header])).assert_problem(508, "loop")
            assert forwarder.posting.empty()

    @pytest.mark.parametrize(
        "via", [b"1.0 a.example, 1.1 call.example (x)", b"1.1 CALL.EXAMPLE", b"1.0 a.example,1.1\tcall.example"]
    )
    async def test_t5_our_own_via_is_found_among_others(self, via: bytes) -> None:
        async with application(publicaddress="https://call.example") as app:
            forwarder_of(app)
            reply = await app.post(offer(at=ELSEWHERE), headers=[HOST, (b"via", via)])
            reply.assert_problem(508, "loop")

    async def test_the_via_of_a_proxy_is_no_loop(self) -> None:
        async with application(publicaddress="https://call.example") as app:
            posted, posting = await posted_elsewhere(app, headers=[HOST, (b"via", b"1.1 proxy.example, 1.1")])
            assert posting.target.prefix == ELSEWHERE
            await posted.hang_up()

    async def test_it_may_be_delivered_to_a_peer_here(self) -> None:
        async with application() as app, app.peer() as bob:
            posted = app.request(headers=[HOST, self.HOP])
            await posted.send_body(offer(bob.id, call=CALL))
            await bob.expect("offer", call=CALL)
            await posted.hang_up()


class TestFailures:
    """What the caller is told of an offer that was not answered elsewhere."""

    @pytest.mark.parametrize(
        ("refused", "status"),
        [
            (Refused(ErrorCode.TARGET_NOT_ALLOWED), 403),
            (Refused(ErrorCode.RATE_LIMITED, 7), 429),
            (Refused(ErrorCode.LIMIT_EXCEEDED, 7), 503),
        ],
    )
    async def test_the_forwarder_refuses(self, refused: Refused, status: int) -> None:
        async with application() as app:
            posted, posting = await posted_elsewhere(app)
            posting.reply.set_exception(refused)
            reply = await posted.reply()
            reply.assert_problem(status, refused.code)
            assert reply.headers.get("retry-after") == (str(refused.retry_after) if refused.retry_after else None)

    async def test_t7_all_failures_of_forwarding_read_alike(self) -> None:
        problems = set()
        for reason in FailureReason:
            async with application() as app:
                posted, posting = await posted_elsewhere(app)
                posting.admitted()
                posting.reply.set_exception(Failed(reason))
                problems.add(seen_from_outside(await posted.reply()))
        assert len(problems) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"{}",
            json.dumps({"OfferUUID": CALL, "WebRTCSessionDescription": OFFER}).encode(),
            json.dumps({"OfferUUID": NOBODY, "WebRTCSessionDescription": ANSWER}).encode(),
        ],
    )
    async def test_t8_what_is_no_answer_to_this_offer_is_not_passed_on(self, answer: bytes) -> None:
        async with application() as app:
            posted, posting = await posted_elsewhere(app)
            posting.admitted()
            posting.reply.set_result(answer)
            reply = await posted.reply()
            reply.assert_problem(503, "target_failed")

    async def test_a_fault_of_the_forwarder_fails_that_offer_only(self, caplog: pytest.LogCaptureFixture) -> None:
        async with application() as app:
            posted, posting = await posted_elsewhere(app)
            posting.reply.set_exception(ZeroDivisionError())
            (await posted.reply()).assert_problem(503, "target_failed")
            assert "ZeroDivisionError" in caplog.text
            other, posting = await posted_elsewhere(app)
            posting.reply.set_result(json.dumps({"OfferUUID": CALL, "WebRTCSessionDescription": ANSWER}).encode())
            assert (await other.reply()).status == 200


class TestFromAWebSocket:
    """An identifier as `to` leads to another address."""

    async def test_the_acknowledgement_comes_when_the_offer_is_admitted(self) -> None:
        async with application() as app, app.peer() as ada:
            forwarder = forwarder_of(app)
            await ada.dial(identifier(ELSEWHERE), CALL, id="a1")
            posting = await forwarder.posting.get()
            assert not posting.from_browser
            await ada.expect_nothing_else()
            posting.admitted()
            await ada.expect("ack", id="a1", state="done", trickle=False)
            posting.reply.set_result(json.dumps({"OfferUUID": CALL, "WebRTCSessionDescription": ANSWER}).encode())
            await ada.expect("answer", call=CALL, description=ANSWER)
            await ada.expect_nothing_else()

    async def test_a_refusal_answers_the_offers_own_id(self) -> None:
        async with application() as app, app.peer() as ada:
            forwarder = forwarder_of(app)
            await ada.dial(identifier(ELSEWHERE), CALL, id="a1")
            (await forwarder.posting.get()).reply.set_exception(Refused(ErrorCode.TARGET_NOT_ALLOWED))
            await ada.expect("error", id="a1", about="offer", call=CALL, code="target_not_allowed")
            await ada.expect_nothing_else()

    async def test_the_page_that_opened_the_websocket_is_a_page(self) -> None:
        async with application() as app:
            forwarder = forwarder_of(app)
            ada = app.socket(headers=[HOST, (b"origin", b"https://app.example")])
            await ada.open()
            await ada.hello()
            await ada.dial(identifier(ELSEWHERE), CALL)
            assert (await forwarder.posting.get()).from_browser
            await ada.vanish()


def seen_from_outside(reply: Reply) -> tuple[Any, ...]:
    problem = {name: value for name, value in reply.json.items() if name != "instance"}
    return reply.status, tuple(sorted(reply.headers.items())), json.dumps(problem, sort_keys=True)
