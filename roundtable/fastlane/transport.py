"""The lane's TCP connection: what is written in one turn of the event loop goes to the kernel at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from twisted.internet import main, tcp

from roundtable.logs import logger

log = logger("roundtable.server")

GATHERED_BYTES = 65_536
"""What waits for the end of the turn; more is handed on before that."""


class Turn:
    """One turn of the event loop after the other: which connections have something to send at its end."""

    def __init__(self) -> None:
        self._connections: list[DirectConnection] = []

    def add(self, connection: DirectConnection) -> None:
        """It is flushed at the end of this turn."""
        if not self._connections:
            asyncio.get_running_loop().call_soon(self._end)
        self._connections.append(connection)

    def _end(self) -> None:
        connections, self._connections = self._connections, []
        for connection in connections:
            try:
                connection.end_turn()
            except Exception:  # a fault of ours about one connection must not hold back what the others are sent
                log.exception("what was written could not be sent")


class DirectConnection(tcp.Server):
    """Twisted's, but what is written does not wait for the event loop to tell that the socket can be written to.

    Twisted (26.10.0) asks for that each time: two system calls and a turn of the loop for each frame. A connection with
    a producer that wants to be asked for more is left to it.

    Nor is each frame handed over by itself. Who is sent several in one turn gets them by one call; and those for many
    are sent one after the other, for a processor that goes from Python to the kernel's network code and back for each
    has forgotten the one whenever it comes to the other.
    """

    bufferSize = 16_384
    """Of each read. Twisted's 64 KiB are allocated and given back for every message of 300 bytes."""
    turn = Turn()
    _is_gathering = False
    """It is flushed at the end of this turn, and what waits is in Twisted's own buffer."""
    _is_leaving = False
    """It is closed at the end of this turn, if everything has left by then."""

    def write(self, data: bytes) -> None:
        """Sends it at the end of this turn; what the kernel does not take then waits, and so does what comes after."""
        if self._is_gathering:
            self._gather(data)
            if self._tempDataLen > GATHERED_BYTES:
                self.flush()
            return
        is_ending = not self.connected or self._aborting or self._writeDisconnected
        is_pulled = self.producer is not None and not self.streamingProducer
        if is_ending or is_pulled or self.TLS or not data:
            super().write(data)  # type: ignore[no-untyped-call]
            return
        self._is_gathering = True
        self._gather(data)
        self.turn.add(self)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """The same of several pieces, as HTTP writes a head."""
        self.write(b"".join(iovec))

    def _gather(self, data: bytes) -> None:
        self._tempDataBuffer.append(data)
        self._tempDataLen += len(data)

    def flush(self) -> None:
        """Sends what was gathered; when nothing was, or Twisted has sent it already, it does nothing."""
        self._is_gathering = False
        gathered = self._tempDataBuffer
        if not gathered or self.dataBuffer or not self.connected or self._aborting:
            return
        data = gathered[0] if len(gathered) == 1 else b"".join(gathered)
        gathered.clear()
        self._tempDataLen = 0
        try:
            sent = self.socket.send(data)
        except OSError:
            sent = 0  # the kernel takes nothing now, or the connection is gone: `doWrite` meets and reports that
        if sent < len(data):
            self.dataBuffer, self.offset = data[sent:], 0
            self.startWriting()  # type: ignore[no-untyped-call]
            self._maybePauseProducer()  # type: ignore[no-untyped-call]

    def end_turn(self) -> None:
        """Sends what was gathered, and closes when nothing more is to come."""
        self.flush()
        if not self._is_leaving:
            return
        self._is_leaving = False
        is_sent = not (self.dataBuffer or self._tempDataBuffer)  # else Twisted closes when the rest has left
        if is_sent and self.connected and not self._aborting:
            self.reactor._disconnectSelectable(self, main.CONNECTION_DONE, False)

    def loseConnection(self) -> None:
        """Closes after what was written before.

        Twisted has the event loop tell that the socket can be written to, though nothing is left to be written.
        """
        is_plain = self._is_gathering and not (self.dataBuffer or self._writeDisconnecting)
        if not is_plain or self.producer is not None or self.disconnecting:
            super().loseConnection()  # type: ignore[no-untyped-call]
            return
        self.stopReading()  # type: ignore[no-untyped-call]
        self.disconnecting = True
        self._is_leaving = True

    def abortConnection(self) -> None:
        """Resets it, after what was written before."""
        self.flush()
        super().abortConnection()  # type: ignore[no-untyped-call]
