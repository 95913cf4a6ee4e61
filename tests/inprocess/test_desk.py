"""The operator's desk: asked from a page's thread while peers come and go, and what its acts do to clients."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from signalling.operators.desk import on_loop
from signalling.operators.survey import BadQuery, Page, Query, SessionRow
from signalling.parting import MOMENT_SECONDS, SPARE_SECONDS
from tests.inprocess.application import Application, application
from tests.posting import ANSWER, offer
from tests.waiting import WITHIN_SECONDS

NOBODY = "982b666c-6d60-8b3d-90dd-51f75da87abd"

DRAIN_SECONDS = 0.4
QUICK = {"drain_seconds": DRAIN_SECONDS}
CAMELOT = "camelot"


async def from_a_thread(ask: Any, *args: Any, **kwargs: Any) -> Any:
    """As a page asks."""
    return await sync_to_async(on_loop, thread_sensitive=False)(ask, *args, **kwargs)


async def seated(socket: Any) -> None:
    await socket.say("join", table=CAMELOT)
    await socket.expect("joined")


class Signals:
    """What the process would have been sent."""

    def __init__(self, app: Application) -> None:
        self.sent: list[tuple[int, int]] = []
        self._come = asyncio.Event()
        app.runtime.parting.kill = self._kill

    def _kill(self, process: int, number: int) -> None:
        self.sent.append((process, number))
        self._come.set()

    async def one(self) -> int:
        """The signal, when it comes."""
        async with asyncio.timeout(WITHIN_SECONDS):
            await self._come.wait()
        ((process, number),) = self.sent
        assert process == os.getpid()
        return number


# Asking


async def test_a_page_in_a_thread_is_answered_on_the_loop() -> None:
    async with application() as app, app.peer(name="Ada") as ada:
        page = await from_a_thread(app.runtime.desk.sessions, Query(search="ada"))
        assert [row.peer for row in page.rows] == [ada.id]


async def test_what_is_wrong_with_a_question_is_raised_where_it_was_asked() -> None:
    async with application() as app:
        with pytest.raises(BadQuery):
            await from_a_thread(app.runtime.desk.sessions, Query(sort="shoe_size"))


async def test_one_session_or_caller_is_found_by_its_id() -> None:
    claimed = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    async with application() as app, app.peer() as bob:
        desk = app.runtime.desk
        found = desk.session(bob.id)
        assert found is not None and found.transport == "websocket"
        request = app.request()
        await request.send_body(offer(bob.id, claiming=claimed))
        await bob.expect("offer")
        waiting = desk.session(claimed)
        assert waiting is not None and (waiting.transport, waiting.state) == ("http", "waiting")
        await request.hang_up()
        assert desk.session(claimed) is None


async def test_what_clients_call_themselves_is_shown() -> None:
    headers = [(b"host", b"here.example"), (b"user-agent", b"Roundtable/2 <b>\x1b[31m\r")]
    async with application() as app:
        socket = app.socket(headers=headers, client="2001:db8::7")
        await socket.open()
        await socket.hello()
        found = app.runtime.desk.session(socket.id)
        assert found is not None
        assert (found.software, found.address, found.source) == ("Roundtable/2 <b>[31m", "2001:db8::7", "2001:db8::/64")
        request = app.request(headers=headers)
        await request.send_body(offer(socket.id))
        await socket.expect("offer")
        (caller,) = app.runtime.desk.sessions(Query(filters={"state": "waiting"})).rows
        assert caller.software == "Roundtable/2 <b>[31m"
        await request.hang_up()
        await socket.vanish()


async def test_who_is_here_is_known_by_name() -> None:
    async with application() as app:
        ada, bob = app.socket(), app.socket()
        for socket, hello in ((ada, {"name": "Ada"}), (bob, {})):
            await socket.open()
            await socket.hello(**hello)
        assert app.runtime.desk.names([ada.id, bob.id, "", NOBODY]) == {ada.id: "Ada"}
        for socket in (ada, bob):
            await socket.vanish()


async def test_while_sessions_come_and_go_no_question_fails_and_no_total_is_wrong() -> None:
    async with application(limits={"connections_per_address": 1_000}) as app, app.peer() as resident:
        is_over = False

        def look(query: Query) -> tuple[Page[SessionRow], set[str]]:
            return app.runtime.desk.sessions(query), set(app.runtime.switchboard.peers)

        async def operator(sort: str) -> int:
            looks = 0
            while not is_over:
                page, here = await from_a_thread(look, Query(sort=sort, per_page=1_000))
                assert resident.id in here
                assert {row.peer for row in page.rows} == here
                assert page.total == page.matching == len(page.rows)
                looks += 1
            return looks

        async def guest(number: int) -> None:
            for _ in range(10):
                async with app.peer(name=f"Guest {number}") as peer:
                    await peer.say("join", table=f"table {number}")
                    await peer.expect("joined")
                    await peer.say("bye") if number % 2 else None

        looking = [asyncio.create_task(operator(sort)) for sort in ("since", "name", "tables")]
        await asyncio.gather(*(guest(number) for number in range(10)))
        is_over = True
        assert min(await asyncio.gather(*looking)) > 1


# Acting


async def test_who_is_disconnected_is_closed_with_4503_and_may_not_come_back_soon() -> None:
    async with application() as app, app.peer() as ada, app.peer() as bob:
        await seated(ada)
        await seated(bob)
        await ada.expect("peer_joined")
        assert await from_a_thread(app.runtime.desk.disconnect, ada.id)
        assert await ada.expect_close(4503) == "disconnected by the operator"
        await bob.expect("peer_left", peer=ada.id, reason="disconnected")
        again = app.socket()
        await again.open()
        await again.say("hello", peer=ada.id, proof=ada.welcome["proof"], resume=ada.welcome["resume"])
        refusal = await again.expect("error", code="forbidden", about="hello")
        assert 599 <= refusal["retry_after"] <= 600
        await again.expect_close(4503)
        await again.vanish()
        reply = await app.post(offer(bob.id, claiming=ada.id))
        reply.assert_problem(403, "forbidden")
        assert 599 <= reply.retry_after <= 600


async def test_a_ban_can_be_lifted() -> None:
    async with application() as app, app.peer() as ada:
        desk = app.runtime.desk
        desk.disconnect(ada.id, ban_address=True)
        await ada.expect_close(4503)
        assert [(ban.subject, ban.kind) for ban in desk.bans()] == [("192.0.2.7", "address"), (ada.id, "peer")]
        assert desk.lift(ada.id) and desk.lift("192.0.2.7") and not desk.lift("192.0.2.7")
        async with app.peer(peer=ada.id, proof=ada.welcome["proof"]) as again:
            assert again.id == ada.id


async def test_a_caller_over_http_who_waits_is_told_403_and_when_to_come_again() -> None:
    claimed = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    async with application() as app, app.peer() as bob:
        request = app.request()
        await request.send_body(offer(bob.id, claiming=claimed))
        await bob.expect("offer")
        assert app.runtime.desk.disconnect(claimed)
        reply = await request.reply()
        reply.assert_problem(403, "forbidden")
        assert reply.retry_after == 600
        await bob.expect("hangup", reason="disconnected")


async def test_who_is_not_here_cannot_be_disconnected() -> None:
    async with application() as app:
        assert not app.runtime.desk.disconnect("6ba7b810-9dad-11d1-80b4-00c04fd430c8", ban_address=True)
        assert app.runtime.desk.bans() == ()


async def test_a_table_is_closed_by_its_name_however_that_is_composed() -> None:
    async with application() as app, app.peer() as ada:
        desk = app.runtime.desk
        await ada.say("join", table="caf\u00e9")
        await ada.expect("joined")
        found = desk.table("cafe\u0301")
        assert found is not None and found.peers == (ada.id,)
        assert desk.close_table("cafe\u0301")
        await ada.expect("peer_left", table="caf\u00e9", peer=ada.id, reason="kicked")
        assert not desk.close_table("caf\u00e9") and not desk.close_table("\x00")
        assert desk.table("caf\u00e9") is None and desk.tables(Query()).total == 0
        await ada.expect_nothing_else()


# The end


async def test_everybody_is_told_and_then_the_program_has_its_signal_once() -> None:
    async with application(limits=QUICK) as app, app.peer() as ada:
        signals, desk = Signals(app), app.runtime.desk
        assert desk.progress().draining is False
        assert await from_a_thread(desk.drain)
        await ada.expect("going_away")
        await ada.expect_close(4000)
        progress = desk.progress()
        assert (progress.draining, progress.connections, progress.left, progress.within) == (True, 1, 1, DRAIN_SECONDS)
        assert not desk.drain(), "it has begun, and again changes nothing"
        assert (await app.get("/readyz")).status == 503
        await ada.vanish()
        assert desk.progress().left == 0
        assert await signals.one() == signal.SIGTERM
        assert desk.progress().seconds < DRAIN_SECONDS


async def test_the_log_says_that_an_operator_began_it_and_who_was_here(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with application(limits=QUICK) as app, app.peer():
        signals = Signals(app)
        app.runtime.desk.drain()
        [line] = [record for record in caplog.records if record.message == "draining begun by the operator"]
        assert line.fields["peers"] == 1  # type: ignore[attr-defined]
        await signals.one()


async def test_it_is_not_over_before_whoever_asked_can_see_that_it_has_begun() -> None:
    async with application(limits=QUICK) as app:
        signals, desk = Signals(app), app.runtime.desk
        desk.drain()
        await signals.one()
        assert desk.progress().seconds >= min(MOMENT_SECONDS, DRAIN_SECONDS / 4)


async def test_it_waits_for_who_is_here() -> None:
    async with application(limits={"drain_seconds": 5}) as app, app.peer() as ada:
        signals, desk = Signals(app), app.runtime.desk
        desk.drain()
        await asyncio.sleep(MOMENT_SECONDS + 0.2)
        assert not signals.sent
        await ada.vanish()
        await signals.one()


async def test_it_does_not_wait_for_who_never_goes() -> None:
    async with application(limits=QUICK) as app, app.peer():
        signals, desk = Signals(app), app.runtime.desk
        desk.drain()
        await signals.one()
        progress = desk.progress()
        assert progress.left == 1
        assert DRAIN_SECONDS - min(SPARE_SECONDS, DRAIN_SECONDS / 4) <= progress.seconds


async def test_a_signal_meanwhile_takes_over_and_is_not_followed_by_a_second_one() -> None:
    async with application(limits=QUICK) as app, app.peer():
        signals, parting = Signals(app), app.runtime.parting
        app.runtime.desk.drain()
        ends = parting.ends
        parting.hand_over()
        await asyncio.sleep(DRAIN_SECONDS + 0.1)
        assert not signals.sent
        assert parting.ends == ends, "time counts from the first goodbye"


async def test_after_a_signal_asking_for_it_changes_nothing() -> None:
    async with application(limits=QUICK) as app:
        signals = Signals(app)
        app.runtime.parting.hand_over()
        app.runtime.desk.drain()
        await asyncio.sleep(DRAIN_SECONDS + 0.1)
        assert not signals.sent


# Calls, and the whole


async def test_a_failed_call_shows_its_cause() -> None:
    async with application() as app, app.peer() as ada:
        nobody = "00b0d100-0000-4000-8000-00000000dead"
        call = "5a0c1f5e-3f0b-4d51-9c1d-6c2f5c0d7a11"
        await ada.dial(nobody, call)
        await ada.expect("error", code="peer_unavailable")
        desk = app.runtime.desk
        (row,) = desk.calls(Query(filters={"failed": "yes"})).rows
        page = desk.call(call)
        assert page is not None and page.row.call == row.call == call
        assert page.diagnosis.startswith("There was no such peer")
        assert desk.call(nobody) is None


STUN = {"iceservers": [{"urls": ["stun:stun.example.org"]}]}
TURN = {"turn": {"urls": ["turn:turn.example.org"], "secret": "not so very secret"}}


@pytest.mark.parametrize(
    "keys, cause",
    [
        ({"iceservers": []}, "no STUN server is configured"),
        (STUN, "a STUN server is configured and not reached"),
        (TURN, "the TURN server is not reached"),
    ],
)
async def test_what_the_configuration_offers_is_known_to_the_diagnosis(keys: dict[str, Any], cause: str) -> None:
    call = "5a0c1f5e-3f0b-4d51-9c1d-6c2f5c0d7a11"
    candidate = {"candidate": "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host", "sdpMid": "0"}
    async with application(**keys) as app, app.peer() as ada, app.peer() as bob:
        await ada.dial(bob.id, call)
        await bob.expect("offer")
        await bob.say("answer", call=call, description=ANSWER)
        await ada.expect("answer")
        for party, other in ((ada, bob), (bob, ada)):
            await party.say("candidate", call=call, candidate=candidate)
            await other.expect("candidate")
        await ada.say("report", id="r", call=call, state="failed")
        await ada.expect("ack")
        page = app.runtime.desk.call(call)
        assert page is not None and page.row.failed
        assert cause in page.diagnosis


async def test_the_overview_is_made_on_the_loop() -> None:
    async with application() as app, app.peer():
        overview = await from_a_thread(app.runtime.desk.overview)
        assert (overview.here.connected, overview.here.waiting) == (1, 0)
