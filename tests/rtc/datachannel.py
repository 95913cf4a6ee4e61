"""A real WebRTC peer with one data channel, signalled by hand. It stays on loopback and asks no STUN server."""

import asyncio
from collections.abc import Mapping
from typing import Any, Self

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp, candidate_to_sdp

import tests.rtc.loopback.sitecustomize  # noqa: F401 - its import is what keeps the candidates on loopback

WITHIN_SECONDS = 10.0

Description = dict[str, str]
Candidate = dict[str, Any]


class DataPeer:
    """An RTCPeerConnection whose descriptions and candidates are W3C's dictionaries, as they are on the wire."""

    def __init__(self) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.received: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._opened: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.connection.close()

    async def offer(self, *, with_candidates: bool) -> Description:
        """An offer of a data channel, complete or without any candidate (as a browser's and a Go client's are)."""
        channel = self.connection.createDataChannel("test")
        channel.on("open", lambda: self._open(channel))
        return await self._describe(await self.connection.createOffer(), with_candidates)

    async def answer(self, offer: Mapping[str, str], *, with_candidates: bool) -> Description:
        """The answer to an offer."""
        self.connection.on("datachannel", self._open)
        await self.accept(offer)
        return await self._describe(await self.connection.createAnswer(), with_candidates)

    async def accept(self, description: Mapping[str, str]) -> None:
        """Takes the other side's description."""
        await self.connection.setRemoteDescription(RTCSessionDescription(description["sdp"], description["type"]))

    def candidates(self) -> list[Candidate]:
        """What was gathered, as RTCIceCandidateInit."""
        assert self.connection.sctp is not None
        gatherer = self.connection.sctp.transport.transport.iceGatherer
        return [
            {
                "candidate": f"candidate:{candidate_to_sdp(candidate)}",
                "sdpMid": "0",
                "sdpMLineIndex": 0,
                "usernameFragment": gatherer.getLocalParameters().usernameFragment,
            }
            for candidate in gatherer.getLocalCandidates()
        ]

    async def add(self, init: Mapping[str, Any] | None) -> None:
        """Takes one of the other side's candidates, or their end."""
        if init is None:
            await self.connection.addIceCandidate(None)
            return
        candidate = candidate_from_sdp(init["candidate"].removeprefix("candidate:"))
        candidate.sdpMid, candidate.sdpMLineIndex = init["sdpMid"], init["sdpMLineIndex"]
        await self.connection.addIceCandidate(candidate)

    async def opened(self) -> RTCDataChannel:
        """The data channel, once it is open."""
        async with asyncio.timeout(WITHIN_SECONDS):
            return await asyncio.shield(self._opened)

    async def send(self, message: str | bytes) -> None:
        (await self.opened()).send(message)

    async def receive(self) -> str | bytes:
        """The next message of the data channel."""
        async with asyncio.timeout(WITHIN_SECONDS):
            return await self.received.get()

    async def _describe(self, description: RTCSessionDescription, with_candidates: bool) -> Description:
        """setLocalDescription gathers; what createOffer and createAnswer gave before it has no candidates."""
        await self.connection.setLocalDescription(description)
        told = self.connection.localDescription if with_candidates else description
        return {"type": told.type, "sdp": told.sdp}

    def _open(self, channel: RTCDataChannel) -> None:
        channel.on("message", self.received.put_nowait)
        self._opened.set_result(channel)


async def assert_bytes_flow(caller: DataPeer, callee: DataPeer) -> None:
    """The data channel is open and carries bytes both ways."""
    await caller.send(b"from the caller \x00\xff")
    assert await callee.receive() == b"from the caller \x00\xff"
    await callee.send(b"from the callee \x00\xfe")
    assert await caller.receive() == b"from the callee \x00\xfe"
