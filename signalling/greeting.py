"""The opening: which peer a connection is for, and who may say so. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from signalling import frames, messages
from signalling.codes import CloseCode, ErrorCode, Reason
from signalling.identity import (
    NIL_UUID,
    PROOF_BYTES,
    PeerID,
    canonical_uuid,
    certified_id,
    encode_identifier,
    encode_proof,
    is_self_certifying,
    proves,
)
from signalling.names import clean_name
from signalling.outbox import Outbox, Tell
from signalling.refusals import Refusal
from signalling.sessions import Connection, Session
from signalling.throttle import Attempts

if TYPE_CHECKING:
    from collections.abc import Callable

    from signalling.limits import Limits
    from signalling.turn import Offering


class ClosingRefusal(Refusal):
    """A refusal after which the connection is closed with this code."""

    def __init__(self, close: CloseCode, code: ErrorCode, detail: str, retry_after: float | None = None) -> None:
        super().__init__(code, detail, retry_after)
        self.close = close


class Greeting:
    """Turns a hello into a session, and owns the table of peers that are here."""

    def __init__(
        self,
        outbox: Outbox,
        limits: Limits,
        ice: Callable[[str], Offering],
        told_limits: dict[str, float],
        entropy: Callable[[int], bytes],
        replace: Callable[[Session, Reason, float], None],
    ) -> None:
        self._outbox = outbox
        self._limits = limits
        self._ice = ice
        self._told_limits = told_limits
        self._entropy = entropy
        self._replace = replace
        self.peers: dict[str, Session] = {}
        self._failures = Attempts(limits.failures, limits.failures_seconds, limits.tracked)

    def hello(self, connection: Connection, message: messages.Hello, now: float) -> None:
        """Welcomes the peer. Raises Refusal."""
        name = _checked_name(message.name)
        proof: str | None = None
        if message.peer is None:
            secret = self._entropy(PROOF_BYTES)
            peer, proof = certified_id(secret), encode_proof(secret)
        else:
            peer = _checked_peer(message.peer)
            self._admit(peer, message.proof, connection.source, now)
        session = Session(peer, name, connection)
        connection.session = session
        self.peers[peer] = session
        self._welcome(session, message, proof)

    def _admit(self, peer: str, proof: str | None, source: str, now: float) -> None:
        """Whether this id may be had; its old session, if it is proven to be the same peer's, ends."""
        proven = proof is not None and proves(peer, proof)
        if not proven and (is_self_certifying(peer) or peer in self.peers):
            self._refuse(f"{source} {peer}", now)
        if peer in self.peers:
            self._replace(self.peers[peer], Reason.GONE, now)

    def _refuse(self, attempt: str, now: float) -> None:
        wait = self._failures.retry_after(attempt, now)
        if wait:
            raise ClosingRefusal(
                CloseCode.RATE_LIMITED, ErrorCode.RATE_LIMITED, "too many attempts at this peer id", wait
            )
        self._failures.add(attempt, now)
        raise ClosingRefusal(CloseCode.IDENTITY_TAKEN, ErrorCode.IDENTITY_TAKEN, "this peer id is somebody else's")

    def _welcome(self, session: Session, message: messages.Hello, proof: str | None) -> None:
        ice = self._ice(session.peer)
        welcome = frames.Welcome(
            peer=session.peer,
            resumed=False,
            seq=0,
            identifier=encode_identifier(PeerID(session.peer, session.connection.home)),
            ice_servers=ice.servers,
            ice_ttl=ice.ttl,
            limits=self._told_limits,
            heartbeat=frames.plain(self._limits.heartbeat_seconds),
            server=frames.SERVER,
            proof=proof if proof is not None else UNSET,
            id=message.id,
        )
        self._outbox.put(Tell(session.connection.wire, frames.encode(welcome)))
        self._outbox.note("session opened", peer=session.peer, source=session.connection.source)


def _checked_peer(text: str) -> str:
    peer = canonical_uuid(text)
    if peer is None or peer == NIL_UUID:
        raise Refusal(ErrorCode.BAD_PEER, "peer must be a UUID with hyphens, and not all zeros")
    return peer


def _checked_name(text: str | None) -> str | None:
    if text is None:
        return None
    name = clean_name(text)
    if name is None:
        raise Refusal(ErrorCode.BAD_MESSAGE, "name must be 1 to 64 characters without controls and overrides")
    return name
