"""A TCP connection on the fast lane until it is known what it speaks. A plain handshake is read in handshake.py."""

from __future__ import annotations

from roundtable.fastlane.handshake import Upgrade, read_upgrade
from roundtable.httpchannel import HTTPChannel, HTTPFactory


class FastChannel(HTTPChannel):
    """Becomes a WebSocket at once when the first that comes is a plain handshake; else it is what it was before."""

    def _hear(self, data: bytes) -> None:
        """Daphne has Twisted read the request, writes it down again and has autobahn read that."""
        upgrade = None if self._is_heard or self._is_closing else read_upgrade(data)
        if upgrade is None:
            super()._hear(data)
        else:
            self._become_websocket(upgrade, data[upgrade.size :])

    def _become_websocket(self, upgrade: Upgrade, rest: bytes) -> None:
        transport = self.transport
        self._leave()
        socket = self.factory.server.ws_factory.buildProtocol(None)
        transport.protocol = socket
        # This channel is a producer, which would stop reading, and go on with it, at its own discretion.
        transport.unregisterProducer()
        socket.upgrade(transport, upgrade, rest)


class FastHTTPFactory(HTTPFactory):
    """Makes them, as many as there may be."""

    channel_class = FastChannel
