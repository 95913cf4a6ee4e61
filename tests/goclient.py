"""Stand-ins for the two halves of an unmodified Roundtable client, which is a Go program, with real WebRTC connections.

`dial` is its caller: byte for byte the request that Go's `net/http` and `encoding/json` write. `Answerer` is the server
in which its callee listens. docs/protocol.md lists the facts about these clients that this rests on.
"""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from tests.rtc.datachannel import DataPeer, Description

NIL_UUID = "00000000-0000-0000-0000-000000000000"
PATIENCE_SECONDS = 20.0
"""The client itself waits for ever."""


@dataclass
class Reply:
    """What came back; the client looks at the body only."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as the client reads it: as JSON, whatever the status says."""
        return json.loads(self.body)


def request_body(
    description: Mapping[str, str], callee_public_ip: str, callee: str = NIL_UUID, call: str | None = None
) -> bytes:
    """The request's body: Go's field order, no spaces, and `<`, `>`, `&` escaped as `encoding/json` does."""
    request = {
        "AnsweringPeerID": {"Uuid": callee, "PublicIP": callee_public_ip},
        "OfferingPeerID": {"Uuid": str(uuid.uuid4()), "PublicIP": ""},
        "OfferUUID": call or str(uuid.uuid4()),
        "WebRTCSessionDescription": {"type": description["type"], "sdp": description["sdp"]},
    }
    text = json.dumps(request, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode()


async def post(server_url: str, body: bytes) -> Reply:
    """Posts to `/signal` of the server with the headers of Go's `http.Post`, in their order."""
    return await asyncio.to_thread(_post, server_url, body)


async def dial(
    caller: DataPeer, server_url: str, callee_public_ip: str, callee: str = NIL_UUID, call: str | None = None
) -> Reply:
    """Offers without candidates, waits, and accepts the answer when there is one."""
    offer = await caller.offer(with_candidates=False)
    reply = await post(server_url, request_body(offer, callee_public_ip, callee, call))
    if answer := reply.json.get("WebRTCSessionDescription"):
        await caller.accept(answer)
    return reply


def identifier(public_ip: str, peer: str = NIL_UUID) -> str:
    """What a user of the client gives to others."""
    return base64.b64encode(f'{{"Uuid":"{peer}","PublicIP":"{public_ip}"}}'.encode()).decode()


def _post(server_url: str, body: bytes) -> Reply:
    server = urlsplit(server_url)
    connection = HTTPConnection(server.netloc, timeout=PATIENCE_SECONDS)
    try:
        connection.putrequest("POST", "/signal", skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", server.netloc)
        connection.putheader("User-Agent", "Go-http-client/1.1")
        connection.putheader("Content-Length", str(len(body)))
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Accept-Encoding", "gzip")
        connection.endheaders(body)
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()


@dataclass
class Answerer:
    """The callee's HTTP server on a loopback port. `requests` holds each request's headers and body as they came."""

    public_ip: str = ""
    requests: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    callees: asyncio.Queue[DataPeer] = field(default_factory=asyncio.Queue)
    _closing: list[DataPeer] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator["Answerer"]:
        answerer = cls()
        application = web.Application()
        application.router.add_post("/signal", answerer._signal)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        answerer.public_ip = "http://{}:{}".format(*runner.addresses[0])
        try:
            yield answerer
        finally:
            await runner.cleanup()
            for callee in answerer._closing:
                await callee.close()

    async def _signal(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((request.headers.copy(), body))
        try:
            fields = json.loads(body)
            call, offer = fields["OfferUUID"], fields["WebRTCSessionDescription"]
        except (ValueError, KeyError):
            return web.Response(status=400)
        try:
            answer = await self._answer(offer)
        except Exception:  # the client answers every failure of its WebRTC library so
            return web.Response(status=500)
        return web.json_response({"OfferUUID": call, "WebRTCSessionDescription": answer})

    async def _answer(self, offer: Mapping[str, str]) -> Description:
        """Complete: these clients gather before they answer."""
        callee = DataPeer()
        self._closing.append(callee)
        answer = await callee.answer(offer, with_candidates=True)
        self.callees.put_nowait(callee)
        return answer
