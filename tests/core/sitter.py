"""A client that keeps its own books of tables: who it was told sits where, and with whom it is in a call there.

It knows the contract and nothing of the server. Every frame must make sense to it, or an assertion fails.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.core.wording import Frame

if TYPE_CHECKING:
    from tests.core.client import Client

REPLIES = {"join": "joined"}


def normal(table: str) -> str:
    """The name as the server tells it."""
    return unicodedata.normalize("NFC", table)


@dataclass
class TableView:
    """A table as somebody who sits there knows it."""

    members: dict[str, str | None]
    """Names by peer, the longest seated first; itself among them."""
    host: str
    protected: bool
    locked: bool
    capacity: int


class Sitter:
    """One client, from its hello until it has gone."""

    def __init__(self, client: Client, name: str | None, source: str) -> None:
        self.client = client
        self.peer = client.peer
        self.name = name
        self.source = source
        self.tables: dict[str, TableView] = {}
        self.calls: dict[str, tuple[str, str]] = {}
        """The other party and the table, by call."""
        self.ringing: list[str] = []
        """Calls that it has not answered."""
        self._messages = 0

    # What it says

    def say(self, kind: str, **fields: Any) -> Frame:
        """Says something and returns the reply: exactly one, before anything else that it caused."""
        self._messages += 1
        message_id = f"m{self._messages}"
        self.client.say(kind, id=message_id, **fields)
        reply, *others = self.client.takes()
        assert reply["id"] == message_id
        assert reply["type"] in {"error", REPLIES.get(kind, "ack")}
        if reply["type"] == "error":
            assert reply["about"] == kind
        elif kind == "leave":
            left = normal(fields["table"])
            del self.tables[left]
            for call in [call for call, (_, table) in self.calls.items() if table == left]:
                self._end(call)
        elif kind == "offer":
            self.calls[fields["call"]] = fields["to"], fields["table"]
        elif kind == "join":
            self._sit_down(reply)
        self._read(others)
        return reply

    def answers(self) -> None:
        """Answers what rings."""
        for call in list(self.ringing):
            self.ringing.remove(call)
            self.client.answer(call)

    # What it gets

    def reads(self) -> None:
        """Reads what came meanwhile."""
        self._read(self.client.takes())

    def _sit_down(self, joined: Frame) -> None:
        assert joined["table"] not in self.tables
        assert joined["opened"] == (not joined["peers"])
        members = {member["peer"]: member.get("name") for member in joined["peers"]}
        assert self.peer not in members
        facts = {name: joined[name] for name in ("host", "protected", "locked", "capacity")}
        self.tables[joined["table"]] = TableView({**members, self.peer: self.name}, **facts)

    def _read(self, frames: list[Frame]) -> None:
        for frame in frames:
            assert "id" not in frame, "nothing is replied to twice"
            getattr(self, f"_read_{frame['type']}")(frame)

    def _read_peer_joined(self, frame: Frame) -> None:
        members = self.tables[frame["table"]].members
        assert frame["peer"] not in members
        members[frame["peer"]] = frame.get("name")

    def _read_peer_left(self, frame: Frame) -> None:
        peer, table, reason = frame["peer"], frame["table"], frame["reason"]
        assert (peer, table) not in self.calls.values(), "its hang-ups came before"
        if peer == self.peer:
            assert reason == "kicked"
            assert table not in {at for _, at in self.calls.values()}
            del self.tables[table]
        else:
            del self.tables[table].members[peer]

    def _read_table(self, frame: Frame) -> None:
        view = self.tables[frame["table"]]
        assert frame["host"] in view.members
        assert frame["capacity"] == view.capacity
        view.host, view.locked = frame["host"], frame["locked"]

    def _read_offer(self, frame: Frame) -> None:
        assert frame["from"] in self.tables[frame["table"]].members, (
            "peer_joined comes before any frame of the newcomer"
        )
        self.calls[frame["call"]] = frame["from"], frame["table"]
        self.ringing.append(frame["call"])

    def _read_answer(self, frame: Frame) -> None:
        assert self.calls[frame["call"]][0] == frame["from"]

    def _read_hangup(self, frame: Frame) -> None:
        assert self.calls[frame["call"]][0] == frame["from"]
        self._end(frame["call"])

    def _read_reject(self, frame: Frame) -> None:
        assert frame["reason"] == "glare"
        self._end(frame["call"])

    def _read_error(self, frame: Frame) -> None:
        assert frame["code"] in {"answer_timeout", "peer_gone", "draining"}
        self._end(frame["call"])

    def _read_going_away(self, frame: Frame) -> None:
        pass

    def _end(self, call: str) -> None:
        del self.calls[call]
        if call in self.ringing:
            self.ringing.remove(call)

    # Its books

    def calls_but_with(self, other: Sitter, table: str) -> set[str]:
        """Its calls, without those that end when this member is sent away from that table."""
        with_other = (other.peer, table)
        return {call for call, at in self.calls.items() if at != with_other and not (self is other and at[1] == table)}
