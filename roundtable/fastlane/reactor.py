"""The lane's reactor: what comes on a TCP connection goes to its protocol in one step."""

from __future__ import annotations

from typing import Any

from twisted.internet import main, tcp

from roundtable.logs import logger
from roundtable.reactor import Reactor

log = logger("roundtable.server")


class LeanReactor(Reactor):
    """Ours, which calls a connection without Twisted's `callWithLogger`, and reads from it itself.

    The former pushes a context for Twisted's log on each event (26.10.0), which nobody reads here; to read takes five
    calls there.
    """

    _readers: dict[Any, int]
    _writers: dict[Any, int]
    """Twisted's annotations have classes for keys instead of what they are, connections."""

    def addReader(self, reader: Any) -> None:
        """Watches for something to read."""
        if not isinstance(reader, tcp.Connection):
            super().addReader(reader)  # type: ignore[no-untyped-call]
        elif reader not in self._readers:
            self._readers[reader] = reader.fileno()
            self._asyncioEventloop.add_reader(self._readers[reader], self._read, reader)

    def addWriter(self, writer: Any) -> None:
        """Watches for room to write."""
        if not isinstance(writer, tcp.Connection):
            super().addWriter(writer)  # type: ignore[no-untyped-call]
        elif writer not in self._writers:
            self._writers[writer] = writer.fileno()
            self._asyncioEventloop.add_writer(self._writers[writer], self._readOrWrite, writer, False)

    def _read(self, connection: Any) -> None:
        """As `_readOrWrite` and the connection's `doRead` do."""
        try:
            data = connection.socket.recv(connection.bufferSize)
        except BlockingIOError:
            return
        except OSError:
            self._disconnectSelectable(connection, main.CONNECTION_LOST, True)  # type: ignore[no-untyped-call]
            return
        if not data:
            self._disconnectSelectable(connection, main.CONNECTION_DONE, True)  # type: ignore[no-untyped-call]
            return
        try:
            connection.protocol.dataReceived(data)
        except Exception as fault:
            log.exception("what came could not be taken up")
            self._disconnectSelectable(connection, fault, True)  # type: ignore[no-untyped-call]
            return
        self._notice_reset(connection)
