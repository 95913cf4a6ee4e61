"""Ending a TCP connection of uvloop's at once."""

from __future__ import annotations

import asyncio
import socket
import struct

_AT_ONCE = struct.pack("ii", 1, 0)


def reset(transport: asyncio.WriteTransport) -> None:
    """Ends one whose protocol was not told yet that it is lost, and has the kernel forget what was written.

    After a mere `abort` the kernel goes on offering that for minutes.
    """
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()
