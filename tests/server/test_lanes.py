"""The launcher's two lanes beside each other: nobody at the other end of the connection can tell which one it is."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.asyncio.client import connect

from tests.ambiguousheaders import AMBIGUOUS
from tests.loopback import fresh_address
from tests.rawframes import PING, PONG, TEXT, ClientFrame, ServerFrames, encode
from tests.rawsocket import RawSocket
from tests.server.witness import witness
from tests.serverprocess import LANE, LANES, Server, server

PLAIN = (
    "Host: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"
)
WITHIN_SECONDS = 5.0
EVERYWHERE = {"localaddress": None}


@pytest.fixture(scope="module")
def both() -> Iterator[list[Server]]:
    """A witness on either lane."""
    with ExitStack() as stack:
        servers = []
        for name in LANES:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(LANE, name)
                running = stack.enter_context(server(EVERYWHERE, program=witness, makes_tracebacks=True))
            servers.append(running)
        yield servers


Answer = tuple[bytes, list[bytes]]
"""The head of the response, and the payloads of the first frames after it, if it has become a WebSocket."""


async def answer(host: str, port: int, octets: bytes, frames: int, *later: bytes) -> Answer:
    """What comes back for these octets, and for those that come later: so many frames, if there are frames."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            writer.write(octets)
            for piece in later:
                await asyncio.sleep(0.05)  # nothing tells that the server has read what came before
                writer.write(piece)
            head = await reader.readuntil(b"\r\n\r\n")
            payloads: list[bytes] = []
            incoming = ServerFrames()
            while head.startswith(b"HTTP/1.1 101 ") and len(payloads) < frames:
                payloads += [frame.payload for frame in incoming.feed(await reader.read(65_536))]
            return _without_chance(head), payloads
    finally:
        writer.close()


def _without_chance(head: bytes) -> bytes:
    """Without a refusal's length, which goes with the id that it was given."""
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length"))


async def answers(both: list[Server], octets: bytes, frames: int = 1, host: str = "127.0.0.1") -> list[Answer]:
    """What either lane answers."""
    return [await answer(host, running.port, octets, frames) for running in both]


def request(headers: str, target: str = "/signal") -> bytes:
    return f"GET {target} HTTP/1.1\r\n{headers}\r\n\r\n".encode("latin-1")


@pytest.mark.parametrize(
    "more",
    [
        "",
        "\r\nOrigin: https://app.example",
        "\r\nOrigin: null",
        "\r\nOrigin: chrome-extension://abcdef",
        "\r\nOrigin: https://app.example:99999",
        "\r\nSec-WebSocket-Protocol: roundtable.v1",
        "\r\nSec-WebSocket-Protocol: roundtable.v1, chat",
        "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        "\r\nSec-WebSocket-Extensions: permessage-deflate; odd=1",
        "\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https",
        "\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 192.0.2.8",
        "\r\nUser-Agent:   spaces around it  \r\nX-Empty:",
        "\r\nX_Underscore: x",
        "\r\nDaphne-Root-Path: /evil",
        "\r\nCookie: a=b; c=d",
        *(f"\r\n{headers}" for headers in AMBIGUOUS),
    ],
)
async def test_a_handshake_is_answered_alike_and_the_application_is_told_the_same(
    both: list[Server], more: str
) -> None:
    fast, sure = await answers(both, request(PLAIN + more) + (b"{}" if "Content-Length" in more else b""))
    assert fast == sure


@pytest.mark.parametrize(
    "target", ["/", "/a%20b%C3%A4?c=%20d", "/a?b?c", "//two", "/a;b", "/a#b", "/%", "/" + "x" * 2000]
)
async def test_so_is_every_path(both: list[Server], target: str) -> None:
    fast, sure = await answers(both, request(PLAIN, target))
    assert fast == sure


async def test_a_plain_one_is_accepted(both: list[Server]) -> None:
    for head, payloads in await answers(both, request(PLAIN)):
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
        assert json.loads(payloads[0])["path"] == "/signal"


IMPATIENT = {"limits": {"request_seconds": 0.2}}


async def test_t14_one_that_the_application_accepts_too_late_is_dropped_and_not_opened_again(lane: str) -> None:
    with server(IMPATIENT, program=witness) as running:
        await is_dropped(running, "/slow")


async def test_so_is_one_on_the_sure_lane_when_the_process_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Autobahn's timer is due before the application goes on, and knows nothing of time that was not lived."""
    monkeypatch.setenv(LANE, "sure")
    with server(IMPATIENT, program=witness) as running:
        await is_dropped(running, "/late")
        await asyncio.to_thread(running.stop)
        assert " left=0 " in running.log


async def test_on_the_fast_lane_that_is_no_time_in_which_the_client_was_kept_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(LANE, "fast")
    with server(IMPATIENT, program=witness) as running:
        head, _ = await answer("127.0.0.1", running.port, request(PLAIN, "/late"), 0)
        assert head.startswith(b"HTTP/1.1 101 ")


async def is_dropped(running: Server, path: str) -> None:
    """The one that asks for this."""
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await answer("127.0.0.1", running.port, request(PLAIN, path), 0)


async def test_over_ipv6_it_is_the_same(both: list[Server]) -> None:
    fast, sure = await answers(both, request(PLAIN), host="::1")
    assert fast == sure
    assert json.loads(fast[1][0])["client"] == "::1"


async def test_a_request_in_pieces_is_read_as_well(both: list[Server]) -> None:
    octets = request(PLAIN)
    for running in both:
        head, _ = await answer("127.0.0.1", running.port, octets[:50], 1, octets[50:])
        assert head.startswith(b"HTTP/1.1 101 ")


async def test_t37_a_handshake_in_the_body_of_a_request_is_none(both: list[Server]) -> None:
    """Whoever stands before this server has taken it for a body, and so must this one."""
    body = request(PLAIN)
    head = b"POST /signal HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % len(body)
    for running in both:
        response, _ = await answer("127.0.0.1", running.port, head, 0, body)
        assert response.startswith(b"HTTP/1.1 200 ")


async def test_t37_nor_is_a_line_of_its_head_the_first_of_another(both: list[Server]) -> None:
    for running in both:
        _, payloads = await answer("127.0.0.1", running.port, b"GET / HTTP/1.1\r\nX:", 1, request(PLAIN))
        assert json.loads(payloads[0])["path"] == "/"


TOGETHER = [ClientFrame(TEXT, b"one"), ClientFrame(PING, b"two"), ClientFrame(TEXT, b"three")]


async def test_frames_in_the_segment_of_the_handshake_are_kept_on_the_fast_lane(both: list[Server]) -> None:
    """Stock daphne loses them."""
    fast, _ = both
    octets = request(PLAIN) + b"".join(map(encode, TOGETHER))
    _, payloads = await answer("127.0.0.1", fast.port, octets, 1 + len(TOGETHER))
    assert b"two" in payloads
    assert [payload for payload in payloads if payload in (b"one", b"three")] == [b"one", b"three"]


async def test_t21_pongs_one_by_one_are_counted_on_both(both: list[Server]) -> None:
    for running in both:
        async with RawSocket.opened(running.port, fresh_address()) as socket:
            for _ in range(300):
                await socket.write([encode(ClientFrame(PONG))])
                await asyncio.sleep(0.002)  # so that the server reads them one by one
            await socket.read_until(lambda: socket.closing is not None, WITHIN_SECONDS)
            assert socket.closing is not None
            assert socket.closing.close_code == 4003


async def test_a_text_within_a_message_is_a_breach_in_a_segment_of_its_own_too(both: list[Server]) -> None:
    for running in both:
        async with RawSocket.opened(running.port, fresh_address()) as socket:
            await socket.write(map(encode, [ClientFrame(TEXT, b"half a ", fin=False), ClientFrame(PING)]))
            await socket.read_frames(2, WITHIN_SECONDS)  # the scope, and the pong: it has read that much
            await socket.write([encode(ClientFrame(TEXT, b"whole"))])
            await socket.read_until(lambda: socket.closing is not None, WITHIN_SECONDS)
            assert socket.closing is not None
            assert socket.closing.close_code == 1002
            assert len(socket.frames) == 3


WITHIN = [encode(ClientFrame(TEXT, b"ab")), encode(ClientFrame(PONG))]
UNMASKED = bytes(4)


@pytest.mark.parametrize("payload", WITHIN, ids=["text", "pong"])
async def test_octets_of_a_ping_that_look_like_a_frame_are_none(both: list[Server], payload: bytes) -> None:
    """Its payload comes in a segment of its own, and is answered whole."""
    for running in both:
        async with RawSocket.opened(running.port, fresh_address()) as socket:
            await socket.write([bytes((0x89, 0x80 + len(payload))) + UNMASKED])
            await asyncio.sleep(0.05)  # nothing tells that the server has read it
            await socket.write([payload])
            await socket.read_frames(2, WITHIN_SECONDS)
            assert [(frame.opcode, frame.payload) for frame in socket.frames[1:]] == [(PONG, payload)]


async def test_messages_of_all_kinds_stay_in_order(both: list[Server]) -> None:
    for running in both:
        async with connect(f"ws://127.0.0.1:{running.port}/", compression=None, proxy=None) as socket:
            await socket.recv()
            said: list[str | bytes] = []
            for number in range(200):
                said += [f"{number}", f"{number}".encode(), "x" * number * 40, f"{number} again"]
            async with asyncio.timeout(WITHIN_SECONDS), asyncio.TaskGroup() as group:
                group.create_task(say_all(socket, said))
                assert [await socket.recv() for _ in said if _] == [one for one in said if one]


async def say_all(socket: object, said: list[str | bytes]) -> None:
    for number, one in enumerate(said):
        if one:
            await socket.send([one[:1], one[1:]] if number % 7 == 3 and len(one) > 1 else one)  # type: ignore[attr-defined]


async def test_t33_a_handler_that_raises_ends_its_own_connection_with_1011(both: list[Server]) -> None:
    for running in both:
        url = f"ws://127.0.0.1:{running.port}/"
        async with connect(url, proxy=None) as other, connect(url, proxy=None) as socket:
            await socket.recv()
            await other.recv()
            await socket.send("fail")
            async with asyncio.timeout(WITHIN_SECONDS):
                await socket.wait_closed()
            assert socket.close_code == 1011
            await other.send("here")
            assert await other.recv() == "here"
