"""What becomes of an offer that was posted to an address, as the forwarder reports it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from signalling import frames
from signalling.calling import TARGET_FAILED
from signalling.codes import ErrorCode
from signalling.messages import BadFrame, Envelope
from signalling.outbox import Outbox, Settle
from signalling.parties import Errand, Exchange
from signalling.posted import decode_answer
from signalling.refusals import Refusal

if TYPE_CHECKING:
    from signalling.calling import Calling
    from signalling.figures import Figures
    from signalling.tally import Tally


class Errands:
    """The forwarder's four reports. A report about a call that has ended meanwhile changes nothing."""

    def __init__(self, outbox: Outbox, calling: Calling, tally: Tally, figures: Figures) -> None:
        self._outbox = outbox
        self._calling = calling
        self._tally = tally
        self._figures = figures

    def admitted(self, errand: Errand, now: float) -> None:
        """The policy allows the address, and the offer is being posted."""
        if errand.call is not None:
            errand.call.trace.reach("posted", now)
            self._calling.acknowledge_errand(errand.call)

    def refused(self, errand: Errand, refusal: Refusal, now: float) -> None:
        """Nothing was sent; the refusal answers the offer's own `id`."""
        self._tally.refuse(refusal)
        self._outbox.complain("posting refused", call=errand.key[3], code=refusal.code, limit=refusal.limit)
        call = errand.call
        if call is None:
            return
        self._figures.forwards["limited" if refusal.limit is not None else "not_allowed"] += 1
        message_id = errand.message_id if errand.message_id is not None else UNSET
        errand.message_id = None
        call.trace.limit = refusal.limit
        self._calling.conclude(call, refusal.as_error(Envelope(id=message_id, about="offer", call=call.id)), now)

    def failed(self, errand: Errand, now: float, *, limit: str | None = None) -> None:
        """The answerer could not be reached, or gave no answer, or `limit` did not let it be asked.

        To its caller these are all alike.
        """
        self._tally.count(limit)
        if errand.call is not None:
            errand.call.trace.limit = limit
            self._figures.forwards["failed"] += 1
            self._calling.fail(errand.call, ErrorCode.TARGET_FAILED, TARGET_FAILED, now)

    def answered(self, errand: Errand, body: bytes, now: float) -> None:
        """The body of a 200; an HTTP caller gets it byte for byte."""
        call = errand.call
        if call is None:
            return
        try:
            answer = decode_answer(body)
        except BadFrame:
            self.failed(errand, now)
            return
        if answer.call != call.id:
            self.failed(errand, now)
            return
        frame = frames.Answer(call=call.id, from_=errand.key[1], description=msgspec.Raw(answer.description))
        self._figures.forwards["answered"] += 1
        if isinstance(call.caller, Exchange):
            exchange = call.caller
            self._calling.settle(call, frame, now)
            self._calling.close(call, now)
            self._outbox.put(Settle(exchange, body))
            return
        self._calling.conclude(call, frame, now)
