"""What a real server lets a connection do: sizes, time to say hello, silence, misbehaviour, and how many there are."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from websockets.frames import Frame, Opcode

from tests.loopback import fresh_address
from tests.server.sockets import DeafSocket, peer_from
from tests.serverprocess import Server, server
from tests.wsclient import Peer

pytestmark = pytest.mark.usefixtures("every_lane")

NEW_CALL = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
MESSAGE_BYTES = 65_536


@pytest.fixture(scope="module")
def here(every_lane: str) -> Iterator[Server]:
    with server({"limits": {"messages_burst": 50, "refused_messages": 5, "messages_per_second": 1}}) as running:
        yield running


@pytest.fixture(scope="module")
def hasty(every_lane: str) -> Iterator[Server]:
    """A server that soon loses patience, and has room for three from one address."""
    limits = {
        "hello_seconds": 0.5,
        "heartbeat_seconds": 0.5,
        "silence_seconds": 1.5,
        "resume_seconds": 0.5,
        "connections_per_address": 3,
    }
    with server({"limits": limits}) as running:
        yield running


def ping_of(size: int) -> str:
    """A message of so many bytes."""
    empty = json.dumps({"type": "ping", "id": "p1", "padding": ""})
    return json.dumps({"type": "ping", "id": "p1", "padding": "x" * (size - len(empty))})


class TestSizes:
    async def test_64_kib_are_a_message(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as ada:
            await ada.send_text(ping_of(MESSAGE_BYTES))
            await ada.expect("pong", id="p1")

    async def test_one_of_64_kib_is_relayed_though_that_makes_it_longer(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as ada, Peer.welcomed(here.ws_url) as bob:
            offer = {"type": "offer", "call": NEW_CALL, "to": bob.id, "description": {"type": "offer", "sdp": ""}}
            offer["description"] = {"type": "offer", "sdp": "x" * (MESSAGE_BYTES - len(json.dumps(offer)))}
            await ada.send_text(json.dumps(offer))
            assert (await bob.expect("offer", call=NEW_CALL))["description"] == offer["description"]
            await bob.expect_nothing_else()

    async def test_t17_one_byte_more_is_1009(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as ada:
            await ada.send_text(ping_of(MESSAGE_BYTES + 1))
            await ada.expect_close(1009)

    async def test_t17_fragments_that_add_up_are_1009(self, here: Server) -> None:
        async with DeafSocket.opened(here.ws_url) as socket:
            half = b"x" * (MESSAGE_BYTES // 2)
            socket.send_frames(
                Frame(Opcode.TEXT, half, fin=False),
                Frame(Opcode.CONT, half, fin=False),
                Frame(Opcode.CONT, b"x", fin=True),
            )
            assert await socket.close_code() == 1009

    async def test_t17_a_length_that_is_only_declared_is_1009(self, here: Server) -> None:
        async with DeafSocket.opened(here.ws_url) as socket:
            socket.send_bytes(b"\x81\xff" + (2**62).to_bytes(8, "big") + b"mask")
            assert await socket.close_code() == 1009

    async def test_welcome_says_how_large_a_message_may_be(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as ada:
            assert ada.welcome["limits"]["message_bytes"] == MESSAGE_BYTES

    async def test_invalid_utf8_is_1007_and_a_breach_of_the_protocol_1002(self, here: Server) -> None:
        for frame, code in ((Frame(Opcode.TEXT, b"\xff"), 1007), (Frame(Opcode.CONT, b"x"), 1002)):
            async with DeafSocket.opened(here.ws_url) as socket:
                socket.send_frames(frame)
                assert await socket.close_code() == code

    async def test_t18_compression_is_not_negotiated(self, here: Server) -> None:
        async with DeafSocket.opened(here.ws_url, extensions="permessage-deflate") as socket:
            assert "Sec-WebSocket-Extensions" not in socket.response_headers


class TestMisbehaviour:
    @pytest.mark.parametrize("frame", ["{", '{"type":"nonsense"}', '{"type":"offer"}', b"binary"])
    async def test_ten_malformed_messages_are_4500(self, here: Server, frame: str | bytes) -> None:
        async with Peer.welcomed(here.ws_url) as bob, Peer.welcomed(here.ws_url) as mallory:
            call = await mallory.dial(bob.id, {"type": "offer", "sdp": "v=0"})
            await bob.expect("offer", call=call)
            for _ in range(10):
                await mallory.send_text(frame)
            for _ in range(10):
                await mallory.expect("error")
            await mallory.expect_close(4500)
            await bob.expect("hangup", call=call, reason="disconnected")

    async def test_nine_are_not(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as mallory:
            for _ in range(9):
                await mallory.send_text("{")
                await mallory.expect("error", code="bad_json")
            await mallory.expect_nothing_else()

    async def test_t22_a_flood_is_rate_limited_and_then_4003(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as bob, Peer.welcomed(here.ws_url) as mallory:
            for number in range(100):
                await mallory.send("ping", id=str(number))
            await mallory.expect_close(4003)
            kinds = [frame["type"] for frame in mallory.received[1:]]
            passed = kinds.index("error")
            assert 49 <= passed <= 51
            assert kinds[passed:] == ["error"] * 5
            assert {frame["code"] for frame in mallory.received[1 + passed :]} == {"rate_limited"}
            assert all(frame["retry_after"] >= 1 for frame in mallory.received[1 + passed :])
            await bob.expect_nothing_else()


class TestPatience:
    async def test_no_hello_in_time_is_4005(self, hasty: Server) -> None:
        async with peer_from(fresh_address(), hasty.ws_url) as late:
            began = time.monotonic()
            assert await late.expect_close(4005) == "no hello came in time"
            assert 0.4 < time.monotonic() - began < 3

    async def test_other_messages_are_no_hello(self, hasty: Server) -> None:
        async with peer_from(fresh_address(), hasty.ws_url) as late:
            await late.send("ping")
            await late.send("bye", id="b1")
            await late.expect("error", code="hello_expected", id="b1")
            await late.expect_close(4005)

    async def test_a_client_that_answers_no_ping_is_4002(self, hasty: Server) -> None:
        async with DeafSocket.opened(hasty.ws_url) as socket:
            socket.send_text('{"type":"hello"}')
            assert await socket.close_code() == 4002
            assert any(frame.opcode is Opcode.PING for frame in socket.received)
            await socket.ended()

    async def test_a_client_that_answers_pings_stays(self, hasty: Server) -> None:
        """It is still there when one that came later and is deaf has gone."""
        async with peer_from(fresh_address(), hasty.ws_url) as ada:
            await ada.hello()
            async with DeafSocket.opened(hasty.ws_url) as deaf:
                deaf.send_text('{"type":"hello"}')
                assert await deaf.close_code() == 4002
            await ada.expect_nothing_else()

    async def test_a_deaf_clients_calls_end(self, hasty: Server) -> None:
        async with peer_from(fresh_address(), hasty.ws_url) as ada, DeafSocket.opened(hasty.ws_url) as deaf:
            await ada.hello()
            deaf.send_text('{"type":"hello","peer":"6ba7b810-9dad-11d1-80b4-00c04fd430c8"}')
            await deaf.text()
            call = await ada.dial("6ba7b810-9dad-11d1-80b4-00c04fd430c8", {"type": "offer", "sdp": "v=0"})
            assert await deaf.close_code() == 4002
            await ada.expect("error", call=call, code="peer_gone")


class TestConnections:
    async def test_t23_one_address_has_three_and_the_fourth_is_4004(self, hasty: Server) -> None:
        address = fresh_address()
        async with AsyncExitStack() as stack:
            here = [await stack.enter_async_context(peer_from(address, hasty.ws_url)) for _ in range(3)]
            for peer in here:
                await peer.hello()
            async with peer_from(address, hasty.ws_url) as fourth:
                await fourth.expect_close(4004)
            async with peer_from(fresh_address(), hasty.ws_url) as elsewhere:
                await elsewhere.hello()
            for peer in here:
                await peer.expect_nothing_else()

    async def test_t23_a_place_that_was_left_is_free(self, hasty: Server) -> None:
        address = fresh_address()
        async with peer_from(address, hasty.ws_url) as ada, peer_from(address, hasty.ws_url) as bob:
            await ada.hello()
            await bob.hello()
            for _ in range(3):
                async with peer_from(address, hasty.ws_url) as guest:
                    await guest.hello()
                    await guest.bye()
                    await guest.expect_close(1000)

    async def test_t23_eight_have_room_in_all_and_the_ninth_is_4004(self) -> None:
        with server({"limits": {"connections": 8}}) as small:
            async with AsyncExitStack() as stack:
                here = [await stack.enter_async_context(peer_from(fresh_address(), small.ws_url)) for _ in range(8)]
                await asyncio.gather(*(peer.hello() for peer in here))
                async with peer_from(fresh_address(), small.ws_url) as ninth:
                    await ninth.expect_close(4004)
                for peer in here:
                    await peer.expect_nothing_else()


async def test_t20_a_client_that_does_not_read_is_cut_off_and_only_it_suffers() -> None:
    with server() as running:
        async with (
            DeafSocket.opened(running.ws_url) as deaf,
            Peer.welcomed(running.ws_url) as caller,
            Peer.welcomed(running.ws_url) as other,
        ):
            deaf.send_text('{"type":"hello"}')
            callee = json.loads(await deaf.text())["peer"]
            call = await caller.dial(callee, {"type": "offer", "sdp": "v=0"}, id="dial")
            await caller.expect("ack", id="dial")
            deaf.send_text(
                json.dumps({"type": "answer", "call": call, "description": {"type": "answer", "sdp": "v=0"}})
            )
            await caller.expect("answer")
            for _ in range(400):  # 24 MB: what the kernel's buffers hold, and more
                await caller.trickle(call, {"candidate": "x" * 60_000, "sdpMid": "0"})
            await caller.expect("hangup", reason="gone")
            await other.send("ping")
            await other.expect("pong")
        await asyncio.to_thread(running.stop)
        assert "slow consumer" in running.log
