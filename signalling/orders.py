"""What an operator orders: that a peer goes and stays away for a while, that a table is closed. Pure.

Who may order it is the business of those who ask (desk.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from signalling.bans import BANNED, Bans
from signalling.codes import ErrorCode
from signalling.identity import NIL_UUID
from signalling.refusals import Refusal, whole_seconds

if TYPE_CHECKING:
    from signalling.calling import Calling
    from signalling.limits import Limits
    from signalling.outbox import Outbox
    from signalling.parties import Exchange
    from signalling.presence import Presence
    from signalling.tables import Tables


class Orders:
    """Carries them out; owns the bans that come of them."""

    def __init__(self, outbox: Outbox, presence: Presence, calling: Calling, tables: Tables, limits: Limits) -> None:
        self._outbox = outbox
        self._presence = presence
        self._calling = calling
        self._tables = tables
        self._ban_seconds = limits.ban_seconds
        self.bans = Bans(limits.ban_seconds, limits.tracked)

    def disconnect(self, peer: str, now: float, *, ban_address: bool = False) -> bool:
        """Ends this peer's session, and what callers over HTTP who claim its id wait for; none may come back soon.

        With `ban_address` nobody may from where they came. False when nobody of this id is here.
        """
        session = self._presence.peers.get(peer)
        exchanges = [exchange for exchange in self._calling.exchanges() if exchange.peer == peer]
        if session is None and not exchanges:
            return False
        sources = {exchange.source for exchange in exchanges}
        if session is not None:
            sources.add(session.source)
            self._presence.cast_out(session, now)
        for exchange in exchanges:
            self._calling.cast_out(exchange, BANNED, whole_seconds(self._ban_seconds), now)
        if peer != NIL_UUID:  # that is nobody's: a ban of it would refuse all who call over HTTP without an id
            self.bans.put(peer, "peer", now)
        for source in sources if ban_address else ():
            self.bans.put(source, "address", now)
        self._outbox.note("disconnected by the operator", peer=peer, ban_address=ban_address)
        return True

    def close_table(self, name: str, now: float) -> bool:
        """Sends away all who sit there. False when there is no table of this name."""
        is_closed = self._tables.close(name, now)
        if is_closed:
            self._outbox.note("table closed by the operator")
        return is_closed

    def check(self, exchange: Exchange, peer: str, now: float) -> None:
        """Whether a caller over HTTP who claims this id may call. Raises Refusal."""
        wait = max(self.bans.retry_after(peer, now), self.bans.retry_after(exchange.source, now))
        if wait:
            raise Refusal(ErrorCode.FORBIDDEN, BANNED, wait, limit="ban_seconds")
