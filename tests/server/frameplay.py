"""Plays the table of raw frames to a real server: all cases side by side, each from an address of its own."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from tests.framecases import Case, described
from tests.loopback import fresh_address
from tests.rawframes import CLOSE, BrokenFrame, ClientFrame, encode
from tests.rawsocket import RawSocket
from tests.serverprocess import Command, Program, server
from tests.wsclient import Peer

AT_ONCE = 20
WAIT_SECONDS = 1.0
"""How long a wait of the table may be in vain."""
WITHIN_SECONDS = 5.0
"""How long what the table expects may take on a busy machine."""
CONFIG = {"limits": {"hello_seconds": 120, "heartbeat_seconds": 60, "silence_seconds": 120}}
"""Nothing comes because time passes."""
GOODBYE = encode(ClientFrame(CLOSE, (1000).to_bytes(2)))


class Played(NamedTuple):
    """What came of a case."""

    got: list[str]
    neighbour: str
    """What a good peer on another connection got then."""


def play(
    cases: list[Case], program: Program | Command = "serve", *, makes_tracebacks: bool = False
) -> Mapping[str, Played]:
    """Plays the cases to a server of this kind, and then makes a call; in the end the server's log is examined."""
    with server(CONFIG, program=program, makes_tracebacks=makes_tracebacks) as running:
        return asyncio.run(_play(cases, running.port, running.ws_url))


async def _play(cases: list[Case], port: int, ws_url: str) -> Mapping[str, Played]:
    places, turn = asyncio.Semaphore(AT_ONCE), asyncio.Lock()
    async with Peer.welcomed(ws_url) as ada, Peer.welcomed(ws_url) as bob:

        async def playing(case: Case) -> Played:
            async with places:
                got = await _outcome(case, port)
            async with turn:
                return Played(got, await _reply(ada, case.after))

        outcomes = await asyncio.gather(*(playing(case) for case in cases))
        await _call(ada, bob)
    return {case.title: outcome for case, outcome in zip(cases, outcomes, strict=True)}


async def _outcome(case: Case, port: int) -> list[str]:
    """All that came back, in the words of the table."""
    async with RawSocket.opened(port, fresh_address()) as socket:
        silences: list[int] = []
        end: list[str] = []
        try:
            await _send(case, socket, silences)
            end = await _end(case, socket)
        except BrokenFrame as broken:
            end = [f"a broken frame: {broken}"]
        words = [described(frame) for frame in socket.frames]
        for frames in reversed(silences):
            words.insert(frames, "silence")
        return words + end


async def _send(case: Case, socket: RawSocket, silences: list[int]) -> None:
    """Sends what the case sends, and notes after how many frames a wait was in vain."""
    start = 0
    for index, step in enumerate(case.sends):
        if not step.wait:
            continue
        await socket.write(case.pieces(case.sends[start:index]))
        start = index + 1
        await socket.read_frames(step.wait, WAIT_SECONDS)
        if len(socket.frames) < step.wait and not socket.has_ended:
            silences.append(len(socket.frames))
    await socket.write(case.pieces(case.sends[start:]))


async def _end(case: Case, socket: RawSocket) -> list[str]:
    """Reads the rest and closes, whoever has to begin with it; what is to be said of how the connection ended."""
    if not case.is_closed:
        await socket.read_frames(len(case.expected), WITHIN_SECONDS)
        await socket.write([GOODBYE])
    await socket.read_until(lambda: socket.closing is not None, WITHIN_SECONDS)
    if case.is_closed and not case.closes:
        await socket.write([GOODBYE])
    await socket.read_until(lambda: socket.has_ended, WITHIN_SECONDS)
    if not socket.has_ended:
        return ["not ended"]
    return [] if socket.closing else ["dropped"]


async def _reply(peer: Peer, name: str) -> str:
    try:
        await peer.send("ping", id=name)
        await peer.expect("pong", id=name)
    except AssertionError as unserved:
        return str(unserved)
    return "pong"


async def _call(caller: Peer, callee: Peer) -> None:
    call = await caller.dial(callee.id, {"type": "offer", "sdp": "v=0"})
    await callee.expect("offer", call=call)
    await callee.answer(call, {"type": "answer", "sdp": "v=0"})
    await caller.expect("answer", call=call)
