"""The common WebSocket frame, read and written in place (RFC 6455, section 5.2); the rest is autobahn's. Pure."""

from __future__ import annotations

from struct import Struct

from roundtable.fastlane.masks import unmask

WHOLE_TEXT = 0x81
"""FIN, no RSV, opcode 1."""
MASKED = 0x80
WHOLE_CLOSE = 0x88
"""The same with opcode 8."""
EMPTY_PING = b"\x89\x00"
EMPTY_PONG = b"\x8a\x80"
"""As a client answers an empty ping; its mask follows."""
TWO_BYTES = 126
"""The length follows in two octets."""
EIGHT_BYTES = 127
MASK_BYTES = 4
SMALLEST_HEAD = 2 + MASK_BYTES
_LARGEST_SHORT = 65_535

_medium_head = Struct("!BBH").pack
_large_head = Struct("!BBQ").pack


def whole_text(stream: bytes, start: int, most: int) -> tuple[str, int] | None:
    """The text of the frame that begins at `start`, and where the next one begins.

    None when it is not a whole, unfragmented, masked text frame of at most `most` bytes of good UTF-8 with the shortest
    encoding of its length: what it is then, and how it is refused, is for a complete implementation to say.
    """
    there = len(stream) - start
    if there < SMALLEST_HEAD or stream[start] != WHOLE_TEXT:
        return None
    size = stream[start + 1] - MASKED
    payload = start + SMALLEST_HEAD
    if size == TWO_BYTES:
        size = stream[start + 2] << 8 | stream[start + 3]
        payload += 2
        if size < TWO_BYTES:
            return None
    elif not 0 <= size < TWO_BYTES:
        return None
    end = payload + size
    if end > start + there or size > most:
        return None
    try:
        return unmask(stream[payload:end], stream[payload - MASK_BYTES : payload]).decode(), end
    except UnicodeDecodeError:
        return None


def is_empty_pong(stream: bytes) -> bool:
    """Whether this is one such frame and nothing else."""
    return len(stream) == SMALLEST_HEAD and stream.startswith(EMPTY_PONG)


def close_frame(stream: bytes) -> tuple[int | None, bytes | None] | None:
    """The code and the reason of a masked close frame, when this is one such frame and nothing else."""
    if len(stream) < SMALLEST_HEAD or stream[0] != WHOLE_CLOSE:
        return None
    size = stream[1] - MASKED
    if not 0 <= size < TWO_BYTES or size == 1 or len(stream) != SMALLEST_HEAD + size:
        return None
    payload = unmask(stream[SMALLEST_HEAD:], stream[2:SMALLEST_HEAD])
    return int.from_bytes(payload[:2], "big") if payload else None, payload[2:] or None


def text_frame(payload: bytes) -> bytes:
    """A text message as a server sends it: one frame, not masked."""
    size = len(payload)
    if size < TWO_BYTES:
        return bytes((WHOLE_TEXT, size)) + payload
    if size <= _LARGEST_SHORT:
        return _medium_head(WHOLE_TEXT, TWO_BYTES, size) + payload
    return _large_head(WHOLE_TEXT, EIGHT_BYTES, size) + payload
