"""A switchboard with its clients, in memory: what the outbox holds is performed at once, and time passes on demand."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Protocol

from signalling.codes import ErrorCode
from signalling.identity import NIL_UUID, PeerID, certified_id, encode_identifier, encode_proof
from signalling.limits import Limits
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
from signalling.posted import decode_request, encode_answer, encode_request
from signalling.refusals import Refusal
from signalling.sessions import Connection, Session
from signalling.switchboard import Switchboard
from signalling.traces import Trace
from signalling.turn import Offering
from tests.core.client import Client
from tests.core.wording import ADA, CALL, HOME

ICE_SERVERS = [{"urls": ["stun:stun.example.org"]}]
SOURCE = "192.0.2.1"
ANSWERER = "http://198.51.100.7:1067"
"""The address of a peer elsewhere."""
RESUME_SECONDS = 3
"""Unless a test is about it: short, so that nothing else happens while a session waits in vain."""
DESCRIPTION = b'{"type":"offer","sdp":"v=0\\r\\ns=posted offer\\r\\n"}'
REPLY = b'{"type":"answer","sdp":"v=0\\r\\ns=posted answer\\r\\n"}'


class Connected(Protocol):
    """Whoever has a connection."""

    connection: Connection


class HttpCaller:
    """Somebody who posted an offer and waits."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.outcome: Outcome | None = None


class Scene:
    """One server, seen from outside. `entropy` is where its secrets and ids come from, if that matters."""

    def __init__(
        self, entropy: Callable[[int], bytes] | None = None, /, *, timeout: float = 30, **limits: float
    ) -> None:
        self.now = 1_000.0
        self.limits = Limits.model_validate({"resume_seconds": RESUME_SECONDS, **limits})
        self.timeout = timeout
        self.ice: Callable[[str], Offering] = lambda peer: Offering(ICE_SERVERS, None)
        self.switchboard = Switchboard(
            limits=self.limits,
            timeout=timeout,
            entropy=entropy or random.Random(7).randbytes,
            ice=lambda peer: self.ice(peer),
            public_address=HOME,
        )
        self.errands: list[Errand] = []
        """What was handed to the forwarder, in order."""
        self.cancelled: list[Errand] = []
        self._under_way: set[Errand] = set()
        self.notes: list[Note] = []
        """For the log."""
        self.complaints: list[Complaint] = []
        """The same, of what clients did wrong."""
        self._callers: dict[Exchange, HttpCaller] = {}
        self._sessions: set[Session] = set()
        self._groups: dict[str, list[Session]] = {}

    # WebSockets

    def connect(
        self,
        *,
        source: str = SOURCE,
        home: str = HOME,
        from_browser: bool = False,
        through_stranger: bool = False,
        address: str = "",
        software: str = "",
    ) -> Client:
        """A client opens a WebSocket."""
        client = Client(self)
        client.connection = self.switchboard.open(
            client,
            source=source,
            home=home,
            now=self.now,
            from_browser=from_browser,
            through_stranger=through_stranger,
            address=address,
            software=software,
        )
        self.perform()
        return client

    def peer(self, peer: str | None = None, *, source: str = SOURCE, home: str = HOME, **hello: Any) -> Client:
        """A client that is welcome already."""
        client = self.connect(source=source, home=home)
        client.hello(peer=peer, **hello)
        assert client.takes_one()["type"] == "welcome"
        return client

    def receive(self, client: Connected, text: str | bytes) -> None:
        """The server reads a text frame."""
        self.switchboard.receive(client.connection, text, self.now)
        if client.connection.session is not None:
            self._sessions.add(client.connection.session)
        self.perform()

    def receive_binary(self, client: Client) -> None:
        """The server reads a binary frame."""
        self.switchboard.receive_binary(client.connection, self.now)
        self.perform()

    def cut_off(self, client: Client) -> None:
        """The client does not read."""
        self.switchboard.cut_off(client.connection, self.now)
        self.perform()

    def lose(self, client: Client, close_code: int | None = None) -> None:
        """The connection is lost; its session may be resumed."""
        self.switchboard.lose(client.connection, self.now, close_code)
        client.is_lost = True
        self.perform()

    def part(self, client: Client) -> None:
        """The connection is lost, and nobody resumes its session in time."""
        self.lose(client)
        self.wait(self.limits.resume_seconds)

    def resume(self, client: Client, **hello: Any) -> Client:
        """The same client on a new connection, on which it goes on where it was."""
        assert client.welcome is not None
        again = self.connect(source=client.connection.source)
        again.seq = hello.setdefault("seq", client.seq)
        again.hello(**{"peer": client.peer, "resume": client.welcome["resume"], **hello})
        return again

    # Calls

    def dialled(self, caller: Client, callee: Client, call: str = CALL, **fields: Any) -> None:
        """An unanswered call, of which both have read everything."""
        caller.dial(callee, call, **fields)
        assert callee.takes()[-1]["type"] == "offer"
        caller.takes()

    def established(self, caller: Client, callee: Client, call: str = CALL, **fields: Any) -> None:
        """An answered call, of which both have read everything."""
        self.dialled(caller, callee, call, **fields)
        callee.answer(call)
        callee.takes()
        assert caller.takes_one()["type"] == "answer"

    # Offers over HTTP

    def post(
        self,
        to: Client | str = NIL_UUID,
        public_ip: str = "",
        *,
        from_: str = ADA,
        call: str = CALL,
        source: str = SOURCE,
        from_browser: bool = False,
        passed_through: bool = False,
    ) -> HttpCaller:
        """Somebody posts an offer. Raises Refusal."""
        answering = PeerID(to.peer if isinstance(to, Client) else to, public_ip)
        body = encode_request(answering, PeerID(from_, ""), call, DESCRIPTION)
        exchange = Exchange(source, HOME, from_browser=from_browser, passed_through=passed_through)
        caller = self._callers[exchange] = HttpCaller(exchange)
        try:
            self.switchboard.post(exchange, decode_request(body), body, self.now)
        except Refusal:
            del self._callers[exchange]
            assert exchange.call is None
            raise
        finally:
            self.perform()
        return caller

    def withdraw(self, caller: HttpCaller) -> None:
        """The HTTP caller hangs up."""
        self.switchboard.withdraw(caller.exchange, self.now)
        self._callers.pop(caller.exchange, None)
        self.perform()

    # What the forwarder reports

    def admit(self, errand: Errand) -> None:
        """The policy allows it."""
        self.switchboard.errands.admitted(errand, self.now)
        self.perform()

    def refuse(
        self, errand: Errand, code: ErrorCode, retry_after: float | None = None, limit: str | None = None
    ) -> None:
        """The policy, or a limit of the forwarder, does not allow it."""
        refusal = Refusal(code, "not that address", retry_after, limit=limit)
        self.switchboard.errands.refused(errand, refusal, self.now)
        self._finish(errand)

    def fail(self, errand: Errand, *, limit: str | None = None) -> None:
        """No answer could be had, or `limit` kept it from being asked for."""
        self.switchboard.errands.failed(errand, self.now, limit=limit)
        self._finish(errand)

    def reply(self, errand: Errand, body: bytes | None = None) -> None:
        """The answerer's 200, with the answer unless another body is given."""
        body = encode_answer(errand.key[3], REPLY) if body is None else body
        self.switchboard.errands.answered(errand, body, self.now)
        self._finish(errand)

    def _finish(self, errand: Errand) -> None:
        self.perform()
        self._under_way.discard(errand)

    # Time and endings

    def wait(self, seconds: float) -> None:
        """Time passes; the server wakes up at every deadline."""
        until = self.now + seconds
        while (due := self.switchboard.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.switchboard.sweep(self.now)
            self.perform()
        self.now = until

    def drain(self) -> None:
        """The server says goodbye."""
        self.switchboard.drain(self.now)
        self.perform()

    # What the server holds

    def trace(self, call: str = CALL) -> Trace:
        """The trace that an operator finds by the call's id."""
        trace = self.switchboard.calling.journal.find(call)
        assert trace is not None
        return trace

    def registries(self) -> dict[str, int]:
        """The size of everything that must be empty when everybody has gone."""
        return {
            **self.switchboard.census(),
            "away": len(self.switchboard.presence.away),
            "calls of sessions": sum(len(session.calls) for session in self._sessions),
            "ringing": sum(len(session.ringing) for session in self._sessions),
            "seats": sum(len(session.tables) for session in self._sessions),
            "members of groups": sum(len(members) for members in self._groups.values()),
        }

    # Performing

    def perform(self) -> None:
        """Does what is in the outbox; who drives the switchboard directly asks for it."""
        while effects := self.switchboard.outbox.take():
            for effect in effects:
                self._perform_one(effect)

    def _deliver(self, session: Session, body: bytes) -> None:
        session.connection.wire.send(self.switchboard.presence.number(session, body, self.now))

    def _perform_one(self, effect: Effect) -> None:
        match effect:
            case Send(session, body):
                self._deliver(session, body)
            case Tell(wire, frame):
                wire.send(frame)
            case Publish(group, body):
                for member in self._groups[group]:
                    self._deliver(member, body)
            case Enrol(session, group):
                self._groups.setdefault(group, []).append(session)
            case Unenrol(session, group):
                self._groups[group].remove(session)
            case Close(wire, code, reason):
                wire.close(code, reason)
            case Settle(exchange, outcome):
                caller = self._callers.pop(exchange)  # a second outcome is a KeyError
                caller.outcome = outcome
            case Post(errand):
                self.errands.append(errand)
                self._under_way.add(errand)
            case Cancel(errand):
                self._under_way.remove(errand)  # what has been reported on cannot be cancelled
                self.cancelled.append(errand)
            case Note():
                self.notes.append(effect)
            case Complaint():
                self.complaints.append(effect)


def new_proof(number: int = 1) -> tuple[str, str]:
    """A self-certifying id and its proof."""
    secret = random.Random(number).randbytes(32)
    return certified_id(secret), encode_proof(secret)


def identifier(peer: str = NIL_UUID, public_ip: str = ANSWERER) -> str:
    """What users hand to each other."""
    return encode_identifier(PeerID(peer, public_ip))
