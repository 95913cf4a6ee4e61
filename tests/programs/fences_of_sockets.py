"""Measures what a program lets a WebSocket do. Each measure says in a word what came of an attempt."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from websockets.asyncio.client import connect

from tests.framecases import read_cases
from tests.loopback import fresh_address
from tests.posting import ANSWER, OFFER
from tests.programs.commands import in_the_readme
from tests.programs.fences_of_application import outcome
from tests.programs.places import Place
from tests.rawframes import CONTINUATION, PING, TEXT, ClientFrame, encode, handshake
from tests.rawsocket import RawSocket
from tests.server.connections import connection
from tests.server.frameplay import play
from tests.server.sockets import DeafSocket
from tests.serverprocess import HOST, Program, Server
from tests.wsclient import Peer

MESSAGE_BYTES = 65_536
MEBIBYTE = 1_048_576
WITHIN_SECONDS = 5.0
NOTHING_SECONDS = 2.0
"""What has not come by then does not come."""
DROPPED = 1006
"""RFC 6455, section 7.4.1: no close frame came."""
HELLO = ClientFrame(TEXT, b'{"type":"hello"}')
CASES = read_cases()


async def code_after(running: Server, *frames: ClientFrame) -> int:
    """How the server closes a connection on which these frames came; 0 if it does not, or answers with an error."""
    async with RawSocket.opened(running.port, fresh_address()) as socket:
        await socket.write([b"".join(map(encode, frames))])

        def is_answered() -> bool:
            return socket.closing is not None or any(b'"error"' in frame.payload for frame in socket.frames)

        await socket.read_until(is_answered, WITHIN_SECONDS)
        if socket.closing is None:
            return DROPPED if socket.has_ended else 0
        return socket.closing.close_code or 0


async def large_message(place: Place) -> str:
    fragment = b"x" * (MESSAGE_BYTES // 2)
    whole = await code_after(place.patient, ClientFrame(TEXT, b"x" * (MESSAGE_BYTES + 1)))
    parts = [ClientFrame(TEXT, fragment, fin=False), ClientFrame(CONTINUATION, fragment, fin=False)]
    added_up = await code_after(place.patient, *parts, ClientFrame(CONTINUATION, b"x"))
    assert whole == added_up
    return outcome(whole, 1009)


async def invalid_text(place: Place) -> str:
    return outcome(await code_after(place.patient, ClientFrame(TEXT, b"\xff")), 1007)


async def broken_frame(place: Place) -> str:
    return outcome(await code_after(place.patient, ClientFrame(CONTINUATION, b"x")), 1002)


async def silence(place: Place) -> str:
    """The client answers no ping."""
    return outcome(await code_after(place.hasty, HELLO), 4002)


async def reasons(place: Place) -> str:
    async with Peer.welcomed(place.patient.ws_url) as ada, Peer.connected(place.patient.ws_url) as mallory:
        await mallory.send("hello", peer=ada.id)
        return "yes" if await mallory.expect_close(4504) else "no"


async def compression(place: Place) -> str:
    offering = handshake(HOST).replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    async with connection(place.patient) as socket:
        socket.send(offering)
        response = await socket.reader.readuntil(b"\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 101 ")
    return "no" if b"sec-websocket-extensions" in response.lower() else "yes"


async def backpressure(place: Place) -> str:
    """20 MB for an application that sleeps until no more is taken from the client, and what the process holds then."""
    count, padding, sent = 500, "x" * 40_000, 0
    running = place.asleep
    before = running.watch_memory()
    async with connect(f"ws://{HOST}:{running.port}/woken", compression=None, proxy=None) as socket:

        async def send_all() -> None:
            nonlocal sent
            for sent in range(count):
                await socket.send(f"{sent} {padding}")
            await socket.send("how many?")

        sending = asyncio.create_task(send_all())
        await until_it_stands_still(sending, lambda: sent)
        held = running.peak_bytes - before
        await asyncio.to_thread(running.get, "/wake")
        await sending
        assert json.loads(await socket.recv()) == {"taken": count, "in_order": True}
    return "yes" if held < 10 * MEBIBYTE else "no"


async def until_it_stands_still(task: "asyncio.Task[None]", progress: Callable[[], int]) -> None:
    """Returns when it has ended, or has come no further for a while."""
    before = -1
    while progress() > before and not task.done():
        before = progress()
        await asyncio.wait({task}, timeout=NOTHING_SECONDS)


async def slow_reader(place: Place) -> str:
    """15 MB for a client that reads nothing: the kernel's buffers hold less than half of it."""
    async with DeafSocket.opened(place.patient.ws_url) as deaf, Peer.welcomed(place.patient.ws_url) as ada:
        deaf.send_text('{"type":"hello"}')
        callee = json.loads(await deaf.text())["peer"]
        call = await ada.dial(callee, OFFER, id="dial")
        await ada.expect("ack", id="dial")
        deaf.send_text(json.dumps({"type": "answer", "call": call, "description": ANSWER}))
        await ada.expect("answer", call=call)
        for _ in range(10):  # what comes when it is cut off already is too much to hold for it
            for _ in range(25):
                await ada.trickle(call, {"candidate": "x" * 60_000, "sdpMid": "0"})
            with suppress(AssertionError):
                await ada.expect("hangup", call=call, reason="gone", within=NOTHING_SECONDS / 10)
                return "yes"
    return "no"


async def small_frames(place: Place) -> str:
    """A thousand pings, and a thousand empty fragments; two hundred may come at once."""
    pings = await outcome_of_flood(place.patient, [ClientFrame(PING)] * 1_000)
    begun = ClientFrame(TEXT, b'{"type":"ping",', fin=False)
    fragments = [begun, *[ClientFrame(CONTINUATION, fin=False)] * 1_000, ClientFrame(CONTINUATION, b'"id":"f"}')]
    assert await outcome_of_flood(place.patient, fragments) == pings
    return pings


async def outcome_of_flood(running: Server, frames: list[ClientFrame]) -> str:
    """The connection ends, or what is said after the flood is answered."""
    async with RawSocket.opened(running.port, fresh_address()) as socket:
        await socket.write([b"".join(map(encode, [*frames, ClientFrame(TEXT, b'{"type":"ping","id":"after"}')]))])

        def is_answered() -> bool:
            return any(b'"after"' in frame.payload for frame in socket.frames)

        await socket.read_until(lambda: socket.closing is not None or is_answered(), WITHIN_SECONDS)
        assert is_answered() or socket.closing is not None
        return "no" if socket.closing is None else outcome(socket.closing.close_code or 0, 4003)


Deviations = dict[str, tuple[list[str], list[str]]]
"""What is wanted and what came, by the titles of cases in which these differ."""


@cache
def deviations(program: Program) -> Deviations:
    """Of the raw-frame table, played to this program."""
    played = play(CASES, in_the_readme(program))
    lane = "sure" if program == "daphne" else "fast"  # of both kinds, which hand on a text before they look further
    wanted = {case.title: case.expected_on(lane) + ([] if case.is_closed else ["close 1000"]) for case in CASES}
    return {title: (expected, played[title].got) for title, expected in wanted.items() if played[title].got != expected}


async def raw_frames(place: Place) -> str:
    differing = await asyncio.to_thread(deviations, place.program)
    return f"{len(CASES) - len(differing)} of {len(CASES)}"
