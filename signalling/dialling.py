"""First offers: to a peer here or to an address, from a WebSocket or over HTTP, and what stands in their way. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from signalling import frames, messages
from signalling.addresses import BadAddress, Target, parse_target
from signalling.calling import too_much_held
from signalling.calls import Call
from signalling.codes import AckState, ErrorCode, Reason
from signalling.identity import NIL_UUID, BadIdentifier, PeerID, canonical_uuid, decode_identifier
from signalling.names import clean_name
from signalling.outbox import Outbox, Post
from signalling.parties import Errand, Exchange
from signalling.posted import PostedOffer, encode_request
from signalling.refusals import RETRY_SECONDS, Refusal
from signalling.sessions import Session
from signalling.throttle import Attempts, Buckets
from signalling.traces import GLARE, To, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signalling.calling import Calling
    from signalling.figures import Figures
    from signalling.limits import Limits
    from signalling.tables import Table


class Dialling:
    """Opens calls, or refuses to; what follows is in calling.py."""

    def __init__(
        self,
        outbox: Outbox,
        calling: Calling,
        peers: Mapping[str, Session],
        limits: Limits,
        public_address: str,
        figures: Figures,
    ) -> None:
        self._outbox = outbox
        self._figures = figures
        self._calling = calling
        self._peers = peers
        self._limits = limits
        self._public_address = public_address
        self._unknown = Attempts(limits.unknown_peers, limits.unknown_peers_seconds, limits.tracked)
        self._posts = Buckets(limits.posts_per_second, limits.posts_burst, limits.tracked)

    # From a WebSocket

    def offer(self, session: Session, message: messages.Offer, now: float) -> None:
        """An offer with `to`. Raises Refusal."""
        if message.call in session.calls:
            raise Refusal(ErrorCode.CALL_EXISTS, "you have a call with this id already")
        if len(session.calls) >= self._limits.open_calls:
            raise Refusal(ErrorCode.LIMIT_EXCEEDED, "you have too many open calls", RETRY_SECONDS, limit="open_calls")
        to = str(message.to)
        peer = canonical_uuid(to)
        if peer is None:
            callee = _identified(to)
            try:
                target = elsewhere(callee, session.connection.home)
            except BadAddress as error:
                raise Refusal(ErrorCode.BAD_PEER, str(error)) from error
            if target is not None and message.table is not None:
                raise Refusal(ErrorCode.TABLE_UNKNOWN, "that peer does not sit at this table")
            if target is not None:
                self._offer_to_address(session, message, callee, target, now)
                return
            peer = callee.uuid
        self._offer_to_peer(session, message, peer, now)

    def _offer_to_peer(self, session: Session, message: messages.Offer, peer: str, now: float) -> None:
        if peer == session.peer:
            raise Refusal(ErrorCode.BAD_PEER, "you cannot call yourself")
        table = _checked_table(session, message.table)
        callee = self._present(peer, session.source, now) if table is None else _seated(table, peer)
        if message.call in callee.calls:
            raise Refusal(ErrorCode.CALL_EXISTS, "that peer has a call with this id already")
        crossed = [call for call in session.ringing.values() if call.caller is callee] if session.ringing else []
        if crossed and any(call.id < message.call for call in crossed):
            self._lose_glare(session, message, callee, now)
            return
        self._check_room(callee, session, session.source, at_table=table is not None)
        if table is None:
            _check_held(callee, message.description)
        self._calling.acknowledge_delivery(session, message, callee)
        for call in crossed:
            self._calling.collide(call, now)
        call = Call(
            message.call, session, callee, trickle=message.trickle, table=table.name if table is not None else None
        )
        self._calling.open(call, message.description, now)
        self._outbox.send(callee, self._calling.offer_frame(call, session, callee, message.description))
        self._note(call.id, session, "websocket")

    def _lose_glare(self, session: Session, message: messages.Offer, callee: Session, now: float) -> None:
        """Both call each other and the smaller id stays: this one is over before it was delivered."""
        self._calling.acknowledge(session, message, AckState.DONE)
        session.remember(message.call, now, self._limits.ended_call_seconds)
        reject = frames.Reject(call=message.call, from_=callee.peer, reason=Reason.GLARE)
        self._outbox.send(session, reject)
        self._calling.journal.lose(trace_of_offer(session, message, now), session.source, reject)
        self._figures.refuse("websocket", GLARE, now)
        self._note(message.call, session, "websocket")
        self._outbox.note("call reject", call=message.call, reason=Reason.GLARE)

    def _offer_to_address(
        self, session: Session, message: messages.Offer, callee: PeerID, target: Target, now: float
    ) -> None:
        caller = PeerID(session.peer, self._public_address)
        errand = Errand(
            target,
            encode_request(callee, caller, message.call, message.description),
            (session.peer, callee.uuid, target.url, message.call),
            session.source,
            from_browser=session.connection.from_browser,
        )
        self._check_errand(errand, now)
        errand.message_id = message.id if message.id is not UNSET else None
        self._send_out(Call(message.call, session, errand, trickle=False), errand, "websocket", now)

    # Over HTTP

    def post(self, exchange: Exchange, posted: PostedOffer, body: bytes, now: float) -> None:
        """An offer by `POST /signal`, whose body is posted on as it is. Raises Refusal."""
        exchange.peer = posted.offering.uuid
        try:
            target = elsewhere(posted.answering, exchange.home)
        except BadAddress as error:
            raise Refusal(ErrorCode.BAD_MESSAGE, str(error)) from error
        if exchange.peer in self._peers:
            self._check_posts(exchange.source, now)  # nobody finds out for nothing who is here
            raise Refusal(ErrorCode.IDENTITY_TAKEN, "the offering peer is connected over a WebSocket")
        if target is None:
            self._check_posts(exchange.source, now)
            self._post_to_peer(exchange, posted, now)
        else:
            self._post_to_address(exchange, posted, target, body, now)

    def _post_to_address(
        self, exchange: Exchange, posted: PostedOffer, target: Target, body: bytes, now: float
    ) -> None:
        if exchange.passed_through:
            raise Refusal(ErrorCode.LOOP, "this offer has been posted on by a signalling server already")
        key = (exchange.peer, posted.answering.uuid, target.url, posted.call)
        errand = Errand(target, body, key, exchange.source, from_browser=exchange.from_browser)
        self._check_errand(errand, now)
        self._send_out(Call(posted.call, exchange, errand, trickle=False), errand, "http", now)

    def _post_to_peer(self, exchange: Exchange, posted: PostedOffer, now: float) -> None:
        callee = self._present(posted.answering.uuid, exchange.source, now)
        if posted.call in callee.calls:
            raise Refusal(ErrorCode.CALL_EXISTS, "this offer is under way already")
        self._check_room(callee, exchange, exchange.source)
        _check_held(callee, posted.description)
        call = Call(posted.call, exchange, callee, trickle=False)
        self._calling.open(call, posted.description, now)
        offer = frames.Offer(
            call=call.id,
            from_=exchange.peer,
            description=msgspec.Raw(posted.description),
            polite=True,
            trickle=False,
            expires=frames.plain(self._calling.timeout),
            via="http",
        )
        self._outbox.send(callee, offer)
        self._note(call.id, exchange, "http")

    # What stands in the way

    def _present(self, peer: str, source: str, now: float) -> Session:
        """The session of this peer; the answer is the same whether it never was here or has gone."""
        wait = self._unknown.retry_after(source, now)
        if wait:
            detail = "too many unknown peers were called from your address"
            raise Refusal(ErrorCode.RATE_LIMITED, detail, wait, limit="unknown_peers")
        callee = self._peers.get(peer)
        if callee is None:
            self._unknown.add(source, now)
            raise Refusal(ErrorCode.PEER_UNAVAILABLE, "that peer is not here", RETRY_SECONDS)
        return callee

    def _check_room(self, callee: Session, caller: Session | Exchange, source: str, *, at_table: bool = False) -> None:
        """No stranger fills up a callee: bounds on what is unanswered from one session, from one source, and in all.

        Calls at a table are no strangers': they count in all only.
        """
        limits = self._limits
        if not callee.ringing and len(callee.calls) < limits.open_calls:
            return  # nobody waits for this peer's answer
        strangers = [] if at_table else [call for call in callee.ringing.values() if call.table is None]
        from_caller = sum(call.caller is caller for call in strangers)
        from_source = sum(call.source == source for call in strangers)
        counts = (
            ("unanswered_per_session", from_caller, limits.unanswered_per_session),
            ("unanswered_per_source", from_source, limits.unanswered_per_source),
            ("unanswered_per_callee", len(callee.ringing), limits.unanswered_per_callee),
            ("open_calls", len(callee.calls), limits.open_calls),
        )
        for limit, count, most in counts:
            if count >= most:
                detail = "that peer has too many calls to answer"
                raise Refusal(ErrorCode.LIMIT_EXCEEDED, detail, RETRY_SECONDS, limit=limit)

    def _check_errand(self, errand: Errand, now: float) -> None:
        if errand.key in self._calling.errands:
            raise Refusal(ErrorCode.CALL_EXISTS, "this offer is under way already")
        self._check_posts(errand.source, now)

    def _check_posts(self, source: str, now: float) -> None:
        wait = self._posts.take(source, now)
        if wait:
            detail = "too many offers over HTTP from your address"
            raise Refusal(ErrorCode.RATE_LIMITED, detail, wait, limit="posts_per_second")

    def _send_out(self, call: Call, errand: Errand, transport: str, now: float) -> None:
        self._calling.open(call, errand.body, now)
        self._outbox.put(Post(errand))
        self._note(call.id, call.caller, transport)

    def _note(self, call: str, caller: Session | Exchange, transport: str) -> None:
        self._outbox.note("call offered", call=call, caller=caller.peer, transport=transport)


def elsewhere(callee: PeerID, home: str) -> Target | None:
    """The address to which an offer to this peer must be posted; None when the peer is to be found here.

    An own address is never posted to. Raises BadAddress when PublicIP is none, or leads nowhere.
    """
    if not callee.public_ip:
        if callee.uuid == NIL_UUID:
            raise BadAddress("a peer needs a Uuid or a PublicIP")
        return None
    target = parse_target(callee.public_ip)
    return None if home and target.is_same_as(parse_target(home)) else target


def trace_of_offer(session: Session, message: messages.Offer, now: float) -> Trace:
    """The trace of a first offer that did not become a call."""
    to = str(message.to)
    peer = canonical_uuid(to)
    callee, kind = _addressee(to if peer is None else PeerID(peer, ""), session.connection.home)
    table = session.tables.get(clean_name(message.table or "") or "")
    name = table.name if table is not None else None
    return Trace(
        call=message.call,
        caller=session.peer,
        callee=callee,
        transport="websocket",
        to=kind,
        began=now,
        table=name,
    )


def trace_of_post(exchange: Exchange, posted: PostedOffer, now: float) -> Trace:
    """The same of an offer by `POST /signal`."""
    callee, kind = _addressee(posted.answering, exchange.home)
    caller = posted.offering.uuid
    return Trace(call=posted.call, caller=caller, callee=callee, transport="http", to=kind, began=now)


def _addressee(to: PeerID | str, home: str) -> tuple[str, To]:
    """The callee's id, if it is known, and where it is to be found; what names nobody is no session's id."""
    try:
        callee = to if isinstance(to, PeerID) else decode_identifier(to)
        return (callee.uuid, "session") if elsewhere(callee, home) is None else ("", "address")
    except (BadIdentifier, BadAddress):
        return "", "session"


def _checked_table(session: Session, text: str | None) -> Table | None:
    """The table at which the session calls another member. Raises Refusal."""
    if text is None:
        return None
    table = session.tables.get(clean_name(text) or "")
    if table is None:
        raise Refusal(ErrorCode.TABLE_UNKNOWN, "you do not sit at that table")
    return table


def _seated(table: Table, peer: str) -> Session:
    """The member; the refusal is the same whether the peer is elsewhere here or not here at all."""
    member = table.seats.get(peer)
    if member is None:
        raise Refusal(ErrorCode.TABLE_UNKNOWN, "that peer does not sit at this table")
    return member


def _check_held(callee: Session, description: bytes | msgspec.Raw) -> None:
    """A stranger's offer, and the hang-up that may follow it."""
    if callee.is_away and not callee.has_room_for_stranger(len(bytes(description)), 2):
        raise too_much_held()


def _identified(text: str) -> PeerID:
    try:
        return decode_identifier(text)
    except BadIdentifier as error:
        raise Refusal(ErrorCode.BAD_PEER, f"`to` is neither a UUID nor an identifier: {error}") from error
