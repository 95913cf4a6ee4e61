"""The Channels consumer: the only one that touches a WebSocket. What the frames mean is the switchboard's business."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from channels.consumer import AsyncConsumer

from roundtable import logs
from signalling.frames import SUBPROTOCOL
from signalling.wire import DIRECT, AsgiSend, AsgiWire, Direct, DirectWire

if TYPE_CHECKING:
    from signalling.runtime import Runtime
    from signalling.sessions import Connection
    from signalling.visitor import Visitor

log = logs.logger("signalling.refusals")


class SignallingConsumer(AsyncConsumer):
    """One WebSocket on `/signal`.

    It receives in a loop of its own: Channels' dispatch asks a thread to close database connections before every event
    (six times the cost of the event itself) and skips `disconnect()` when a handler raises or is cancelled. Signalling
    never touches the database, and here the clean-up is in `finally`.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serves the connection until it ends."""
        guest = self.runtime.visitor(scope)
        logs.bind(connection=guest.id)  # for good: a server gives each connection a task of its own
        subprotocols = scope.get("subprotocols") or []
        fault = self._fault(guest, subprotocols)
        if fault is not None:
            await refuse(scope, receive, send, fault=fault)
            return
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if subprotocols else None})
        direct: Direct | None = (scope.get("extensions") or {}).get(DIRECT)
        wire = self._wire(direct, send, lambda: self.runtime.cut_off(connection))
        connection = self.runtime.open(wire, guest)
        if direct is not None:
            context = copy_context()  # the log shall know whose text it is
            direct.take_texts_by(partial(context.run, partial(self.runtime.receive, connection)))
        event: dict[str, Any] = {}
        try:
            while (event := await receive())["type"] != "websocket.disconnect":
                self.dispatch_frame(connection, event)
        except Exception:
            self.runtime.abandon(connection)  # a fault of ours: nobody knows what its session is worth
            raise
        finally:
            self.runtime.lose(connection, event.get("code"))
            wire.dispose()

    def _wire(self, direct: Direct | None, send: AsgiSend, cut_off: Callable[[], None]) -> AsgiWire | DirectWire:
        count = self.runtime.switchboard.figures.count_sent
        if direct is not None:
            return DirectWire(direct, count)
        return AsgiWire(send, self.runtime.configuration.limits.unsent_bytes, cut_off, count)

    def _fault(self, guest: Visitor, subprotocols: Iterable[str]) -> str | None:
        """Why this handshake is refused, if it is."""
        if not self.runtime.admits_origin(guest.origin):
            return "origin"
        return None if _offers_ours(subprotocols) else "subprotocol"

    def dispatch_frame(self, connection: Connection, event: dict[str, Any]) -> None:
        """One frame. The type of what a client sends never chooses a handler here."""
        text = event.get("text")
        if text is None:
            self.runtime.receive_binary(connection)
        else:
            self.runtime.receive(connection, text)


async def refuse(scope: Any, receive: Any, send: Any, **why: str) -> None:
    """Refuses a WebSocket before it is open (403), on any other path too: without a route the servers answer 500."""
    await receive()  # websocket.connect
    await send({"type": "websocket.close"})
    log.info("websocket refused", path=scope["path"], **why)


def _offers_ours(subprotocols: Iterable[str]) -> bool:
    """A client that offers none is served the same; one that offers only others is refused."""
    offered = list(subprotocols)
    return not offered or SUBPROTOCOL in offered
