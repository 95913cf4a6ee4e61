"""Where one WebSocket frame of a stream ends (RFC 6455, section 5.2). Pure."""

from __future__ import annotations

from roundtable.fastlane.frames import MASKED, SMALLEST_HEAD, TWO_BYTES

_LENGTH = 0x7F
_SHORTEST = {2: TWO_BYTES, 8: 65_536}
"""The least length that may be written in so many octets."""
_LONGEST = 2**63 - 1


class BadLength(ValueError):
    """A length that is not written in the shortest way, or in none that there is. Websockets (17.4) takes it."""


def end_of_frame(stream: bytes, start: int, most: int) -> int | None:
    """Where the frame that begins at `start` ends; None when it is not there whole. Raises BadLength.

    What is not masked, or declares more than `most` bytes, is wrong from its head on, and goes to the end of what is
    there: nobody waits for the rest of it.
    """
    there = len(stream) - start
    if there < 2:
        return None
    if not stream[start + 1] & MASKED:
        return len(stream)
    size, head = stream[start + 1] & _LENGTH, SMALLEST_HEAD
    if size >= TWO_BYTES:
        octets = 2 if size == TWO_BYTES else 8
        head += octets
        if there < 2 + octets:
            return None
        size = int.from_bytes(stream[start + 2 : start + 2 + octets])
        if not _SHORTEST[octets] <= size <= _LONGEST:
            raise BadLength
    end = start + head + size
    if size > most:
        return len(stream)
    return end if end <= len(stream) else None
