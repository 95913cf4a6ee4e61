"""Where a server listens. Pure system calls, of no server program."""

from __future__ import annotations

import socket

BACKLOG = 4096
"""Connections that may wait to be accepted, if the system lets so many (Linux: net.core.somaxconn, 4,096). Twisted's
default is 50 and uvicorn's 2,048, which all clients that come back after a restart overrun."""
EVERYWHERE = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 (the default, as the Go server has it)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; no host means all interfaces, of both families where the system has both.

    Raises OSError when nobody can.
    """
    address = host or EVERYWHERE
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=BACKLOG, dualstack_ipv6=address == "::")


def check_free(host: str, port: int) -> None:
    """Raises OSError when nobody can listen there now.

    Called before the log is opened: a second server, started by mistake, must not empty the first one's log.
    """
    listen(host, port).close()
