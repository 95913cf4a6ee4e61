"""T8 to T10 of docs/security.md, end to end: what those do to whom a real server posts an offer."""

import asyncio
import gzip
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from tests import answerers
from tests.loopback import fresh_address
from tests.posting import ANSWER, offer, post
from tests.server.aftermath import resident_kib, withstanding
from tests.serverprocess import Server
from tests.waiting import WITHIN_SECONDS, until
from tests.wsclient import Peer

CALL = answerers.CALL
NOBODY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
TIMEOUT_SECONDS = 1
SPARE_SECONDS = 3
"""For a busy machine: who drips would take much longer."""
LOOPBACK = ["127.0.0.0/8"]


@pytest.fixture(scope="module")
def lenient() -> Iterator[Server]:
    """A server that may post to loopback addresses, where the answerers of these tests are."""
    config = {"forwardallow": LOOPBACK, "timeout": TIMEOUT_SECONDS, "limits": {"breaker_failures": 1000}}
    with withstanding(config) as running:
        yield running


class TestT8:
    @pytest.mark.parametrize(
        "page",
        [
            b"<html>secret</html>",
            b"secret",
            b'{"secret":"value"}',
            b'["secret"]',
            json.dumps({"OfferUUID": CALL, "WebRTCSessionDescription": {"type": "offer", "sdp": "secret"}}).encode(),
            json.dumps({"OfferUUID": NOBODY, "WebRTCSessionDescription": {"type": "answer", "sdp": "secret"}}).encode(),
            answerers.ANSWER + b"secret",
            answerers.ANSWER.ljust(65_537),
        ],
    )
    async def test_t8_a_page_that_is_no_answer_is_not_passed_on(self, lenient: Server, page: bytes) -> None:
        async with answerers.listening(answerers.answering(page), fresh_address()) as answerer:
            reply = await post(lenient.http_url, offer(at=answerer.target.prefix, call=CALL))
        reply.assert_problem(503, "target_failed")
        assert b"secret" not in reply.body
        assert "secret" not in await lenient.whole_log()

    async def test_t8_an_answer_of_64_kib_is_passed_on(self, lenient: Server) -> None:
        page = answerers.ANSWER.ljust(65_536)
        async with answerers.listening(answerers.answering(page), fresh_address()) as answerer:
            reply = await post(lenient.http_url, offer(at=answerer.target.prefix, call=CALL))
        assert (reply.status, reply.body) == (200, page)


class TestT9:
    @pytest.mark.parametrize("kind", ["tarpit", "drip"])
    async def test_t9_one_deadline_over_everything(self, lenient: Server, kind: str) -> None:
        whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answerers.ANSWER), answerers.ANSWER)
        script = answerers.tarpit if kind == "tarpit" else answerers.dripping(whole, seconds=0.05)
        async with answerers.listening(script, fresh_address()) as answerer:
            began = time.monotonic()
            reply = await post(lenient.http_url, offer(at=answerer.target.prefix, call=CALL))
            lasted = time.monotonic() - began
            async with asyncio.timeout(WITHIN_SECONDS):
                await answerer.hung_up.wait()
        reply.assert_problem(503, "target_failed")
        assert TIMEOUT_SECONDS <= lasted < TIMEOUT_SECONDS + SPARE_SECONDS

    async def test_t9_good_offers_beside_300_tarpits_are_answered_within_a_second(self) -> None:
        """30 sources post to 10 tarpits each; a source holds 8 of the 256 slots, so that some are left for others."""
        config = {"forwardallow": LOOPBACK, "timeout": 4, "limits": {"network_burst": 1000}}
        async with AsyncExitStack() as stack:
            lenient = stack.enter_context(withstanding(config))
            pits = [
                await stack.enter_async_context(answerers.listening(answerers.tarpit, fresh_address()))
                for _ in range(300)
            ]
            sources = [fresh_address() for _ in range(30)]
            posting = [
                asyncio.create_task(post(lenient.http_url, offer(at=pit.target.prefix), source=sources[number // 10]))
                for number, pit in enumerate(pits)
            ]
            await until(lambda: sum(pit.asked.is_set() for pit in pits) == 240, 4)
            good = await stack.enter_async_context(answerers.listening(answerers.answering(), fresh_address()))
            bob = await stack.enter_async_context(Peer.welcomed(lenient.ws_url))
            async with asyncio.timeout(2.5):  # a second, and room for a busy machine; behind a tarpit it would be 4
                elsewhere = await post(lenient.http_url, offer(at=good.target.prefix, call=CALL))
                ringing = asyncio.create_task(post(lenient.http_url, offer(bob.id, call=CALL)))
                await bob.expect("offer", call=CALL)
                await bob.answer(CALL, ANSWER)
                here = await ringing
            assert (elsewhere.status, here.status) == (200, 200)
            codes = Counter(reply.code for reply in await asyncio.gather(*posting))
            assert codes == {"target_failed": 240, "limit_exceeded": 60}

    async def test_t9_one_source_holds_eight_slots_and_no_more(self, lenient: Server) -> None:
        source = fresh_address()
        async with AsyncExitStack() as stack:
            pits = [
                await stack.enter_async_context(answerers.listening(answerers.tarpit, fresh_address()))
                for _ in range(9)
            ]
            posting = [
                asyncio.create_task(post(lenient.http_url, offer(at=pit.target.prefix), source=source)) for pit in pits
            ]
            replies = await asyncio.gather(*posting)
        assert sorted(str(reply.code) for reply in replies) == ["limit_exceeded"] + ["target_failed"] * 8
        assert sum(pit.connections for pit in pits) == 8


class TestT10:
    async def test_t10_48_kb_that_would_be_50_mb_cost_no_memory(self, lenient: Server) -> None:
        bomb = gzip.compress(bytes(50_000_000))
        assert len(bomb) < 50_000
        script = answerers.answering(bomb, headers="Content-Encoding: gzip\r\n")
        before = resident_kib(lenient)
        async with answerers.listening(script, fresh_address()) as answerer:
            replies = [await post(lenient.http_url, offer(at=answerer.target.prefix)) for _ in range(3)]
        assert {reply.code for reply in replies} == {"target_failed"}
        assert len(answerer.requests) == 3
        assert resident_kib(lenient) < before + 10_000

    async def test_t10_a_compressed_answer_is_not_unpacked(self, lenient: Server) -> None:
        packed = gzip.compress(answerers.ANSWER.ljust(60_000))
        for encoding in ("gzip", "x-anything"):
            script = answerers.answering(packed, headers=f"Content-Encoding: {encoding}\r\n")
            async with answerers.listening(script, fresh_address()) as answerer:
                reply = await post(lenient.http_url, offer(at=answerer.target.prefix, call=CALL))
            reply.assert_problem(503, "target_failed")
            assert answerer.requests[0].headers["accept-encoding"] == "identity"
