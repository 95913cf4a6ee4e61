"""A WebRTC call through the signalling server, in one file: what a client of your own has to do.

    python examples/call.py answer                  says how it can be dialled, answers calls, echoes what it is sent
    python examples/call.py dial IDENTIFIER         calls it, sends a message over a data channel, waits for the echo

It speaks the protocol of docs/protocol.md over one WebSocket: hello, then offers, answers and candidates. `Signalling`
is the connection to the server, `Call` joins it to an RTCPeerConnection. The message itself travels from peer to peer.

Left out, for brevity: connecting again when the server goes away, keeping one's id, and renegotiation.
"""

import argparse
import asyncio
import base64
import json
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

try:
    from aiortc import (
        RTCConfiguration,
        RTCDataChannel,
        RTCIceCandidate,
        RTCIceServer,
        RTCPeerConnection,
        RTCSessionDescription,
    )
    from aiortc.sdp import candidate_from_sdp, candidate_to_sdp
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
    from websockets.typing import Subprotocol
except ImportError as missing:
    sys.exit(f"{missing.name} is not installed: run `make test-environment`, then .venv/bin/python {sys.argv[0]}")

DEFAULT_SERVER = "ws://127.0.0.1:1066/signal"
PATH_SECONDS = 15
"""How long two peers that have exchanged descriptions may look for a path between them."""

Frame = dict[str, Any]
say = partial(print, flush=True)


class CallFailed(Exception):
    """Why there is no call, in a sentence for people."""


class Signalling:
    """A WebSocket to the server after its `welcome`: JSON messages in both directions."""

    def __init__(self, socket: ClientConnection, welcome: Frame) -> None:
        self.socket = socket
        self.welcome = welcome

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def receive(self) -> Frame:
        frame: Frame = json.loads(await self.socket.recv())
        return frame


@asynccontextmanager
async def signalling(server: str, name: str | None) -> AsyncIterator[Signalling]:
    """Connects, says hello, and in the end says bye, which also ends the calls that are still open."""
    try:
        socket = await connect(server, subprotocols=[Subprotocol("roundtable.v1")])
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
        raise CallFailed(f"no signalling server answers at {server}: {error}; `make run` starts one") from error
    try:
        async with socket:
            line = await hello(socket, name)
            try:
                yield line
            finally:
                await line.send("bye")
    except ConnectionClosed as closed:
        raise CallFailed(f"the server closed the connection: {closed}") from closed


async def hello(socket: ClientConnection, name: str | None) -> Signalling:
    """The first message of every client, and its reply. Everything in a hello may be left out."""
    line = Signalling(socket, {})
    await line.send("hello", **({"name": name} if name else {}))
    line.welcome = await line.receive()
    if line.welcome["type"] != "welcome":
        raise CallFailed(f"the server refuses us: {line.welcome.get('message')}")
    return line


class Call:
    """One call: its RTCPeerConnection, and the signalling that this connection needs."""

    def __init__(self, line: Signalling, call: str) -> None:
        self.line = line
        self.id = call
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=ice_servers(line.welcome)))
        self.answered = asyncio.Event()
        self._early: list[Frame | None] = []

    async def offer(self, to: str) -> None:
        """Calls the peer `to`, a UUID or an identifier. The `id` asks the server for an `ack` or an `error`."""
        complete = not is_here(to, self.line.welcome)
        offer = await self.connection.createOffer()
        await self._describe(offer, complete, to=to, id="dial", trickle=not complete)

    async def accept(self, offer: Frame) -> None:
        """Answers an `offer`."""
        await self._set_remote_description(offer["description"])
        if self.connection.sctp is None:
            raise CallFailed("it offers no data channel")
        await self._describe(await self.connection.createAnswer(), complete=not offer["trickle"])

    async def take_answer(self, answer: Frame) -> None:
        """Completes the exchange that `offer` began."""
        await self._set_remote_description(answer["description"])
        self.answered.set()

    async def take_candidates(self, frame: Frame) -> None:
        """Candidates come one at a time or several at once, and may come before the description they belong to."""
        candidates = frame["candidates"] if "candidates" in frame else [frame["candidate"]]
        for candidate in candidates:
            if self.connection.remoteDescription:
                await self._add_candidate(candidate)
            else:
                self._early.append(candidate)

    async def _describe(self, description: RTCSessionDescription, complete: bool, **fields: Any) -> None:
        """Sends our description, complete or with the candidates after it.

        A browser sets the description, sends it, and sends each candidate as its `icecandidate` event comes. aiortc has
        no such event: setLocalDescription gathers them all. So that nobody waits for this, we send before we set.
        """
        if not complete:
            await self._send_description(description, **fields)
        await self.connection.setLocalDescription(description)
        if not local_candidates(self.connection):
            raise CallFailed("there is no network interface but loopback, which aiortc leaves out")
        if complete:
            await self._send_description(self.connection.localDescription, **fields)
        else:
            await self._send_candidates()

    async def _send_description(self, description: RTCSessionDescription, **fields: Any) -> None:
        init = {"type": description.type, "sdp": description.sdp}
        await self.line.send(description.type, call=self.id, description=init, **fields)

    async def _send_candidates(self) -> None:
        for candidate in local_candidates(self.connection):
            await self.line.send("candidate", call=self.id, candidate=candidate)
        await self.line.send("candidate", call=self.id, candidate=None)

    async def _set_remote_description(self, description: Frame) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(description["sdp"], description["type"]))
        for candidate in self._early:
            await self._add_candidate(candidate)
        self._early.clear()

    async def _add_candidate(self, candidate: Frame | None) -> None:
        try:
            await self.connection.addIceCandidate(candidate_from_init(candidate))
        except (AssertionError, ValueError) as error:  # what aiortc raises for one that it cannot read; others may do
            say(f"a candidate is left out: {error!r}")


def ice_servers(welcome: Frame) -> list[RTCIceServer]:
    """The STUN and TURN servers that the server recommends (W3C RTCIceServer)."""
    return [
        RTCIceServer(server["urls"], server.get("username"), server.get("credential"))
        for server in welcome["ice_servers"]
    ]


def local_candidates(connection: RTCPeerConnection) -> list[Frame]:
    """What setLocalDescription gathered, as W3C RTCIceCandidateInit. Our descriptions hold one data channel only."""
    if connection.sctp is None:
        return []
    gatherer = connection.sctp.transport.transport.iceGatherer
    return [
        {
            "candidate": f"candidate:{candidate_to_sdp(candidate)}",
            "sdpMid": connection.sctp.mid,
            "sdpMLineIndex": 0,
            "usernameFragment": gatherer.getLocalParameters().usernameFragment,
        }
        for candidate in gatherer.getLocalCandidates()
    ]


def candidate_from_init(init: Frame | None) -> RTCIceCandidate | None:
    """aiortc's form of a W3C RTCIceCandidateInit; None stands for the end of candidates, as does an empty candidate."""
    if init is None or not init.get("candidate"):
        return None
    candidate = candidate_from_sdp(init["candidate"].removeprefix("candidate:"))
    candidate.sdpMid = init.get("sdpMid")
    candidate.sdpMLineIndex = init.get("sdpMLineIndex")
    return candidate


def is_here(to: str, welcome: Frame) -> bool:
    """Whether this peer is on our own server. An offer to anywhere else is posted there, and must be complete."""
    try:
        return public_ip(to) == public_ip(welcome["identifier"])
    except ValueError:
        return True  # not an identifier: a UUID, which can only mean a peer here


def public_ip(identifier: str) -> str:
    """The address within an identifier. Raises ValueError when it is none."""
    peer = json.loads(base64.b64decode(identifier, validate=True))
    if not isinstance(peer, dict):
        raise ValueError("an identifier holds a JSON object")
    return str(peer.get("PublicIP", ""))


async def dial(server: str, to: str, message: str, name: str | None) -> None:
    """Calls, sends the message, and waits for its echo. Raises CallFailed."""
    started = time.monotonic()
    async with signalling(server, name) as line:
        call = Call(line, str(uuid.uuid4()))
        channel = call.connection.createDataChannel("echo")
        try:
            await call.offer(to)
            round_trip = await first(converse(call, channel, message), follow(call))
            say(f"echo of {message!r} after {round_trip * 1000:.1f} ms; the call took {since(started)} in all")
            await line.send("hangup", call=call.id, reason="done")
        finally:
            await call.connection.close()


async def converse(call: Call, channel: RTCDataChannel, message: str) -> float:
    """Sends the message when the channel opens; the round trip in seconds."""
    opened, echo = asyncio.Event(), asyncio.Event()
    channel.on("open", opened.set)
    channel.on("message", lambda _: echo.set())
    await call.answered.wait()
    try:
        async with asyncio.timeout(PATH_SECONDS):
            await opened.wait()
            sent = time.monotonic()
            channel.send(message)
            await echo.wait()
            return time.monotonic() - sent
    except TimeoutError as error:
        raise CallFailed(f"the call was answered, but in {PATH_SECONDS} s no message got through") from error


async def follow(call: Call) -> float:
    """Does what the server's messages ask for, until one ends the call. Raises CallFailed, never returns."""
    while True:
        frame = await call.line.receive()
        match frame["type"]:
            case "ack":
                say(f"the offer is {frame['state']}; waiting for the answer")
            case "answer":
                say("answered; looking for a path to the other peer")
                await call.take_answer(frame)
            case "candidate":
                await call.take_candidates(frame)
            case "reject":
                raise CallFailed(f"the call was rejected: {frame['reason']}")
            case "hangup":
                raise CallFailed(f"the other side hung up: {frame['reason']}")
            case "error":
                raise CallFailed(f"{frame['message']} ({frame['code']})")


async def first(*coroutines: Any) -> Any:
    """What the first to end returns or raises; the others are cancelled."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task.done()).result()
    finally:
        for task in tasks:
            task.cancel()


async def answer(server: str, name: str | None) -> None:
    """Answers every call until it is interrupted. Raises CallFailed when the server goes away."""
    calls: dict[str, Call] = {}
    try:
        async with signalling(server, name) as line:
            introduce(line.welcome, server)
            while True:
                await take(await line.receive(), line, calls)
    finally:
        await asyncio.gather(*(call.connection.close() for call in calls.values()))


def introduce(welcome: Frame, server: str) -> None:
    python = sys.executable.removeprefix(f"{os.getcwd()}/")
    elsewhere = "" if server == DEFAULT_SERVER else f" --server {server}"
    say(f"connected to {server} as {welcome['peer']}")
    say(f"In another terminal: {python} {sys.argv[0]} dial {welcome['identifier']}{elsewhere}")
    say("waiting for calls; Ctrl-C ends")


async def take(frame: Frame, line: Signalling, calls: dict[str, Call]) -> None:
    """Does what one message asks for. A client ignores the types that it does not know."""
    call = calls.get(frame.get("call", ""))
    match frame["type"]:
        case "offer" if call:
            await line.send("reject", call=call.id, reason="unsupported")
        case "offer":
            await take_offer(frame, line, calls)
        case "candidate" if call:
            await call.take_candidates(frame)
        case "hangup" if call and frame["reason"] not in ("gone", "draining"):  # with these, only signalling has ended
            await call.connection.close()


async def take_offer(offer: Frame, line: Signalling, calls: dict[str, Call]) -> None:
    call = calls[offer["call"]] = Call(line, offer["call"])
    call.connection.on("datachannel", echo)
    try:
        await call.accept(offer)
    except Exception as error:  # a stranger's description may be wrong in any way: this ends the call, not the program
        say(f"call from {offer['from']} rejected: {error}")
        await line.send("reject", call=call.id, reason="failed")
        await calls.pop(call.id).connection.close()
    else:
        call.connection.on("connectionstatechange", partial(end_when_closed, call, calls))
        claimed = ", which over HTTP is only a claim" if offer.get("via") == "http" else ""
        say(f"call from {offer.get('name', 'somebody')} ({offer['from']}{claimed}): answered")


def echo(channel: RTCDataChannel) -> None:
    @channel.on("message")
    def send_back(message: str | bytes) -> None:
        say(f"echoing {message!r}")
        channel.send(message)


async def end_when_closed(call: Call, calls: dict[str, Call]) -> None:
    """A hangup closes our connection. It also closes, or fails, when the other side leaves without a word."""
    if call.connection.connectionState in ("closed", "failed") and call.id in calls:
        del calls[call.id]
        say("call ended")
        await call.connection.close()


def since(started: float) -> str:
    return f"{(time.monotonic() - started) * 1000:.0f} ms"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A WebRTC call through the signalling server.")
    commands = parser.add_subparsers(dest="command", required=True)
    answerer = commands.add_parser("answer", help="wait for calls and echo what comes")
    dialler = commands.add_parser("dial", help="call a peer and send it a message")
    dialler.add_argument("to", metavar="IDENTIFIER", help="what `answer` printed, or the UUID of a peer on the server")
    dialler.add_argument("--message", default="hello", help="what to send (default: %(default)s)")
    for command in (answerer, dialler):
        command.add_argument("--server", default=DEFAULT_SERVER, help="default: %(default)s")
        command.add_argument("--name", help="the name that the other peer sees")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    try:
        if options.command == "answer":
            asyncio.run(answer(options.server, options.name))
        else:
            asyncio.run(dial(options.server, options.to, options.message, options.name))
    except CallFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("interrupted" if options.command == "dial" else "bye")
        return 130 if options.command == "dial" else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
