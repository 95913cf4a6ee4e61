"""The probe: two synthetic peers make a real call through a server that speaks docs/protocol.md, and one over HTTP.

It is a client like any other, of any such server: it reads neither configuration nor database, and it takes every
limit as it comes. It leaves nothing behind: its peers say bye, their ids are made by the server and are nobody's.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import msgspec

from signalling.frames import SUBPROTOCOL
from signalling.identity import BadIdentifier, PeerID, decode_identifier
from signalling.operators.probefindings import Failure, Finding, Step, Unexpected, Unreachable
from signalling.operators.probepeer import Frame, ProbePeer

PATH = "/signal"
LEAVING_SECONDS = 1.0
"""For saying bye after a failure."""
MOST_BYTES = 131_072
"""Of one message or response: twice what a server may send."""

_AUDIO = """v=0\r
o=- 4611731400430051336 2 IN IP4 127.0.0.1\r
s=-\r
t=0 0\r
a=group:BUNDLE 0\r
a=msid-semantic: WMS\r
m=audio 9 UDP/TLS/RTP/SAVPF 111\r
c=IN IP4 0.0.0.0\r
a=rtcp:9 IN IP4 0.0.0.0\r
a=ice-ufrag:{ufrag}\r
a=ice-pwd:roundtableprobethatconnectsnobody\r
a=ice-options:trickle\r
a=fingerprint:sha-256 {fingerprint}\r
a=setup:{setup}\r
a=mid:0\r
a=sendrecv\r
a=rtcp-mux\r
a=rtpmap:111 opus/48000/2\r
a=fmtp:111 minptime=10;useinbandfec=1\r
"""
_CANDIDATE = "candidate:1 1 udp 2130706431 {address} 9 typ host"


def _description(kind: str, ufrag: str, setup: str) -> Frame:
    return {"type": kind, "sdp": _AUDIO.format(ufrag=ufrag, setup=setup, fingerprint=":".join(["5A"] * 32))}


def _candidate(address: str, ufrag: str) -> Frame:
    text = _CANDIDATE.format(address=address)
    return {"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": ufrag}


OFFER = _description("offer", "prb1", "actpass")
ANSWER = _description("answer", "prb2", "active")
CALLERS_CANDIDATE = _candidate("192.0.2.1", "prb1")  # RFC 5737: addresses that are nobody's
CALLEES_CANDIDATE = _candidate("192.0.2.2", "prb2")


class Place(NamedTuple):
    """Where a server is, for each transport."""

    http_url: str
    websocket_url: str


def place(url: str) -> Place:
    """The place that this URL means: http, https, ws or wss, with or without `/signal`. Raises ValueError."""
    parts = urlsplit(url)
    secure = {"http": "", "ws": "", "https": "s", "wss": "s"}.get(parts.scheme)
    if secure is None or not parts.hostname:
        raise ValueError("a URL is expected that begins with http://, https://, ws:// or wss:// and a host")
    if parts.path not in ("", "/", PATH) or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"nothing but {PATH} may follow the host and the port, and no user may precede them")
    _ = parts.port  # raises ValueError itself
    return Place(f"http{secure}://{parts.netloc}{PATH}", f"ws{secure}://{parts.netloc}{PATH}")


async def probe(where: Place, seconds: float, done: Callable[[Step], None] = lambda step: None) -> Finding:
    """Makes the calls, in so many seconds at most; what was found. Raises nothing for a server that is not well.

    `done` hears of each step when it is done.
    """
    attempt = Probe(where, asyncio.get_running_loop().time() + seconds)
    steps: list[Step] = []
    failure, is_reachable = None, True
    async with attempt.client() as attempt.http:
        for name, act in attempt.steps():
            began = time.perf_counter()
            try:
                await act()
            except Unexpected as unexpected:
                failure = Failure(name, unexpected.expected, unexpected.got)
            except Unreachable as unreachable:
                failure, is_reachable = Failure(name, "a connection", str(unreachable)), False
            if failure is not None:
                await attempt.leave()
                break
            steps.append(Step(name, round((time.perf_counter() - began) * 1000, 1)))
            done(steps[-1])
    return Finding(where.http_url, tuple(steps), attempt.server, failure, is_reachable)


class Probe:
    """One attempt: the caller, the callee, and their conversation, step by step."""

    http: aiohttp.ClientSession

    def __init__(self, where: Place, deadline: float) -> None:
        self._where = where
        self._deadline = deadline
        self._peers: list[ProbePeer] = []
        self._is_connected = False
        self._call = str(uuid.uuid4())

    def steps(self) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
        """What is done, in this order."""
        return (
            ("connect", self._connect),
            ("hello", self._hello),
            ("offer", self._offer),
            ("answer", self._answer),
            ("candidates", self._candidates),
            ("hangup", self._hang_up),
            ("post", self._post),
            ("bye", self._bye),
        )

    def client(self) -> aiohttp.ClientSession:
        """An HTTP client without proxies, cookies and time-outs of its own."""
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(self._note_connection)
        return aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(),
            trace_configs=[trace],
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "roundtable-probe/1.0"},
        )

    @property
    def server(self) -> str:
        """What the server calls itself, once it has said so."""
        return str(self._peers[0].welcome.get("server", "")) if self._peers else ""

    async def leave(self) -> None:
        """Says bye after a failure, so that the server need not keep anything for our return."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING_SECONDS):
                await asyncio.gather(*(peer.leave() for peer in self._peers), return_exceptions=True)

    async def _connect(self) -> None:
        for _ in ("caller", "callee"):
            socket = await self._open()
            self._peers.append(ProbePeer(socket, self._deadline))
            if socket.protocol != SUBPROTOCOL:
                raise Unexpected(f"the subprotocol {SUBPROTOCOL}", f"the subprotocol {socket.protocol}")

    async def _hello(self) -> None:
        for peer, name in zip(self._peers, ("probe caller", "probe callee"), strict=True):
            await peer.hello(name)

    async def _offer(self) -> None:
        caller, callee = self._peers
        await caller.send("offer", id="probe", call=self._call, to=callee.id, description=OFFER)
        await caller.expect("ack", "an ack, delivered", id="probe", state="delivered")
        expected = "the caller's offer, unchanged, at the callee"
        offer = await callee.expect("offer", expected, call=self._call)
        if (offer.get("from"), offer.get("description"), offer.get("polite")) != (caller.id, OFFER, True):
            raise Unexpected(expected, "another one")

    async def _answer(self) -> None:
        caller, callee = self._peers
        await callee.send("answer", call=self._call, description=ANSWER)
        await _relayed(caller, callee, "answer", call=self._call, description=ANSWER)

    async def _candidates(self) -> None:
        caller, callee = self._peers
        directions = ((caller, callee, CALLERS_CANDIDATE), (callee, caller, CALLEES_CANDIDATE))
        for sender, _, candidate in directions:
            await sender.send("candidate", call=self._call, candidate=candidate)
        for sender, receiver, candidate in directions:
            await _relayed(receiver, sender, "candidate", call=self._call, candidate=candidate)

    async def _hang_up(self) -> None:
        caller, callee = self._peers
        await caller.send("hangup", call=self._call, reason="done")
        await _relayed(callee, caller, "hangup", call=self._call, reason="done")

    async def _post(self) -> None:
        """An offer over HTTP, as clients send it who know nothing else, to the same callee."""
        callee = self._peers[1]
        call = str(uuid.uuid4())
        posting = asyncio.ensure_future(self._posted(call, _address_of(callee)))
        answering = asyncio.ensure_future(_answer_posted(callee, call))
        try:
            await asyncio.wait((posting, answering), return_when=asyncio.FIRST_COMPLETED)
            if posting.done():  # it has not waited for the answer, so it says why
                await posting
            await answering
            await posting
        finally:
            for task in (posting, answering):
                task.cancel()
            await asyncio.gather(posting, answering, return_exceptions=True)

    async def _bye(self) -> None:
        for peer in self._peers:
            await peer.bye()

    async def _open(self) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket. Raises Unreachable, and Unexpected when the server is reached but does not open one."""
        url, expected = self._where.websocket_url, "101, a WebSocket"
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self.http.ws_connect(url, protocols=(SUBPROTOCOL,), max_msg_size=MOST_BYTES)
        except TimeoutError as error:
            raise self._lateness(expected) from error
        except aiohttp.WSServerHandshakeError as error:
            raise Unexpected(expected, f"{error.status}, {error.message}") from error
        except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
            raise self._trouble(expected, error) from error

    async def _posted(self, call: str, callee: PeerID) -> None:
        expected = "200 with the callee's answer, unchanged"
        request = {
            "AnsweringPeerID": {"Uuid": callee.uuid, "PublicIP": callee.public_ip},
            "OfferingPeerID": {"Uuid": str(uuid.uuid4()), "PublicIP": ""},
            "OfferUUID": call,
            "WebRTCSessionDescription": OFFER,
        }
        try:
            async with (
                asyncio.timeout_at(self._deadline),
                self.http.post(self._where.http_url, json=request, allow_redirects=False) as response,
            ):
                body = await _body(response)
        except TimeoutError as error:
            raise self._lateness(expected) from error
        except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
            raise self._trouble(expected, error) from error
        answer = _object(body)
        if (
            response.status != 200
            or answer.get("WebRTCSessionDescription") != ANSWER
            or answer.get("OfferUUID") != call
        ):
            raise Unexpected(expected, _told(response, answer))

    async def _note_connection(self, *_: Any) -> None:
        self._is_connected = True

    def _lateness(self, expected: str) -> Unexpected | Unreachable:
        if self._is_connected:
            return Unexpected(expected, "nothing in time")
        about_tls = ", of TCP or of TLS" if self._where.http_url.startswith("https:") else ""
        return Unreachable(f"no answer in time{about_tls}")

    def _trouble(self, expected: str, error: Exception) -> Unexpected | Unreachable:
        """What this error means; while there is no connection, there is no server that could do wrong."""
        return Unexpected(expected, _reason(error)) if self._is_connected else Unreachable(_reason(error))


async def _relayed(receiver: ProbePeer, sender: ProbePeer, kind: str, **fields: Any) -> None:
    """What one peer said comes to the other, unchanged, and with its sender's id."""
    await receiver.expect(kind, f"the other's {kind}, unchanged", **fields, **{"from": sender.id})


async def _answer_posted(callee: ProbePeer, call: str) -> None:
    expected = "the posted offer, unchanged, at the callee"
    await callee.expect("offer", expected, call=call, via="http", trickle=False, description=OFFER)
    await callee.send("answer", call=call, description=ANSWER)


def _address_of(peer: ProbePeer) -> PeerID:
    try:
        return decode_identifier(peer.welcome["identifier"])
    except BadIdentifier as error:
        raise Unexpected("an identifier in the welcome", "something else") from error


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """All of it, or as much as an answer may be long."""
    body = b""
    while len(body) < MOST_BYTES and (chunk := await response.content.read(MOST_BYTES)):
        body += chunk
    return body


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return {}


def _told(response: aiohttp.ClientResponse, answer: dict[str, Any]) -> str:
    """What came instead of an answer: the status, where it leads to, and the problem's code and sentence."""
    location = response.headers.get("Location")
    words = [str(response.status), f"to {location}: probe that one" if location else ""]
    words += [str(answer[name]) for name in ("code", "detail") if name in answer]
    return " ".join(filter(None, words))


def _reason(error: Exception) -> str:
    """Why there is no connection, or none any more, in plain words."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            cause = error.certificate_error
            why = getattr(cause, "verify_message", None) or cause
            return f"the server's certificate is not accepted: {why}"
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return "no TLS is spoken there, or none that we speak; is it http:// or ws://?"
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} has no address"
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno  # its own text has the address, or several of them
            return os.strerror(number) if number else str(error.os_error)
        case aiohttp.ServerDisconnectedError():
            return "a connection that was closed without a response"
        case aiohttp.ClientResponseError():
            return f"no HTTP: {error.message}"
    return str(error) or type(error).__name__
