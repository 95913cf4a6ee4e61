"""The WebSocket side: who is let in, what becomes of frames, and that nobody leaves anything behind."""

import asyncio
import base64
import json
import logging
import uuid
from typing import Any

import pytest

from signalling.codes import CloseCode
from tests.inprocess.application import Application, Socket, application
from tests.posting import ANSWER, offer
from tests.waiting import WITHIN_SECONDS, until

HOST = (b"host", b"here.example:1066")
NOBODY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
ORIGINS = ["https://app.example", "http://localhost:8000"]


def new_call() -> str:
    return str(uuid.uuid4())


class TestSubprotocol:
    @pytest.mark.parametrize(
        ("offered", "chosen"),
        [
            ([], None),
            (["roundtable.v1"], "roundtable.v1"),
            (["something.else", "roundtable.v1"], "roundtable.v1"),
        ],
    )
    async def test_ours_is_chosen_when_offered_and_none_is_served_the_same(
        self, offered: list[str], chosen: str | None
    ) -> None:
        async with application() as app:
            socket = app.socket(subprotocols=offered)
            assert await socket.open() == chosen
            await socket.hello()
            await socket.vanish()

    @pytest.mark.parametrize("offered", [["roundtable.v2"], ["Roundtable.V1"], ["graphql-ws", "chat"], [""]])
    async def test_a_client_that_offers_only_others_is_refused_with_one_line(
        self, offered: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "signalling")
        async with application() as app:
            assert await app.socket(subprotocols=offered).is_refused()
        assert [record.getMessage() for record in caplog.records] == ["websocket refused"]


class TestOrigin:
    """T28: a page on another origin opens the socket."""

    @pytest.mark.parametrize("origin", [None, b"https://anybody.example", b"null"])
    async def test_t28_any_origin_is_let_in_while_allowedorigins_is_unset(self, origin: bytes | None) -> None:
        async with application() as app:
            assert not await is_refused(app, origin)

    @pytest.mark.parametrize("origin", [None, b"https://app.example", b"HTTPS://App.Example", b"http://localhost:8000"])
    async def test_t28_the_allowed_ones_and_native_clients_are_let_in(self, origin: bytes | None) -> None:
        async with application(allowedorigins=ORIGINS) as app:
            assert not await is_refused(app, origin)

    @pytest.mark.parametrize(
        "origin",
        [
            b"https://evil.example",
            b"https://app.example.evil.example",
            b"https://evil.example/https://app.example",
            b"http://app.example",
            b"https://app.example:8443",
            b"http://localhost",
            b"null",
            b"",
            b"*",
        ],
    )
    async def test_t28_every_other_origin_is_refused(self, origin: bytes) -> None:
        async with application(allowedorigins=ORIGINS) as app:
            assert await is_refused(app, origin)

    async def test_t28_no_origin_at_all_may_be_allowed(self) -> None:
        async with application(allowedorigins=[]) as app:
            assert await is_refused(app, b"https://app.example")
            assert not await is_refused(app, None)

    async def test_t28_nothing_ambient_is_read(self) -> None:
        """What a browser adds by itself makes nobody of a page that is not: not on a WebSocket, and not over HTTP."""
        ambient = [HOST, (b"cookie", b"sessionid=operator"), (b"authorization", b"Basic b3BlcmF0b3I6eA==")]
        async with application() as app, app.peer() as callee:
            socket = app.socket(headers=[*ambient, (b"origin", b"https://evil.example")])
            await socket.open()
            welcome = await socket.hello()
            assert welcome["peer"] != callee.id
            await socket.vanish()
            plain, with_cookies = [
                await app.post(offer(NOBODY), headers=headers, client=client)
                for headers, client in (([HOST], "192.0.2.1"), (ambient, "192.0.2.2"))
            ]
            assert (plain.status, plain.code) == (with_cookies.status, with_cookies.code) == (503, "peer_unavailable")
            assert "set-cookie" not in with_cookies.headers
            assert "access-control-allow-credentials" not in with_cookies.headers


class TestFrames:
    async def test_a_call_from_offer_to_hangup(self) -> None:
        async with application() as app, app.peer(name="Ada") as ada, app.peer() as bob:
            call = new_call()
            await ada.dial(bob.id, call, id="a1")
            await ada.expect("ack", id="a1", state="delivered")
            await bob.expect("offer", call=call, name="Ada", **{"from": ada.id})
            await bob.say("answer", call=call, description=ANSWER)
            await ada.expect("answer", call=call, description=ANSWER)
            await ada.say("hangup", call=call)
            await bob.expect("hangup", call=call, reason="done")

    async def test_a_binary_frame_is_bad_message_and_the_connection_stays(self) -> None:
        async with application() as app, app.peer() as ada:
            await ada.send_to(bytes_data=b'{"type":"ping"}')
            await ada.expect("error", code="bad_message")
            await ada.expect_nothing_else()

    async def test_an_empty_text_frame_is_bad_json(self) -> None:
        async with application() as app, app.peer() as ada:
            await ada.say_text("")
            await ada.expect("error", code="bad_json")

    async def test_a_server_may_name_both_kinds_of_payload(self) -> None:
        """ASGI allows both keys in an event when one of them is None."""
        async with application() as app, app.peer() as ada:
            await ada.send_input({"type": "websocket.receive", "text": '{"type":"ping"}', "bytes": None})
            await ada.expect("pong")
            await ada.send_input({"type": "websocket.receive", "text": None, "bytes": b"binary"})
            await ada.expect("error", code="bad_message")

    @pytest.mark.parametrize(
        "kind",
        [
            "websocket.disconnect",
            "websocket.close",
            "websocket.connect",
            "__init__",
            "dispatch_frame",
            "receive",
            "Hello",
        ],
    )
    async def test_t30_a_type_never_chooses_a_handler_of_the_server(self, kind: str) -> None:
        async with application() as app, app.peer() as ada:
            await ada.say(kind, id="a1")
            await ada.expect("error", code="unknown_type", id="a1", about=kind)
            await ada.expect_nothing_else()

    async def test_what_is_sent_after_a_farewell_is_not_read(self) -> None:
        async with application() as app, app.peer() as ada, app.peer() as bob:
            await ada.say("bye")
            await ada.dial(bob.id, new_call())
            assert await ada.expect_close(CloseCode.NORMAL) == "bye"
            await bob.expect_nothing_else()

    async def test_frames_that_came_together_are_handled_in_order(self) -> None:
        async with application() as app, app.peer() as ada, app.peer() as bob:
            calls = [new_call() for _ in range(2)]
            for call in calls:
                await ada.dial(bob.id, call)
                await ada.say("hangup", call=call)
            for call in calls:
                await bob.expect("offer", call=call)
                await bob.expect("hangup", call=call)

    async def test_bytes_of_a_description_are_relayed_as_they_came(self) -> None:
        async with application() as app, app.peer() as ada, app.peer() as bob:
            odd = r'{ "sdp" : "v=0\r\n\u0041\/" , "type":"offer", "more" : 1.50 }'
            await ada.say_text(f'{{"type":"offer","call":"{new_call()}","to":"{bob.id}","description":{odd}}}')
            assert f'"description":{odd}' in (await bob.receive_output(WITHIN_SECONDS))["text"]


class TestHome:
    """What a peer's identifier says about where it is."""

    async def test_while_publicaddress_is_unset_it_is_the_host_of_the_own_connection(self) -> None:
        async with application() as app:
            assert await public_ip(app) == "http://here.example:1066"
            assert await public_ip(app, scheme="wss") == "https://here.example:1066"

    async def test_publicaddress_wins(self) -> None:
        async with application(publicaddress="https://call.example") as app:
            assert await public_ip(app) == "https://call.example"

    @pytest.mark.parametrize("host", [b"evil.example/x", b"a b", b"user@evil.example", b"evil.example:99999", b""])
    async def test_a_host_that_is_none_is_not_repeated(self, host: bytes) -> None:
        async with application() as app:
            assert await public_ip(app, headers=[(b"host", host)]) == ""

    async def test_a_trusted_proxy_says_which_scheme_clients_use(self) -> None:
        forwarded = [HOST, (b"x-forwarded-proto", b"https")]
        async with application(trustedproxies=["192.0.2.0/24"]) as app:
            assert await public_ip(app, headers=forwarded) == "https://here.example:1066"
            assert await public_ip(app, headers=forwarded, client="203.0.113.5") == "http://here.example:1066"


class TestCleaningUp:
    """T33: a handler raises."""

    async def test_t33_a_lost_connection_ends_its_session_and_its_calls(self) -> None:
        async with application() as app, app.peer() as bob:
            async with app.peer() as ada:
                call = new_call()
                await ada.dial(bob.id, call)
                await bob.expect("offer", call=call)
            await bob.expect("hangup", call=call, reason="gone")
            assert list(app.runtime.switchboard.peers) == [bob.id]

    async def test_t33_a_handler_that_raises_ends_its_own_session_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with application() as app, app.peer() as bob:
            ada = await calling(app, bob)
            monkeypatch.setattr(app.runtime.switchboard, "_handle", failing)
            await ada.say("ping")
            async with asyncio.timeout(WITHIN_SECONDS):
                with pytest.raises(ZeroDivisionError):
                    await ada.ended()
                assert list(app.runtime.switchboard.peers) == [bob.id]  # at once: it does not wait to be resumed
                await bob.expect("hangup", reason="gone")
            monkeypatch.undo()
            await bob.expect_nothing_else()

    async def test_t33_a_cancelled_connection_is_cleaned_up(self) -> None:
        """Daphne cancels applications that take too long to end."""
        async with application() as app, app.peer() as bob:
            ada = await calling(app, bob)
            ada.stop()
            await bob.expect("hangup", reason="gone")
            await until(lambda: list(app.runtime.switchboard.peers) == [bob.id])

    async def test_t33_a_server_that_raises_on_accept_leaves_nothing(self) -> None:
        async with application() as app:
            events = asyncio.Queue[dict[str, Any]]()
            events.put_nowait({"type": "websocket.connect"})
            with pytest.raises(ConnectionResetError):
                await app.router(app.socket().scope, events.get, reset)

    async def test_t33_a_client_that_goes_before_it_is_accepted_leaves_nothing(self) -> None:
        async with application() as app:
            socket = app.socket()
            await socket.send_input({"type": "websocket.connect"})
            await socket.send_input({"type": "websocket.disconnect", "code": 1006})
            await socket.ended()

    async def test_t33_a_client_that_goes_while_it_is_written_to_disturbs_nobody(self) -> None:
        async with application() as app, app.peer() as bob, app.peer() as ada:
            call = new_call()
            await ada.dial(bob.id, call)
            await bob.vanish()
            await ada.expect("error", code="peer_gone", call=call)
            await ada.expect_nothing_else()


class TestDraining:
    async def test_everybody_is_told_and_unanswered_offers_end(self) -> None:
        async with application() as app, app.peer() as bob, app.peer() as ada:
            call = new_call()
            await ada.dial(bob.id, call)
            await bob.expect("offer", call=call)
            app.runtime.drain()
            await ada.expect("going_away")
            await ada.expect("error", code="draining", call=call)
            await ada.expect_close(CloseCode.DRAINING)
            await bob.expect("going_away")
            await bob.expect("hangup", call=call, reason="draining")
            await bob.expect_close(CloseCode.DRAINING)

    async def test_who_comes_later_is_sent_elsewhere(self) -> None:
        async with application() as app:
            app.runtime.drain()
            socket = app.socket()
            await socket.open()
            await socket.expect_close(CloseCode.DRAINING)
            await socket.vanish()


async def is_refused(app: Application, origin: bytes | None) -> bool:
    socket = app.socket(headers=[HOST] if origin is None else [HOST, (b"origin", origin)])
    refused = await socket.is_refused()
    await socket.vanish()
    return refused


async def public_ip(app: Application, **scope: Any) -> str:
    """What a new peer's identifier says, decoded."""
    socket = app.socket(**{"headers": [HOST], **scope})
    await socket.open()
    identifier = (await socket.hello())["identifier"]
    await socket.vanish()
    return str(json.loads(base64.b64decode(identifier))["PublicIP"])


async def calling(app: Application, callee: Socket) -> Socket:
    """A peer that has called this one, whose connection is left to the test."""
    ada = app.socket()
    await ada.open()
    await ada.hello()
    await ada.dial(callee.id, new_call())
    await callee.expect("offer")
    return ada


def failing(*_: object) -> None:
    raise ZeroDivisionError


async def reset(event: dict[str, Any]) -> None:
    raise ConnectionResetError
