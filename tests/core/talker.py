"""A client that keeps its own books: what it thinks of each of its calls, and how each of its offers has ended.

It knows the contract and nothing of the server. Every frame must make sense to it, or an assertion fails.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.core.wording import Frame

if TYPE_CHECKING:
    from tests.core.client import Client

OUTCOMES = {"answer_timeout", "peer_gone", "target_failed", "draining"}
"""The errors in which an acknowledged first offer may end."""
NAMED_REPLIES = {"hello": "welcome", "ping": "pong", "ice_servers": "ice_servers"}


@dataclass
class View:
    """An open call as one of its parties sees it."""

    other: str
    is_caller: bool
    trickle: bool
    since: float
    """When its latest offer was made."""
    over_http: bool = False
    """The other party is an HTTP caller or an address: the call ends with its answer."""
    acknowledged: bool = True
    answered: bool = False
    has_open_offer: bool = False
    """A later one."""


class Talker:
    """One client, from its hello until it has left."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.peer = client.peer
        self.calls: dict[str, View] = {}
        self.accepted = 0
        """First offers that were acknowledged."""
        self.outcomes: Counter[str] = Counter()
        """How they ended."""
        self.deferred: dict[str, str] = {}
        """Offers to an address that are still to be acknowledged: calls by message id."""
        self._messages = 0

    # What it says

    def say(self, kind: str, **fields: Any) -> Frame:
        """Says something and returns the reply: exactly one, before anything else that it caused."""
        message_id = self._new_id()
        self.client.say(kind, id=message_id, **fields)
        frames = [frame for frame in self.client.takes() if not self._is_deferred(frame)]
        assert [frame.get("id") for frame in frames] == [message_id] + [None] * (len(frames) - 1)
        reply = frames[0]
        assert reply["type"] in {"ack", "error", NAMED_REPLIES.get(kind, "ack")}
        if reply["type"] == "error":
            assert reply["about"] == kind
        elif "call" in fields:
            self._said(kind, fields["call"])
        self._read(frames[1:])
        return reply

    def dial(self, callee: str, call: str, to: str, *, trickle: bool, is_elsewhere: bool) -> Frame | None:
        """Makes a first offer and returns the reply, or None while it has to be waited for."""
        known = call in self.calls
        if not known:
            trickles = trickle and not is_elsewhere
            self.calls[call] = View(callee, True, trickles, self._now, over_http=is_elsewhere, acknowledged=False)
        message_id = self._new_id()
        self.client.dial(to, call, id=message_id, trickle=trickle)
        frames = self.client.takes()
        if not frames and not self.has_left:
            assert is_elsewhere
            self.deferred[message_id] = call
            return None
        reply = frames[0]
        assert reply["id"] == message_id
        if reply["type"] == "error":
            assert reply["call"] == call
            assert reply["code"] == "call_exists" or not known or reply["code"] == "rate_limited"
            if not known:
                del self.calls[call]
        else:
            assert not known
            self._accept(call)
        self._read(frames[1:])
        return reply

    @property
    def _now(self) -> float:
        return self.client.scene.now

    def _new_id(self) -> str:
        self._messages += 1
        return f"m{self._messages}"

    def _said(self, kind: str, call: str) -> None:
        """A message within a call was taken up; one that was dropped is of no call that is open."""
        view = self.calls.get(call)
        if view is None:
            return
        if kind == "hangup":
            self._end(call, "withdrawn" if view.is_caller and not view.answered else None)
        elif kind == "reject" and not view.answered:
            self._end(call, None)
        elif kind == "answer" and not view.answered:
            view.answered = True
            if view.over_http:
                self._end(call, None)

    def _accept(self, call: str) -> None:
        view = self.calls[call]
        assert not view.acknowledged
        view.acknowledged = True
        self.accepted += 1

    def _end(self, call: str, outcome: str | None) -> None:
        """The call is over; `outcome` is that of its first offer, if this party made it and had none yet."""
        view = self.calls.pop(call)
        if outcome is not None:
            assert view.is_caller and view.acknowledged and not view.answered
            self.outcomes[outcome] += 1

    # What it gets

    @property
    def has_left(self) -> bool:
        """The server has closed its connection."""
        return self.client.closed is not None

    def reads(self) -> None:
        """Reads what came meanwhile."""
        self._read([frame for frame in self.client.takes() if not self._is_deferred(frame)])

    def leaves(self) -> None:
        """Whatever it still had open has ended with it."""
        for call, view in list(self.calls.items()):
            waits = view.is_caller and view.acknowledged and not view.answered
            self._end(call, "left" if waits else None)
        self.deferred.clear()

    def _is_deferred(self, frame: Frame) -> bool:
        """Whether this replies to an offer to an address, which it then does."""
        call = self.deferred.pop(frame.get("id", ""), None)
        if call is None:
            return False
        if frame["type"] == "error":
            del self.calls[call]
        else:
            assert (frame["type"], frame["state"], frame["trickle"]) == ("ack", "done", False)
            self._accept(call)
        return True

    def _read(self, frames: list[Frame]) -> None:
        for frame in frames:
            assert "id" not in frame, "nothing is replied to twice"
            if "call" in frame and frame["type"] == "offer":
                self._read_offer(frame)
            elif "call" in frame:
                self._read_in_call(frame, self.calls[frame["call"]])
            else:
                assert frame["type"] in {"going_away", "error"}

    def _read_offer(self, frame: Frame) -> None:
        view = self.calls.get(frame["call"])
        over_http = frame.get("via") == "http"
        if view is None:
            assert frame["polite"] is True
            assert not (over_http and frame["trickle"])
            self.calls[frame["call"]] = View(frame["from"], False, frame["trickle"], self._now, over_http)
            return
        assert view.answered and not over_http
        assert (frame["from"], frame["polite"], frame["trickle"]) == (view.other, not view.is_caller, view.trickle)
        if view.has_open_offer:
            assert not view.is_caller, "only the polite party's offer is ever void"
            view.has_open_offer = False

    def _read_in_call(self, frame: Frame, view: View) -> None:
        kind = frame["type"]
        assert frame.get("from", view.other) == view.other
        if kind == "error" and frame["code"] == "answer_timeout":
            assert self._now >= view.since + self.client.scene.timeout, "not before its time"
        if kind == "candidate":
            assert view.trickle
        elif kind == "hangup":
            self._end(frame["call"], "hangup" if view.is_caller and not view.answered else None)
        elif view.answered:
            assert kind in {"answer", "reject"} or frame["code"] == "answer_timeout"
            assert view.has_open_offer
            view.has_open_offer = False
        else:
            self._read_outcome(frame, view)

    def _read_outcome(self, frame: Frame, view: View) -> None:
        assert view.is_caller and view.acknowledged
        if frame["type"] == "answer" and not view.over_http:
            view.answered = True
            self.outcomes["answer"] += 1
            return
        assert frame["type"] in {"answer", "reject"} or frame["code"] in OUTCOMES
        self._end(frame["call"], frame["type"])

    # Its books

    @property
    def waiting(self) -> int:
        """Its acknowledged first offers that have no outcome yet."""
        return sum(view.is_caller and view.acknowledged and not view.answered for view in self.calls.values())
