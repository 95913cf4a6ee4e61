"""One TCP connection of the launcher's daphne as long as it speaks HTTP: how many there are, how long, how much.

Each piece names the fact that it cures (daphne 4.2.3, Twisted 26.10). One that becomes a WebSocket leaves.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from http import HTTPStatus
from typing import Any

from twisted.web import http

from roundtable.httprequest import HTTPRequest
from roundtable.logs import logger
from roundtable.newcomers import Newcomers
from roundtable.refusal import GOING, HEAD_TOO_LARGE, LINGER_SECONDS, NO_REQUEST, TOO_SLOW, problem_of, response
from roundtable.websocketprotocol import unsent_bytes
from signalling.codes import ErrorCode
from signalling.problems import Problem, problem
from signalling.switchboard import RECONNECT_SECONDS
from signalling.visitor import UNKNOWN_SOURCE, new_request_id

refusals = logger("roundtable.server.refusals")

DISCARDED_BYTES = 1_048_576
"""Of what a refused client goes on sending, so much is read and thrown away."""


# Most of Twisted's annotations are missing here, and a request factory of one's own is against the others.
_TwistedChannel: Any = http.HTTPChannel
_TwistedFactory: Any = http.HTTPFactory


class HTTPChannel(_TwistedChannel):
    """One connection: a request at a time, each of which has a deadline for its arrival."""

    timeOut = None  # Twisted's own begins anew with every byte: one byte a minute would last for ever
    due = 0.0
    slot: Hashable = None
    """What it counts against."""
    refused = False
    _is_heard = False
    """Whether its first bytes have had their turn."""
    _discarded = 0
    _is_closing = False
    _since = 0.0
    """When its present patience began, in seconds of the server's running clock."""
    _has_begun = False
    """Whether the present request has begun. The first one begins with the connection, or saying nothing would pay."""

    def connectionMade(self) -> None:
        """Somebody has connected; the time for the first request runs."""
        super().connectionMade()
        self._be_patient()
        self._has_begun = True
        self.factory.channels.add(self)

    def connectionLost(self, reason: Any) -> None:
        """The connection is gone."""
        self._leave()
        super().connectionLost(reason)

    def notice_upgrade(self) -> None:
        """A request was processed: perhaps the connection belongs to a WebSocket now."""
        if self.transport is not None and self.transport.protocol is not self:
            self._leave()

    def _leave(self) -> None:
        if self in self.factory.channels:
            self.factory.channels.remove(self)
            self.factory.server.doors.leave(self.slot)

    # A request arrives

    def dataReceived(self, data: bytes) -> None:
        """What came. The first that comes is heard when it is this newcomer's turn; until then no more is read."""
        if self._is_heard or self.factory.newcomers.admit():
            self._hear(data)
            return
        self.transport.pauseProducing()
        self.factory.newcomers.wait(partial(self._hear_at_last, data))

    def _hear_at_last(self, data: bytes) -> None:
        if self.transport is None or not self.transport.connected:
            return
        self.transport.resumeProducing()
        self._hear(data)

    def _hear(self, data: bytes) -> None:
        """Bytes of a request, or of a client that was refused and goes on."""
        self._is_heard = True
        if self.refused:
            self._discard(len(data))
            return
        if not self._has_begun and not self._handlingRequest:
            self._has_begun = True
            self._be_patient()
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        """A line of a request's head."""
        if not self.refused:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line of more than 16 KiB, which is what Twisted takes of a whole head. It would close without a word."""
        self.refuse(problem_of(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, HEAD_TOO_LARGE))

    def allHeadersReceived(self) -> None:
        """The head is there. A body that is declared too large is refused before anybody says `100 Continue` to it."""
        if self.length is not None and self.length > self.factory.server.limits.message_bytes:
            self.refuse_body()
        else:
            super().allHeadersReceived()

    def allContentReceived(self) -> None:
        """The request is there."""
        if not self.refused:
            super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        """The response was written. The time until the next request begins runs; once it has begun, it has its own."""
        self._has_begun = False
        self._be_patient()
        if self.unsent > self.factory.server.limits.unsent_bytes:
            # Twisted goes on to the next request, and one read may hold a thousand.
            self.factory.server.note_refusal("unsent_bytes", "slow consumer", unsent=self.unsent)
            self.transport.abortConnection()
        super().requestDone(request)

    # And is refused

    def dismiss(self) -> None:
        """The server is going away: a request that has begun and not arrived yet is not waited for."""
        if self.requests and not (self._handlingRequest or self.refused or self._is_closing):
            instance = new_request_id()
            self.refuse(problem(ErrorCode.DRAINING, GOING, instance=instance, retry_after=RECONNECT_SECONDS))

    def refuse_body(self) -> None:
        """More than a body may have: nothing of it is kept, and what still comes is not a request."""
        limit = self.factory.server.limits.message_bytes
        self.factory.server.note_refusal("message_bytes", "body too large")
        self.refuse(problem(ErrorCode.TOO_LARGE, f"the body is larger than {limit} bytes", instance=new_request_id()))

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Twisted's refusal of what is no HTTP, with a body as all our refusals have one."""
        self.refuse(problem_of(HTTPStatus.BAD_REQUEST, NO_REQUEST))

    def refuse(self, refusal: Problem) -> None:
        """Answers in place of the application, takes up nothing more and closes when the client has read it."""
        if self.refused:
            return
        self.refused = self.paused = True  # `paused` ends the loop of Twisted's LineReceiver
        refusals.info("request refused", status=refusal.status, reason=refusal.title)
        self.transport.writeSequence(response(refusal))
        self.transport.loseWriteConnection()
        self._be_patient()

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > DISCARDED_BYTES:
            self.transport.pauseProducing()

    # Time

    def loseConnection(self) -> None:
        """Closes when everything is written. Twisted waits for ever for a client that does not read."""
        self._is_closing = True
        self._be_patient()
        super().loseConnection()

    def check_timeouts(self) -> None:
        """Called at every tick of the server's clock."""
        if self._handlingRequest and not (self.refused or self._is_closing):
            return  # it is the application's turn, which has a time-out of its own
        patience = LINGER_SECONDS if self.refused else self.factory.server.limits.request_seconds
        if self.factory.server.clock.has_passed(patience, self._since):
            self._give_up()

    def _give_up(self) -> None:
        if not (self.refused or self._is_closing):
            self.factory.server.note_refusal("request_seconds", "request too slow")
        if self.requests and not (self.refused or self._is_closing):
            self.refuse(problem_of(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW))
        else:
            self.transport.abortConnection()

    def _be_patient(self) -> None:
        self._since = self.factory.server.clock.seconds

    @property
    def unsent(self) -> int:
        """Bytes of responses that have not left."""
        return unsent_bytes(self.transport)


class HTTPFactory(_TwistedFactory):
    """Makes the connections, as many as there may be."""

    channel_class = HTTPChannel

    def __init__(self, server: Any) -> None:
        super().__init__()
        self.server = server
        self.channels: set[HTTPChannel] = set()
        self.newcomers = Newcomers()

    def buildProtocol(self, addr: Any) -> HTTPChannel | None:
        """The connection of this client; None, which closes it at once, when there are too many."""
        slot = self.server.doors.enter(getattr(addr, "host", UNKNOWN_SOURCE))
        if slot is None:
            return None
        channel = self.channel_class()
        channel.slot = slot
        channel.factory = self
        channel.requestFactory = HTTPRequest
        return channel

    def log(self, request: Any) -> None:
        """Twisted formats a line for an access log that is nowhere."""
