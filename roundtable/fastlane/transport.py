"""The lane's TCP connection, which hands what is written to the kernel at once. What is written is not its business."""

from __future__ import annotations

from twisted.internet import tcp


class DirectConnection(tcp.Server):
    """Twisted's, but `write` does not wait for the event loop's next turn while nothing is buffered.

    Twisted (26.10.0) appends to a list and asks the event loop to tell when the socket can be written to: two system
    calls and a turn of the loop for each frame. A connection with a producer is left to it: for HTTP, the producer is
    told when the buffer is full and when it is empty.
    """

    bufferSize = 16_384
    """Of each read. Twisted's 64 KiB are allocated and given back for every message of 300 bytes."""

    def write(self, data: bytes) -> None:
        """Sends what the kernel takes now; the rest waits in Twisted's buffer, and so does whatever comes after it."""
        is_queued = self._tempDataBuffer or self.dataBuffer or self.producer is not None
        is_ending = not self.connected or self._aborting or self._writeDisconnected
        if is_queued or is_ending or self.TLS or not data:
            super().write(data)  # type: ignore[no-untyped-call]
            return
        try:
            sent = self.socket.send(data)
        except OSError:
            sent = 0  # the kernel takes nothing now, or the connection is gone: `doWrite` meets and reports that
        if sent < len(data):
            super().write(data[sent:])  # type: ignore[no-untyped-call]
