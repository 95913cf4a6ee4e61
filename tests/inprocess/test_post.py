"""`POST /signal` as an ASGI endpoint: answers, and callers that hang up."""

import uuid

from tests.goclient import identifier
from tests.inprocess.application import CALL, application
from tests.inprocess.elsewhere import ELSEWHERE, NOBODY, forwarder_of, posted_elsewhere
from tests.posting import ANSWER, OFFER, offer
from tests.waiting import until


class TestAnswers:
    async def test_the_offer_says_that_it_came_by_http_and_wants_a_complete_answer(self) -> None:
        async with application() as app, app.peer() as bob:
            posted = app.request()
            await posted.send_body(offer(bob.id, call=CALL, claiming=NOBODY))
            offered = await bob.expect("offer", via="http", trickle=False, polite=True, expires=30, description=OFFER)
            assert (offered["call"], offered["from"]) == (CALL, NOBODY)
            assert "name" not in offered
            await posted.hang_up()

    async def test_the_answer_is_what_a_go_client_reads(self) -> None:
        async with application() as app, app.peer() as bob:
            posted = await app.ringing(bob)
            await bob.say("answer", id="b1", call=CALL, description=ANSWER)
            await bob.expect("ack", id="b1", state="delivered")
            reply = await posted.reply()
            assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
            assert reply.headers["content-length"] == str(len(reply.body))
            assert reply.json == {"OfferUUID": CALL, "WebRTCSessionDescription": ANSWER}
            await bob.expect_nothing_else()

    async def test_the_answer_of_an_http_answerer_is_passed_on_byte_for_byte(self) -> None:
        odd = (
            b'{ "offeruuid" : "%b",\n"WEBRTCSESSIONDESCRIPTION":{"sdp":"\\u0061","type":"Answer"} , "x":1}\n'
            % CALL.encode()
        )
        async with application() as app:
            forwarder = forwarder_of(app)
            posted = app.request()
            body = offer(at=ELSEWHERE, call=CALL)
            await posted.send_body(body)
            posting = await forwarder.posting.get()
            assert (posting.target.url, posting.body) == (f"{ELSEWHERE}/signal", body)
            posting.admitted()
            posting.reply.set_result(odd)
            reply = await posted.reply()
            assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/json", odd)

    async def test_a_description_type_in_upper_case_reaches_the_callee_in_lower_case(self) -> None:
        async with application() as app, app.peer() as bob:
            posted = app.request()
            await posted.send_body(offer(bob.id, description={"type": "OFFER", "sdp": OFFER["sdp"]}))
            await bob.expect("offer", description=OFFER)
            await posted.hang_up()

    async def test_many_callers_each_get_their_own_answer(self) -> None:
        async with application(limits={"unanswered_per_source": 20}) as app, app.peer() as bob:
            calls = [str(uuid.uuid4()) for _ in range(20)]
            posted = {call: await app.ringing(bob, call) for call in calls}
            for call in reversed(calls):
                await bob.say("answer", call=call, description={"type": "answer", "sdp": call})
            for call in calls:
                assert (await posted[call].reply()).json["WebRTCSessionDescription"]["sdp"] == call

    async def test_a_body_may_come_in_pieces(self) -> None:
        async with application() as app, app.peer() as bob:
            posted = app.request()
            body = offer(bob.id, call=CALL)
            for byte in body[:-1]:
                await posted.send_body(bytes([byte]), more=True)
            await posted.send_body(body[-1:])
            await bob.expect("offer", call=CALL)
            await posted.hang_up()


class TestSameOffer:
    async def test_the_same_offer_to_a_peer_twice_at_once_exists_already(self) -> None:
        async with application() as app, app.peer() as bob:
            posted = await app.ringing(bob)
            (await app.post(offer(bob.id, call=CALL.upper()))).assert_problem(409, "call_exists")
            await bob.expect_nothing_else()
            await posted.hang_up()

    async def test_the_same_offer_to_an_address_twice_at_once_exists_already(self) -> None:
        async with application() as app:
            posted, _ = await posted_elsewhere(app)
            (await app.post(offer(NOBODY, f"{ELSEWHERE}/", call=CALL))).assert_problem(409, "call_exists")
            await posted.hang_up()

    async def test_the_callee_has_that_call_open_already(self) -> None:
        async with application() as app, app.peer() as ada, app.peer() as bob:
            await ada.dial(bob.id, CALL)
            await bob.expect("offer")
            await bob.say("answer", call=CALL, description=ANSWER)
            await ada.expect("answer")
            (await app.post(offer(bob.id, call=CALL))).assert_problem(409, "call_exists")

    async def test_afterwards_it_may_come_again(self) -> None:
        async with application() as app, app.peer() as bob:
            for _ in range(2):
                posted = await app.ringing(bob)
                await posted.hang_up()
                await bob.expect("hangup", call=CALL)


class TestHangingUp:
    async def test_the_offer_is_withdrawn_at_once(self) -> None:
        async with application() as app, app.peer() as bob:
            posted = await app.ringing(bob)
            await posted.hang_up()
            await bob.expect("hangup", call=CALL, reason="gone")
            await bob.expect_nothing_else()
            app.assert_no_call()

    async def test_an_answer_that_crosses_with_it_is_dropped(self) -> None:
        async with application() as app, app.peer() as bob:
            posted = await app.ringing(bob)
            await posted.hang_up()
            await bob.say("answer", id="b1", call=CALL, description=ANSWER)
            await bob.expect("hangup", call=CALL)
            await bob.expect("ack", id="b1", state="dropped")

    async def test_one_that_is_cancelled_is_withdrawn_too(self) -> None:
        """Daphne cancels applications that take too long to end."""
        async with application() as app, app.peer() as bob:
            posted = await app.ringing(bob)
            posted.stop()
            await bob.expect("hangup", call=CALL, reason="gone")

    async def test_before_the_body_is_whole_nothing_comes_of_it(self) -> None:
        async with application() as app, app.peer() as bob:
            posted = app.request()
            await posted.send_body(offer(bob.id)[:-1], more=True)
            await posted.hang_up()
            await bob.expect_nothing_else()

    async def test_what_is_being_posted_is_given_up(self) -> None:
        async with application() as app:
            posted, posting = await posted_elsewhere(app)
            await posted.hang_up()
            await until(lambda: posting.is_over)

    async def test_an_offer_that_is_withdrawn_before_it_was_posted_leaves_nothing(self) -> None:
        """Two frames that came together are handled before any task begins."""
        async with application() as app, app.peer() as ada:
            forwarder = forwarder_of(app)
            await ada.dial(identifier(ELSEWHERE), CALL)
            await ada.say("hangup", id="a2", call=CALL)
            await ada.expect("ack", id="a2", state="done")
            await until(lambda: not app.runtime._errands)
            assert forwarder.posting.empty()
