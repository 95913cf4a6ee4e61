"""`POST /signal`: the problems that are sent instead of an answer."""

import json
import logging
import uuid

import pytest

from roundtable import logs
from roundtable.loglines import JSONLines
from tests.inprocess.application import CALL, Request, application
from tests.inprocess.elsewhere import NOBODY, posted_elsewhere
from tests.posting import ANSWER, offer
from tests.waiting import until


class TestProblems:
    @pytest.mark.parametrize("reason", ["busy", "declined", "unsupported", "failed", "glare"])
    async def test_a_rejection_is_told_with_its_reason(self, reason: str) -> None:
        async with application() as app, app.peer() as bob:
            posted = await app.ringing(bob)
            await bob.say("reject", call=CALL, reason=reason)
            reply = await posted.reply()
            reply.assert_problem(403, "rejected")
            assert reply.json["reason"] == reason

    async def test_a_callee_that_hangs_up_instead_has_rejected(self) -> None:
        async with application() as app, app.peer() as bob:
            posted = await app.ringing(bob)
            await bob.say("hangup", call=CALL, reason="done")
            reply = await posted.reply()
            reply.assert_problem(403, "rejected")
            assert reply.json["reason"] == "done"

    async def test_a_callee_that_goes_is_peer_gone(self) -> None:
        async with application() as app:
            async with app.peer() as bob:
                posted = await app.ringing(bob)
            await self.assert_try_again(posted, "peer_gone")

    async def test_a_callee_that_says_bye_is_peer_gone(self) -> None:
        async with application() as app, app.peer() as bob:
            posted = await app.ringing(bob)
            await bob.say("bye")
            await self.assert_try_again(posted, "peer_gone")

    async def test_a_callee_that_does_not_answer_in_time_is_told_and_so_is_the_caller(self) -> None:
        async with application(timeout=0.05) as app, app.peer() as bob:
            posted = await app.ringing(bob)
            await self.assert_try_again(posted, "answer_timeout")
            await bob.expect("hangup", call=CALL, reason="timeout")
            await bob.say("answer", id="b1", call=CALL, description=ANSWER)
            await bob.expect("ack", id="b1", state="dropped")

    async def test_draining_ends_what_is_in_flight(self) -> None:
        async with application() as app, app.peer() as bob:
            posted = await app.ringing(bob)
            app.runtime.drain()
            await self.assert_try_again(posted, "draining")
            await bob.expect("going_away")
            await bob.expect("hangup", call=CALL, reason="draining")

    async def test_who_comes_while_draining_is_told_so(self) -> None:
        async with application() as app:
            app.runtime.drain()
            reply = await app.post(offer(NOBODY))
            reply.assert_problem(503, "draining")
            assert reply.retry_after == 3

    async def test_draining_gives_up_what_is_being_posted(self) -> None:
        async with application() as app:
            posted, posting = await posted_elsewhere(app)
            app.runtime.drain()
            await self.assert_try_again(posted, "draining")
            await until(lambda: posting.is_over)

    async def test_the_callee_has_too_much_to_answer(self) -> None:
        async with application(limits={"unanswered_per_source": 2}) as app, app.peer() as bob:
            ringing = [await app.ringing(bob, str(uuid.uuid4())) for _ in range(2)]
            (await app.post(offer(bob.id))).assert_problem(503, "limit_exceeded")
            for posted in ringing:
                await posted.hang_up()

    async def test_one_source_asks_for_too_many_unknown_peers(self) -> None:
        async with application(limits={"unknown_peers": 2, "unknown_peers_seconds": 60}) as app, app.peer() as bob:
            for _ in range(2):
                (await app.post(offer(str(uuid.uuid4())))).assert_problem(503, "peer_unavailable")
            for peer in (str(uuid.uuid4()), bob.id):
                reply = await app.post(offer(peer))
                reply.assert_problem(429, "rate_limited")
                assert 50 < reply.retry_after <= 60

    async def test_one_source_offers_too_much(self) -> None:
        async with application(limits={"posts_burst": 2, "posts_per_second": 0.1}) as app:
            for _ in range(2):
                assert (await app.post(offer(NOBODY))).status == 503
            reply = await app.post(offer(NOBODY))
            reply.assert_problem(429, "rate_limited")
            assert reply.retry_after == 10

    async def test_the_log_has_the_instance_of_each_problem(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "signalling")
        caplog.handler.setFormatter(JSONLines(logs._context.get))
        async with application() as app:
            replies = [await app.post(b"{"), await app.post(offer(NOBODY)), await app.get("/signal")]
        logged = [json.loads(line)["request"] for line in caplog.text.splitlines()]
        assert [reply.json["instance"] for reply in replies] == logged
        assert len(set(logged)) == 3

    async def assert_try_again(self, posted: Request, code: str) -> None:
        reply = await posted.reply()
        reply.assert_problem(503, code)
        assert reply.retry_after >= 1
