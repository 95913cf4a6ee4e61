"""The common opening handshake of a WebSocket, read in place (RFC 6455, section 4.2.1). Pure.

What is read here is read alike by Twisted, daphne and autobahn one after the other. Whatever one of them might refuse,
change, or only take in its own way is not read here, but left to them.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha1
from typing import NamedTuple
from urllib.parse import unquote

from signalling.frames import SUBPROTOCOL

MOST_HEAD_BYTES = 16_384
"""What Twisted takes of a whole head."""
MOST_HEADERS = 64
"""Far below Twisted's 500; browsers send 12 to 20, and proxies add some."""

Headers = list[tuple[bytes, bytes]]

_HEAD = re.compile(
    rb"GET (?P<path>/(?!/)[A-Za-z0-9._~!$&'()*+,=:@%/-]{0,1024})(?:\?(?P<query>[A-Za-z0-9._~!$&'()*+,=:@%/?-]{0,256}))?"
    rb" HTTP/1\.1\r\n(?P<headers>(?:[!#$%&'*+.^`|~0-9A-Za-z-]+:[\t\x20-\x7e]*\r\n)+)\r\n"
)
"""No header whose name has an underscore (daphne leaves those out), none that goes on in a second line."""
_HOST = re.compile(rb"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
_ORIGIN = re.compile(rb"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,4})?|null")
_DECLINED = frozenset(
    {b"", b"permessage-deflate", b"permessage-deflate; client_max_window_bits", b"x-webkit-deflate-frame"}
)
"""Extensions as browsers offer them. None is taken on; what is odd in an offer is for autobahn to refuse."""
_SPECIAL = frozenset({b"content-length", b"transfer-encoding", b"expect", b"daphne-root-path", b"trailer"})
"""A request with one of these has something that a handshake has not."""
_OURS = SUBPROTOCOL.encode()
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, section 1.3."""


class Upgrade(NamedTuple):
    """A good handshake."""

    raw_path: bytes
    query: bytes
    headers: Headers
    """Names in lower case, in the order in which they came; each once."""
    key: bytes
    subprotocols: list[str]
    size: int
    """Of the head, in bytes: what comes after it are frames."""

    @property
    def path(self) -> str:
        """The path as ASGI has it."""
        return unquote(self.raw_path.decode("ascii"))


def read_upgrade(stream: bytes) -> Upgrade | None:
    """The handshake with which the stream begins; None when it is not there whole, or not of the plain kind."""
    head = _HEAD.match(stream)
    if head is None or head.end() > MOST_HEAD_BYTES:
        return None
    headers = [_header(line) for line in head["headers"].split(b"\r\n")[:-1]]
    fields = dict(headers)
    if len(fields) != len(headers) or len(headers) > MOST_HEADERS or not _is_plain(fields):
        return None
    offered = [SUBPROTOCOL] if b"sec-websocket-protocol" in fields else []
    return Upgrade(head["path"], head["query"] or b"", headers, fields[b"sec-websocket-key"], offered, head.end())


def acceptance(key: bytes, server: str, subprotocol: str | None) -> bytes:
    """The response that makes a WebSocket of the connection, octet by octet as autobahn writes it."""
    lines = ["HTTP/1.1 101 Switching Protocols", f"Server: {server}", "Upgrade: WebSocket", "Connection: Upgrade"]
    if subprotocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    accept = b64encode(sha1(key + _MAGIC, usedforsecurity=False).digest()).decode()
    return "\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept}", "\r\n"]).encode()


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip(b" \t")


def _is_plain(fields: dict[bytes, bytes]) -> bool:
    get = fields.get
    return bool(
        get(b"upgrade", b"").lower() == b"websocket"
        and b"upgrade" in [token.strip() for token in get(b"connection", b"").lower().split(b",")]
        and get(b"sec-websocket-version") == b"13"
        and _KEY.fullmatch(get(b"sec-websocket-key", b""))
        and _HOST.fullmatch(get(b"host", b""))
        and get(b"sec-websocket-protocol", _OURS) == _OURS
        and get(b"sec-websocket-extensions", b"") in _DECLINED
        and _ORIGIN.fullmatch(get(b"origin", b"null"))
        and _SPECIAL.isdisjoint(fields)
    )
