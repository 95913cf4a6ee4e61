"""The one switchboard of a process, its clock, and the hands that perform what it decides; on the event loop only."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any

from roundtable.logs import logger
from signalling.addresses import AddressPolicy, parse_target
from signalling.forward import Failed, Forwarder, Refused
from signalling.layers import DirectChannelLayer
from signalling.operators.desk import Desk
from signalling.outbox import (
    Cancel,
    Close,
    Complaint,
    Effect,
    Enrol,
    Note,
    Outcome,
    Post,
    Publish,
    Send,
    Settle,
    Tell,
    Unenrol,
)
from signalling.parties import Errand, Exchange
from signalling.parting import Parting
from signalling.pulse import Pulse
from signalling.refusals import Refusal
from signalling.sessions import Session
from signalling.switchboard import Switchboard
from signalling.turn import IceServers
from signalling.visitor import Strangers, Visitor, visitor

if TYPE_CHECKING:
    from roundtable.config import Configuration
    from signalling.outbox import Wire
    from signalling.posted import PostedOffer
    from signalling.sessions import Connection

log = logger("signalling")
refusals = logger("signalling.refusals")

LATE_SECONDS = 0.5
"""A timer that is later than this was late because the process did not run."""
CATCH_UP_SECONDS = 1.0
"""For everything that waits in the kernel to be read, and for who was about to come back to do so."""
TABLE_EVENT = "table.event"

REFUSALS = {
    "target_not_allowed": "the server does not post to that address",
    "rate_limited": "too many offers to that address",
    "limit_exceeded": "too many offers are under way",
}


class Runtime:
    """Feeds events to the switchboard and performs its effects at once, in their order."""

    def __init__(
        self,
        configuration: Configuration,
        layer: DirectChannelLayer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.configuration = configuration
        self.clock = clock
        self._began = clock()
        public_address = configuration.publicaddress
        self.public_address = parse_target(public_address).prefix if public_address else None
        self.ice = IceServers(configuration.iceservers, configuration.turn)
        self.switchboard = Switchboard(
            limits=configuration.limits,
            timeout=configuration.timeout,
            entropy=os.urandom,
            ice=lambda peer: self.ice.offering(peer, time.time()),
            public_address=self.public_address or "",
        )
        self._layer = layer if layer is not None else DirectChannelLayer()
        self._strangers = Strangers()
        self._channels: dict[Session, str] = {}
        self._forwarder: Forwarder | None = None
        self._outcomes: dict[Exchange, asyncio.Future[Outcome]] = {}
        self._errands: dict[Errand, asyncio.Task[None]] = {}
        self._pulse = Pulse(self._beat)
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf
        """When the timer goes off; uvloop's own handles do not always know."""
        self.parting = Parting(self)
        self.desk = Desk(self)

    def visitor(self, scope: dict[str, Any]) -> Visitor:
        """Who this request or handshake comes from."""
        guest = visitor(scope, self.public_address, self.configuration.trustedproxies)
        self._strangers.meet(guest)
        return guest

    def admits_origin(self, origin: str | None) -> bool:
        """Native clients send no Origin; a page's must be one of `allowedorigins`, if that is set."""
        allowed = self.configuration.allowedorigins
        return origin is None or allowed is None or origin.lower() in allowed

    # WebSockets

    def open(self, wire: Wire, guest: Visitor) -> Connection:
        """A WebSocket was accepted."""
        connection = self.switchboard.open(
            wire,
            source=guest.source,
            home=guest.home,
            from_browser=guest.origin is not None,
            through_stranger=guest.through_stranger,
            address=guest.address,
            software=guest.software,
            now=self.clock(),
        )
        self._perform()
        return connection

    def receive(self, connection: Connection, text: str) -> None:
        """One text frame of this connection."""
        try:
            self.switchboard.receive(connection, text, self.clock())
        finally:
            self._perform()

    def receive_binary(self, connection: Connection) -> None:
        """One binary frame of this connection."""
        with self._performing() as now:
            self.switchboard.receive_binary(connection, now)

    def cut_off(self, connection: Connection) -> None:
        """The client does not read what is sent to it."""
        with self._performing() as now:
            self.switchboard.cut_off(connection, now)

    def abandon(self, connection: Connection) -> None:
        """What this connection said could not be handled."""
        with self._performing() as now:
            self.switchboard.abandon(connection, now)

    def lose(self, connection: Connection, close_code: int | None = None) -> None:
        """The WebSocket is gone; `close_code` is the server program's word for why, if it has one."""
        with self._performing() as now:
            self.switchboard.lose(connection, now, close_code)

    # Offers over HTTP

    def post(self, exchange: Exchange, posted: PostedOffer, body: bytes) -> asyncio.Future[Outcome]:
        """Delivers an offer; the future is its outcome. Raises Refusal."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._outcomes[exchange] = outcome
        try:
            self.switchboard.post(exchange, posted, body, self.clock())
        except BaseException:
            del self._outcomes[exchange]
            raise
        finally:
            self._perform()
        return outcome

    def withdraw(self, exchange: Exchange) -> None:
        """The HTTP caller has hung up, or has its outcome."""
        self._outcomes.pop(exchange, None)
        with self._performing() as now:
            self.switchboard.withdraw(exchange, now)

    # What the operator does

    def disconnect(self, peer: str, *, ban_address: bool = False) -> bool:
        """Ends this peer's session, which may not come back soon; False when it is not here."""
        with self._performing() as now:
            return self.switchboard.orders.disconnect(peer, now, ban_address=ban_address)

    def close_table(self, name: str) -> bool:
        """Sends away all who sit there; False when there is no table of this name."""
        with self._performing() as now:
            return self.switchboard.orders.close_table(name, now)

    # The pulse

    def start(self) -> None:
        """Something has come in: from the first time on, the event loop's lag is measured."""
        self._pulse.start()

    def _beat(self, late_seconds: float) -> None:
        self.switchboard.figures.beat(late_seconds, len(self.switchboard.peers), self.clock())

    @property
    def uptime_seconds(self) -> float:
        """Since this runtime was made."""
        return self.clock() - self._began

    # The end

    def census(self) -> dict[str, int]:
        """How many of everything that comes and goes are registered; when everybody has gone, all are 0."""
        return {
            **self.switchboard.census(),
            **self._layer.census(),
            "exchanges": len(self._outcomes),
            "posts": len(self._errands),
        }

    @property
    def draining(self) -> bool:
        """Whether goodbye was said: nothing new is taken on."""
        return self.switchboard.draining

    def drain(self) -> None:
        """Says goodbye to everybody; each unanswered offer has its outcome now. Twice is once."""
        with self._performing() as now:
            self.switchboard.drain(now)

    async def close(self) -> None:
        """Drains, and closes the connections to answerers."""
        self.parting.hand_over()
        await asyncio.gather(*self._errands.values(), return_exceptions=True)
        if self._forwarder is not None:
            await self._forwarder.close()
        self._pulse.stop()

    # Performing

    @contextmanager
    def _performing(self) -> Iterator[float]:
        """Tells the time. What was decided is performed in the end, though something may have failed halfway."""
        try:
            yield self.clock()
        finally:
            self._perform()

    def _perform(self) -> None:
        take = self.switchboard.outbox.take
        while effects := take():
            for effect in effects:
                if type(effect) is Send:
                    self._deliver(effect.session, effect.body)
                else:
                    self._perform_rare(effect)
        if self._timer is None:
            self._set_timer()

    def _deliver(self, session: Session, body: bytes) -> None:
        """Writes the session's next frame. A table's events come the same way, so neither overtakes the other."""
        session.connection.wire.send(self.switchboard.presence.number(session, body, self.clock()))

    def _perform_rare(self, effect: Effect) -> None:
        match effect:
            case Note(event, fields):
                log.info(event, **fields)
            case Tell(wire, frame):
                wire.send(frame)
            case Close(wire, code, reason):
                wire.close(code, reason)
            case Publish(group, body):
                self._layer.publish(group, {"type": TABLE_EVENT, "body": body})
            case Enrol(session, group):
                self._layer.join(group, self._channel(session))
            case Unenrol(session, group):
                self._unenrol(session, group)
            case Settle(exchange, outcome):
                self._settle(exchange, outcome)
            case Post(errand):
                self._begin(errand)
            case Cancel(errand) if errand in self._errands:
                self._errands[errand].cancel()
            case Complaint(event, fields):
                refusals.info(event, **fields)

    def _channel(self, session: Session) -> str:
        """The session's channel, made when it is first needed: peers who sit at no table have none."""
        channel = self._channels.get(session)
        if channel is None:
            channel = self._channels[session] = f"session.{secrets.token_hex(8)}"
            self._layer.attach(channel, lambda event: self._deliver(session, event["body"]))
        return channel

    def _unenrol(self, session: Session, group: str) -> None:
        """The channel goes with its last group: `session.tables` is further on than the effects that are performed."""
        channel = self._channels[session]
        self._layer.leave(group, channel)
        if not self._layer.is_member(channel):
            self._layer.detach(self._channels.pop(session))

    def _settle(self, exchange: Exchange, outcome: Outcome) -> None:
        future = self._outcomes.pop(exchange, None)
        if future is not None and not future.done():
            future.set_result(outcome)

    def _begin(self, errand: Errand) -> None:
        task = asyncio.get_running_loop().create_task(self._run(errand))
        self._errands[errand] = task
        # Not in a `finally` of the task: one that is cancelled before its first step runs none of its code.
        task.add_done_callback(lambda _: self._errands.pop(errand))

    async def _run(self, errand: Errand) -> None:
        errands = self.switchboard.errands
        try:
            body = await self._forward(errand)
        except Refused as refused:
            refusal = Refusal(refused.code, REFUSALS[refused.code], refused.retry_after, limit=refused.limit)
            errands.refused(errand, refusal, self.clock())
        except Failed as failed:
            log.info("offer not answered", call=errand.key[3], target=errand.target.prefix, reason=failed.reason)
            errands.failed(errand, self.clock(), limit=failed.limit)
        except Exception:  # a fault of ours; its caller has an outcome all the same
            log.exception("offer not posted", call=errand.key[3])
            errands.failed(errand, self.clock())
        else:
            errands.answered(errand, body, self.clock())
        finally:
            self._perform()

    async def _forward(self, errand: Errand) -> bytes:
        def admitted() -> None:
            self.switchboard.errands.admitted(errand, self.clock())
            self._perform()

        if self._forwarder is None:
            self._forwarder = self._new_forwarder()
        return await self._forwarder.post(
            errand.target, errand.body, source=errand.source, from_browser=errand.from_browser, admitted=admitted
        )

    def _new_forwarder(self) -> Forwarder:
        configuration = self.configuration
        return Forwarder(
            policy=AddressPolicy(configuration.forward, configuration.forwardallow),
            limits=configuration.limits,
            timeout=configuration.timeout,
            via=self.via,
            source_address=configuration.forwardfrom,
            clock=self.clock,
        )

    @property
    def via(self) -> str:
        """What this deployment calls itself in `Via` (RFC 9110, section 7.6.3)."""
        if self.public_address is None:
            return "roundtable-signalling"
        return str(parse_target(self.public_address).authority)

    # Time

    def _set_timer(self) -> None:
        """One timer for all deadlines. It goes off before anything that is put in meanwhile can be due.

        So nobody need ask after each message what is due first.
        """
        due = self.switchboard.next_deadline()
        if due is None:
            return
        now = self.clock()
        self._due = min(due, now + self.switchboard.shortest_wait_seconds)
        delay = max(0.0, self._due - now)
        # In a context of its own: what it does is not about the request that happened to set it.
        self._timer = asyncio.get_running_loop().call_later(delay, self._wake, context=Context())

    def _wake(self) -> None:
        """Something is due. A process that was stopped first takes up what has come meanwhile: it came in time."""
        loop = asyncio.get_running_loop()
        if self.clock() - self._due > LATE_SECONDS:
            self._timer = loop.call_later(CATCH_UP_SECONDS, self._sweep, context=Context())
        else:
            self._sweep()

    def _sweep(self) -> None:
        self._timer = None
        self._due = math.inf
        with self._performing() as now:
            self.switchboard.sweep(now)
