"""The lane's reactor: TCP connections are told of their events without a log context around each."""

from __future__ import annotations

from typing import Any

from twisted.internet import tcp

from roundtable.reactor import Reactor


class LeanReactor(Reactor):
    """Ours, which calls a connection without Twisted's `callWithLogger`.

    That pushes a context for Twisted's log on each event (26.10.0), which nobody reads here: `_readOrWrite` itself
    logs what a protocol raises.
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
            self._asyncioEventloop.add_reader(self._readers[reader], self._readOrWrite, reader, True)

    def addWriter(self, writer: Any) -> None:
        """Watches for room to write."""
        if not isinstance(writer, tcp.Connection):
            super().addWriter(writer)  # type: ignore[no-untyped-call]
        elif writer not in self._writers:
            self._writers[writer] = writer.fileno()
            self._asyncioEventloop.add_writer(self._writers[writer], self._readOrWrite, writer, False)
