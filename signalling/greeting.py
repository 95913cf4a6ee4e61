"""The opening: which peer a connection is for, who may say so, and whether its session goes on. Pure."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from signalling import frames, messages
from signalling.bans import BANNED
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

    from signalling.bans import Bans
    from signalling.figures import Figures
    from signalling.limits import Limits
    from signalling.presence import Presence
    from signalling.turn import Offering

SECRET_BYTES = 24


class ClosingRefusal(Refusal):
    """A refusal after which the connection is closed with this code."""

    def __init__(
        self,
        close: CloseCode,
        code: ErrorCode,
        detail: str,
        retry_after: float | None = None,
        *,
        limit: str | None = None,
    ) -> None:
        super().__init__(code, detail, retry_after, limit=limit)
        self.close = close


class Greeting:
    """Turns a hello into a session, a new one or the one that was."""

    def __init__(
        self,
        outbox: Outbox,
        presence: Presence,
        bans: Bans,
        limits: Limits,
        timeout: float,
        ice: Callable[[str], Offering],
        entropy: Callable[[int], bytes],
        figures: Figures,
    ) -> None:
        self._outbox = outbox
        self._figures = figures
        self._presence = presence
        self._bans = bans
        self._limits = limits
        self._ice = ice
        self._told_limits = _told(limits, timeout)
        self._entropy = entropy
        self._failures = Attempts(limits.failures, limits.failures_seconds, limits.tracked)

    def hello(self, connection: Connection, message: messages.Hello, now: float) -> None:
        """Welcomes the peer, to its session as it was if that can be resumed. Raises Refusal."""
        name = _checked_name(message.name)
        self._check_ban(connection.source, now)
        if message.peer is None:
            proof = self._entropy(PROOF_BYTES)
            self._open(certified_id(proof), name, connection, message, now, encode_proof(proof))
            return
        peer = _checked_peer(message.peer)
        self._check_ban(peer, now)
        session = self._presence.peers.get(peer)
        is_owned = session is not None and session.is_opened_by(message.resume)
        missed = session.missed(message.seq) if session is not None and is_owned else None
        if session is not None and missed is not None:
            self._resume(session, connection, message, missed, now)
            return
        if message.resume is not None:
            self._count_failed_resume(session, is_owned=is_owned)
        self._admit(peer, message, connection.source, now, is_owned=is_owned)
        if session is not None:
            self._presence.detach(session)
            self._presence.end(session, Reason.GONE, now)
        self._open(peer, name, connection, message, now)

    def _check_ban(self, subject: str, now: float) -> None:
        """No secret and no proof gets round a ban. Raises Refusal."""
        wait = self._bans.retry_after(subject, now)
        if wait:
            raise ClosingRefusal(CloseCode.DISCONNECTED, ErrorCode.FORBIDDEN, BANNED, wait, limit="ban_seconds")

    def _admit(self, peer: str, message: messages.Hello, source: str, now: float, *, is_owned: bool) -> None:
        """Whether a new session of this id may be opened. Raises Refusal.

        A session that lives is given up to whoever has its secret or the id's proof; a self-certifying id always takes
        its proof.
        """
        if message.proof is not None and proves(peer, message.proof):
            return
        is_free = is_owned or peer not in self._presence.peers
        if is_free and not is_self_certifying(peer):
            return
        # Coming too late to resume is no attempt at somebody else's id, and neither is asking for too much.
        is_late = is_free and message.resume is not None and message.proof is None
        self._refuse(f"{source} {peer}", now, is_attempt=not is_late)

    def _refuse(self, attempt: str, now: float, *, is_attempt: bool) -> None:
        wait = self._failures.retry_after(attempt, now)
        if wait:
            raise ClosingRefusal(
                CloseCode.RATE_LIMITED,
                ErrorCode.RATE_LIMITED,
                "too many attempts at this peer id",
                wait,
                limit="failures",
            )
        if is_attempt:
            self._failures.add(attempt, now)
        raise ClosingRefusal(CloseCode.IDENTITY_TAKEN, ErrorCode.IDENTITY_TAKEN, "this peer id is somebody else's")

    def _open(
        self,
        peer: str,
        name: str | None,
        connection: Connection,
        message: messages.Hello,
        now: float,
        proof: str | UnsetType = UNSET,
    ) -> None:
        secret = self._new_secret()
        session = Session(peer, name, connection, secret, self._presence.hold(), now)
        self._presence.open(session)
        self._welcome(session, message, secret, proof=proof)
        self._outbox.note("session opened", peer=peer, source=connection.source)

    def _resume(
        self, session: Session, connection: Connection, message: messages.Hello, missed: list[bytes], now: float
    ) -> None:
        """It costs one of the session's messages: a replay is far more than a hello."""
        wait = session.connection.conduct.bucket.take(now)
        if wait:
            self._figures.resumes["rate_limited"] += 1
            raise ClosingRefusal(
                CloseCode.RATE_LIMITED, ErrorCode.RATE_LIMITED, "too many messages", wait, limit="messages_per_second"
            )
        secret = self._new_secret()
        self._presence.come_back(session, now)
        self._presence.detach(session)
        session.resume(connection, str(message.resume), secret)
        self._welcome(session, message, secret, received=session.received)
        for frame in missed:
            self._outbox.put(Tell(connection.wire, frame))
        self._figures.resumes["resumed"] += 1
        self._outbox.note("session resumed", peer=session.peer, source=connection.source, missed=len(missed))

    def _count_failed_resume(self, session: Session | None, *, is_owned: bool) -> None:
        if session is None:
            self._figures.resumes["too_late"] += 1
        else:
            self._figures.resumes["overrun" if is_owned else "wrong_secret"] += 1

    def _new_secret(self) -> str:
        return urlsafe_b64encode(self._entropy(SECRET_BYTES)).decode("ascii")

    def _welcome(
        self,
        session: Session,
        message: messages.Hello,
        secret: str,
        *,
        received: int | UnsetType = UNSET,
        proof: str | UnsetType = UNSET,
    ) -> None:
        ice = self._ice(session.peer)
        welcome = frames.Welcome(
            peer=session.peer,
            resume=secret,
            resumed=received is not UNSET,
            seq=session.seq,
            received=received,
            identifier=encode_identifier(PeerID(session.peer, session.connection.home)),
            ice_servers=ice.servers,
            ice_ttl=ice.ttl,
            limits=self._told_limits,
            heartbeat=frames.plain(self._limits.heartbeat_seconds),
            server=frames.SERVER,
            proof=proof,
            id=message.id,
        )
        self._outbox.put(Tell(session.connection.wire, frames.encode(welcome)))


def _told(limits: Limits, timeout: float) -> dict[str, float]:
    """What `welcome` says: the bounds that a client can run into."""
    return {
        "message_bytes": limits.message_bytes,
        "messages_per_second": frames.plain(limits.messages_per_second),
        "messages_burst": limits.messages_burst,
        "candidates": messages.MAX_CANDIDATES,
        "open_calls": limits.open_calls,
        "table_capacity": limits.table_capacity,
        "tables_per_session": limits.tables_per_session,
        "unanswered_per_session": limits.unanswered_per_session,
        "answer_seconds": frames.plain(timeout),
        "resume_seconds": frames.plain(limits.resume_seconds),
        "silence_seconds": frames.plain(limits.silence_seconds),
    }


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
