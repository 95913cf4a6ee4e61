"""WebSocket frames as octets (RFC 6455, section 5.2): right and wrong ones written, the server's read strictly. Pure.

No library is in between: one that knows the protocol would not write what these tests must send, nor mind all that
they must notice.
"""

import base64
import hashlib
from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = bytes.fromhex("37fa213d")
"""Any four octets do; these are those of the examples in section 5.7."""
MAX_CONTROL_BYTES = 125
MAX_SERVER_BYTES = 1_048_576
"""Far more than the server ever sends in one frame: a longer one is a length misread."""
HANDSHAKE_KEY = base64.b64encode(b"the sample nonce").decode()
_HANDSHAKE_SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class BrokenFrame(Exception):
    """The server broke RFC 6455; the message says how."""


class ClientFrame(NamedTuple):
    """A frame to be sent as it stands, however wrong it is."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    masked: bool = True
    length_bytes: int | None = None
    """0, 2 or 8: how many octets extend the length. None: as few as will do."""
    declares: int | None = None
    """The length that its header names. None: that of the payload."""


class ServerFrame(NamedTuple):
    """A frame that has come."""

    opcode: int
    payload: bytes

    @property
    def close_code(self) -> int | None:
        """The code of a close frame that has one."""
        return int.from_bytes(self.payload[:2]) if self.payload else None


def encode(frame: ClientFrame) -> bytes:
    """The octets of this frame."""
    length = len(frame.payload) if frame.declares is None else frame.declares
    extension = _shortest(length) if frame.length_bytes is None else frame.length_bytes
    length_field = {0: length, 2: 126, 8: 127}[extension]
    header = bytes([frame.fin << 7 | frame.rsv << 4 | frame.opcode, frame.masked << 7 | length_field])
    header += length.to_bytes(extension) if extension else b""
    return header + (MASK + _masked(frame.payload) if frame.masked else frame.payload)


def handshake(host: str) -> bytes:
    """The request that opens a WebSocket on `/signal`."""
    lines = (
        "GET /signal HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {HANDSHAKE_KEY}",
        "Sec-WebSocket-Version: 13",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def check_handshake(response: bytes) -> None:
    """Raises BrokenFrame unless the server has switched protocols, with the right proof and nothing negotiated."""
    status, *lines = response.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    digest = hashlib.sha1(f"{HANDSHAKE_KEY}{_HANDSHAKE_SALT}".encode(), usedforsecurity=False).digest()
    if not status.startswith("HTTP/1.1 101 "):
        raise BrokenFrame(f"no WebSocket: {status}")
    if headers.get("sec-websocket-accept") != base64.b64encode(digest).decode():
        raise BrokenFrame("wrong Sec-WebSocket-Accept")
    if "sec-websocket-extensions" in headers or "sec-websocket-protocol" in headers:
        raise BrokenFrame("negotiated what was not offered")


class ServerFrames:
    """The server's octets turned into frames."""

    def __init__(self) -> None:
        self._unread = b""
        self._is_closed = False

    def feed(self, octets: bytes) -> list[ServerFrame]:
        """The frames that are complete with these octets. Raises BrokenFrame."""
        self._unread += octets
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def end(self) -> None:
        """Nothing more will come. Raises BrokenFrame when that is in the middle of a frame."""
        if self._unread:
            raise BrokenFrame(f"the connection ended within a frame, after {self._unread[:16].hex()}")

    def _next(self) -> ServerFrame | None:
        if len(self._unread) < 2:
            return None
        if self._is_closed:
            raise BrokenFrame("a frame after the close frame")
        first, second = self._unread[:2]
        _check_header(first, second)
        extension = {126: 2, 127: 8}.get(second, 0)
        start = 2 + extension
        if len(self._unread) < start:
            return None
        length = int.from_bytes(self._unread[2:start]) if extension else second
        _check_length(length, extension)
        if len(self._unread) < start + length:
            return None
        frame = ServerFrame(first & 0x0F, self._unread[start : start + length])
        self._unread = self._unread[start + length :]
        _check_payload(frame)
        self._is_closed = frame.opcode == CLOSE
        return frame


def _check_header(first: int, second: int) -> None:
    """The server never masks, negotiates no extension and sends each message as one frame."""
    opcode = first & 0x0F
    if first & 0x70:
        raise BrokenFrame("a reserved bit is set")
    if not first & 0x80:
        raise BrokenFrame("a fragment")
    if opcode not in {TEXT, CLOSE, PING, PONG}:
        raise BrokenFrame(f"opcode {opcode}")
    if second & 0x80:
        raise BrokenFrame("masked")
    if opcode >= CLOSE and second > MAX_CONTROL_BYTES:
        raise BrokenFrame("a control frame of more than 125 octets")


def _check_length(length: int, extension: int) -> None:
    if length > MAX_SERVER_BYTES:
        raise BrokenFrame(f"a frame of {length} octets")
    if extension != _shortest(length):
        raise BrokenFrame(f"{extension} octets for the length {length}")


def _check_payload(frame: ServerFrame) -> None:
    if frame.opcode == CLOSE and len(frame.payload) == 1:
        raise BrokenFrame("a close frame with half a code")
    text = {TEXT: frame.payload, CLOSE: frame.payload[2:]}.get(frame.opcode, b"")
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise BrokenFrame("invalid UTF-8") from error


def _shortest(length: int) -> int:
    if length <= 125:
        return 0
    return 2 if length < 65_536 else 8


def _masked(payload: bytes) -> bytes:
    whole = (MASK * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(whole)).to_bytes(len(payload))
