"""The switchboard: who is here, and what follows from what they say. Pure.

Events come in with the time; what is to be done about them goes to the outbox, which the runtime takes and performs.
Only the event loop touches it. The rules are in greeting.py (hello), dialling.py (first offers), calling.py (calls) and
errands.py (offers posted to an address); here is what holds for every connection and every message.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, UnsetType

from signalling import frames, messages
from signalling.calling import Calling
from signalling.codes import BREACHES, AckState, CloseCode, ErrorCode, Reason
from signalling.deadlines import Deadlines
from signalling.dialling import Dialling, trace_of_offer, trace_of_post
from signalling.errands import Errands
from signalling.figures import BAD, Figures
from signalling.greeting import ClosingRefusal, Greeting
from signalling.orders import Orders
from signalling.outbox import Nowhere, Outbox, Tell, Wire
from signalling.presence import Presence
from signalling.refusals import Refusal
from signalling.sessions import Conduct, Connection, Session
from signalling.tables import Tables
from signalling.tally import Tally
from signalling.turn import Offering

if TYPE_CHECKING:
    from collections.abc import Callable

    from signalling.limits import Limits
    from signalling.parties import Exchange
    from signalling.posted import PostedOffer

CROWDED_PROXY = "too many connections from your address; behind a proxy? see trustedproxies"
"""RFC 6455, section 5.5, leaves 123 bytes for it."""
RECONNECT_SECONDS = 3
"""What a client is told to wait at least when the server goes away."""

MOST_BYTES_PER_CHARACTER = 4
"""RFC 3629, section 3: of UTF-8. What has fewer characters than that allows need not be measured."""

_PENALTIES = frozenset({ErrorCode.BAD_JSON, ErrorCode.BAD_MESSAGE, ErrorCode.UNKNOWN_TYPE})


class Switchboard:
    """One process's signalling. `now` is monotonic seconds everywhere."""

    def __init__(
        self,
        *,
        limits: Limits,
        timeout: float,
        entropy: Callable[[int], bytes],
        ice: Callable[[str], Offering] = lambda peer: Offering((), None),
        public_address: str = "",
    ) -> None:
        self._limits = limits
        self._ice = ice
        self.outbox = Outbox()
        self.connections: set[Connection] = set()
        self.drain_began: float | None = None
        self.connections_to_drain = 0
        """How many there were then."""
        self._sources: Counter[str] = Counter()
        self._hellos: Deadlines[Connection] = Deadlines(limits.hello_seconds)
        self.tally = Tally()
        self.figures = Figures(self.tally)
        self.calling = Calling(self.outbox, limits, timeout, self.figures)
        self.errands = Errands(self.outbox, self.calling, self.tally, self.figures)
        self.tables = Tables(self.outbox, self.calling, limits, entropy, self.figures)
        self.presence = Presence(self.outbox, self.calling, self.tables, self.tally, limits, self.figures)
        self.peers = self.presence.peers
        self.orders = Orders(self.outbox, self.presence, self.calling, self.tables, limits)
        bans = self.orders.bans
        self._greeting = Greeting(self.outbox, self.presence, bans, limits, timeout, self._ice, entropy, self.figures)
        self._dialling = Dialling(self.outbox, self.calling, self.peers, limits, public_address, self.figures)
        self._handlers: dict[type[messages.Message], Callable[[Session, Any, float], None]] = {
            messages.Hello: self._hello_again,
            messages.Offer: self._offer,
            messages.Answer: self.calling.handle,
            messages.Candidate: self.calling.handle,
            messages.Reject: self.calling.handle,
            messages.Hangup: self.calling.handle,
            messages.Report: self.calling.handle,
            messages.IceServers: self._tell_ice_servers,
            messages.Bye: self._bye,
            messages.Join: self.tables.join,
            messages.Leave: self.tables.leave,
            messages.Lock: self.tables.lock,
            messages.Kick: self.tables.kick,
        }

    def census(self) -> dict[str, int]:
        """How many of each kind are registered; when everybody has gone, all are 0."""
        return {
            "connections": len(self.connections),
            "addresses": len(self._sources),
            "peers": len(self.peers),
            "calls": len(self.calling.open_calls),
            "errands": len(self.calling.errands),
            "tables": len(self.tables.open_tables),
        }

    # Connections

    def open(
        self,
        wire: Wire,
        *,
        source: str,
        home: str,
        from_browser: bool,
        now: float,
        through_stranger: bool = False,
        address: str = "",
        software: str = "",
    ) -> Connection:
        """A WebSocket was accepted. It may be closed at once; the connection then says so, and counts no more.

        `through_stranger`: it says that it was forwarded, and who forwarded it is not trusted, so that `source` may be
        many clients'. `address` and `software` are for the operator's eyes.
        """
        connection = Connection(
            wire,
            source,
            home,
            Conduct(self._limits),
            from_browser=from_browser,
            address=address or source,
            software=software,
            now=now,
        )
        if self.draining:
            self.outbox.close(connection, CloseCode.DRAINING, "going away")
        elif len(self.connections) >= self._limits.connections:
            self._shut_out(connection, "connections", CloseCode.TOO_MANY_CONNECTIONS, "too many connections", now)
        elif self._sources[source] >= self._limits.connections_per_address:
            detail = CROWDED_PROXY if through_stranger else "too many connections from your address"
            self._shut_out(connection, "connections_per_address", CloseCode.TOO_MANY_CONNECTIONS, detail, now)
        else:
            self.connections.add(connection)
            self._sources[source] += 1
            self._hellos.put(connection, now)
        return connection

    def cut_off(self, connection: Connection, now: float) -> None:
        """The client does not read: nothing more is written to it."""
        if not connection.closed:
            self._shut_out(connection, "unsent_bytes", CloseCode.SLOW_CONSUMER, "slow consumer", now)

    def abandon(self, connection: Connection, now: float) -> None:
        """Its session ends, for what it said could not be handled; whoever serves it closes the connection."""
        if connection.session is not None:
            self.presence.end(connection.session, Reason.GONE, now)

    def lose(self, connection: Connection, now: float, close_code: int | None = None) -> None:
        """The WebSocket is gone, whoever closed it."""
        if connection not in self.connections:
            return
        self.connections.remove(connection)
        self._sources[connection.source] -= 1
        if not self._sources[connection.source]:
            del self._sources[connection.source]
        connection.closed = True
        connection.wire = Nowhere()  # a session that is away keeps this, and need not keep the server program's objects
        if connection.session is None:
            return
        if close_code in BREACHES:
            self.presence.end(connection.session, Reason.DISCONNECTED, now)
        else:
            self.presence.go_away(connection.session, now)

    # Messages

    def receive(self, connection: Connection, text: str | bytes, now: float) -> None:
        """One text frame."""
        if connection.closed:
            return
        connection.heard = now
        if connection.session is not None:
            connection.session.forget_old_secret()
        self.figures.received_bytes += len(text) if text.isascii() else messages.size_of(text)
        wait = connection.conduct.bucket.take(now)
        try:
            message = self._decode(text)
        except messages.BadFrame as bad:
            connection.count(bad.envelope.about)
            self.figures.messages[BAD] += 1
            limit = "message_bytes" if bad.code is ErrorCode.TOO_LARGE else None
            self._refuse(connection, Refusal(bad.code, bad.detail, limit=limit), bad.envelope, now)
            if wait and not connection.closed:
                self._count_refused(connection, now)
            return
        kind = messages.type_of(message)
        connection.count(kind)
        self.figures.messages[kind] += 1
        if wait:
            self._slow_down(connection, message, wait, now)
            return
        if connection.conduct.refused:
            connection.conduct.refused -= 1
        try:
            self._handle(connection, message, now)
        except Refusal as refusal:
            self._refuse(connection, refusal, messages.envelope_of(message), now)

    def _decode(self, text: str | bytes) -> messages.ClientMessage:
        """Raises BadFrame. `serve` closes with 1009 before a frame is too large here; other servers may not."""
        limit = self._limits.message_bytes
        if MOST_BYTES_PER_CHARACTER * len(text) > limit and messages.is_longer(text, limit):
            raise messages.BadFrame(ErrorCode.TOO_LARGE, f"a message has at most {limit} bytes")
        return messages.decode(text)

    def receive_binary(self, connection: Connection, now: float) -> None:
        """One binary frame: no message is one."""
        if not connection.closed:
            connection.heard = now
            connection.count(UNSET)
            self.figures.messages[BAD] += 1
            refusal = Refusal(ErrorCode.BAD_MESSAGE, "messages are text frames")
            self._refuse(connection, refusal, messages.Envelope(), now)

    def _handle(self, connection: Connection, message: messages.ClientMessage, now: float) -> None:
        session, kind = connection.session, type(message)
        if kind is messages.Ping:
            self.outbox.put(Tell(connection.wire, frames.encode(frames.Pong(id=message.id))))
        elif session is not None:
            self._handlers[kind](session, message, now)
        elif type(message) is messages.Hello:
            self._greeting.hello(connection, message, now)
        else:
            raise Refusal(ErrorCode.HELLO_EXPECTED, "say hello first")

    def _hello_again(self, session: Session, message: messages.Hello, now: float) -> None:
        raise Refusal(ErrorCode.ALREADY_WELCOME, "you have said hello on this connection")

    def _offer(self, session: Session, message: messages.Offer, now: float) -> None:
        if message.to is None:
            self.calling.handle(session, message, now)
            return
        try:
            self._dialling.offer(session, message, now)
        except Refusal as refusal:
            self.figures.refuse("websocket", refusal.code, now)
            self.calling.journal.refuse(trace_of_offer(session, message, now), session.source, refusal)
            raise

    def _tell_ice_servers(self, session: Session, message: messages.IceServers, now: float) -> None:
        ice = self._ice(session.peer)
        self.outbox.send(session, frames.IceServers(ice_servers=ice.servers, ice_ttl=ice.ttl, id=message.id))

    def _bye(self, session: Session, message: messages.Bye, now: float) -> None:
        self.calling.acknowledge(session, message, AckState.DONE)
        self.presence.expel(session.connection, Reason.BYE, CloseCode.NORMAL, "bye", now)

    # Refusals

    def _refuse(self, connection: Connection, refusal: Refusal, envelope: messages.Envelope, now: float) -> None:
        self.tally.refuse(refusal)
        self._send_error(connection, refusal.as_error(envelope), now)
        self.outbox.complain(
            "message refused",
            code=refusal.code,
            limit=refusal.limit,
            about=envelope.about or None,
            peer=connection.peer,
        )
        if isinstance(refusal, ClosingRefusal):
            self.outbox.close(connection, refusal.close, refusal.detail)
        elif refusal.code in _PENALTIES:
            self._strike(connection, now)

    def _send_error(self, connection: Connection, error: frames.Error, now: float) -> None:
        session = connection.session
        if session is None:
            self.outbox.put(Tell(connection.wire, frames.encode(error)))
            return
        if error.about == "offer" and error.code is not ErrorCode.CALL_UNKNOWN:
            self._forgive(session, error.call, now)
        self.outbox.send(session, error)

    def _forgive(self, session: Session, call: str | UnsetType, now: float) -> None:
        """What its sender still says in a call whose offer was refused has merely crossed with the refusal."""
        if call is not UNSET and call not in session.calls:
            session.remember(call, now, self._limits.ended_call_seconds)

    def _strike(self, connection: Connection, now: float) -> None:
        """Ten malformed messages within a minute, and the connection and its session end."""
        conduct = connection.conduct
        strikes = conduct.strikes
        if strikes is None:
            strikes = conduct.strikes = deque(maxlen=self._limits.misbehaviour)
        strikes.append(now)
        if len(strikes) == strikes.maxlen and now - strikes[0] < self._limits.misbehaviour_seconds:
            detail = "too many malformed messages"
            self._shut_out(connection, "misbehaviour", CloseCode.PROTOCOL_ERROR, detail, now)

    def _slow_down(self, connection: Connection, message: messages.ClientMessage, wait: float, now: float) -> None:
        refusal = Refusal(ErrorCode.RATE_LIMITED, "too many messages", wait, limit="messages_per_second")
        self._refuse(connection, refusal, messages.envelope_of(message), now)
        self._count_refused(connection, now)

    def _count_refused(self, connection: Connection, now: float) -> None:
        """Each message taken up makes good for one refused: who is a little too fast stays, a flood does not."""
        connection.conduct.refused += 1
        if connection.conduct.refused >= self._limits.refused_messages:
            self._shut_out(connection, "refused_messages", CloseCode.RATE_LIMITED, "too many messages", now)

    # Offers over HTTP

    def post(self, exchange: Exchange, posted: PostedOffer, body: bytes, now: float) -> None:
        """An offer by `POST /signal`; its outcome follows as a Settle, unless Refusal is raised."""
        exchange.since = now
        try:
            self._post(exchange, posted, body, now)
        except Refusal as refusal:
            self.figures.refuse("http", refusal.code, now)
            self.tally.refuse(refusal)
            self.calling.journal.refuse(trace_of_post(exchange, posted, now), exchange.source, refusal)
            raise

    def _post(self, exchange: Exchange, posted: PostedOffer, body: bytes, now: float) -> None:
        if self.draining:
            raise Refusal(ErrorCode.DRAINING, "the server is going away", RECONNECT_SECONDS)
        self.orders.check(exchange, posted.offering.uuid, now)
        self._dialling.post(exchange, posted, body, now)

    def withdraw(self, exchange: Exchange, now: float) -> None:
        """The HTTP caller has hung up."""
        self.calling.withdraw(exchange, now)

    # Time

    @property
    def shortest_wait_seconds(self) -> float:
        """Whatever begins to wait now is not due before so long."""
        return min(self._hellos.seconds, self.calling.timeout, self.presence.shortest_wait_seconds)

    def next_deadline(self) -> float | None:
        """When `sweep` has something to do, or None."""
        candidates = (self._hellos.next(), self.calling.next_deadline(), self.presence.next_deadline())
        return min((when for when in candidates if when is not None), default=None)

    def sweep(self, now: float) -> None:
        """Ends what has waited too long."""
        for connection in self._hellos.due(now):
            if connection.session is None and not connection.closed:
                self._shut_out(connection, "hello_seconds", CloseCode.NO_HELLO, "no hello came in time", now)
        self.calling.expire(now)
        self.presence.expire(now)

    # Endings

    @property
    def draining(self) -> bool:
        """Whether goodbye was said: nothing new is taken on."""
        return self.drain_began is not None

    def drain(self, now: float) -> None:
        """Says goodbye: unanswered offers end, then every session, then every connection. Twice is once."""
        if self.draining:
            return
        self.drain_began = now
        self.connections_to_drain = len(self.connections)
        for session in self.peers.values():
            self.outbox.send(session, frames.GoingAway(retry_after=RECONNECT_SECONDS))
        self.calling.drain(now)
        self.tables.close_all()
        for session in list(self.peers.values()):
            self.presence.end(session, Reason.DRAINING, now)
        for connection in self.connections:
            if not connection.closed:
                self.outbox.close(connection, CloseCode.DRAINING, "going away")

    def _shut_out(self, connection: Connection, limit: str, code: CloseCode, detail: str, now: float) -> None:
        """A limit closes the connection; whether its session waits to be resumed depends on the code."""
        self.tally.count(limit)
        self.outbox.complain(
            "connection closed",
            code=int(code),
            limit=limit,
            why=detail,
            peer=connection.peer,
            source=connection.source,
        )
        if code.is_final:
            self.presence.expel(connection, Reason.DISCONNECTED, code, detail, now)
        else:
            self.presence.drop(connection, code, detail, now)
