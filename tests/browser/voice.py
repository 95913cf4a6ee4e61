"""The caller of a Roundtable client that is no browser: it sends a tone, and listens."""

import asyncio
import math
from array import array
from collections.abc import Mapping

from aiortc import AudioStreamTrack, MediaStreamTrack
from av import AudioFrame

from tests.rtc.datachannel import WITHIN_SECONDS, DataPeer, Description

TONE_HZ = 440
AMPLITUDE = 8_000


class Tone(AudioStreamTrack):
    """A microphone before which somebody hums."""

    async def recv(self) -> AudioFrame:
        frame = await super().recv()
        assert isinstance(frame, AudioFrame)
        start = frame.pts or 0
        turns = (TONE_HZ * (start + sample) / frame.sample_rate for sample in range(frame.samples))
        frame.planes[0].update(array("h", (int(AMPLITUDE * math.sin(math.tau * turn)) for turn in turns)).tobytes())
        return frame


class VoicePeer(DataPeer):
    """Its offers have audio, and no data channel."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
        self.connection.on("track", self._heard.set_result)

    async def offer(self, *, with_candidates: bool) -> Description:
        self.connection.addTrack(Tone())
        return await self._describe(await self.connection.createOffer(), with_candidates)

    async def accept(self, description: Mapping[str, str]) -> None:
        assert "a=candidate:" in description["sdp"], "no candidate will follow"
        await super().accept(description)

    async def hears(self) -> None:
        """Audio comes that is not silent."""
        async with asyncio.timeout(WITHIN_SECONDS):
            track = await self._heard
            while peak(await track.recv()) < AMPLITUDE // 8:
                pass


def peak(frame: object) -> int:
    """The loudest sample of what an audio track brings."""
    assert isinstance(frame, AudioFrame)
    return max(abs(sample) for sample in memoryview(frame.planes[0]).cast("h"))
