"""A client on one WebSocket of the scene: what it says, and what it gets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.core.wording import ANSWER, CALL, CANDIDATE, LATER_OFFER, OFFER, Frame
from tests.strictframes import UNNUMBERED, decode_frame

if TYPE_CHECKING:
    from signalling.codes import CloseCode
    from signalling.sessions import Connection
    from tests.core.scene import Scene


class Client:
    """Says messages and takes frames; it is also the `Wire` of its connection.

    Every frame is decoded strictly, and its `seq` is checked: 1, 2, 3, … once welcome, and none before.
    """

    connection: Connection

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._inbox: list[Frame] = []
        self.welcome: Frame | None = None
        self.closed: CloseCode | None = None
        self.is_lost = False
        """Nothing reaches it any more."""
        self.reason = ""
        """Why it was closed, as the close frame has it."""
        self.seq = 0
        """Of the last frame."""
        self.raw = b""
        """The last frame, as its bytes came."""

    @property
    def peer(self) -> str:
        """Its id, once welcome."""
        assert self.welcome is not None
        peer: str = self.welcome["peer"]
        return peer

    # As its transport

    def send(self, frame: bytes) -> None:
        """One frame from the server; after a close there is none."""
        if self.closed is not None or self.is_lost:
            return
        decode_frame(frame.decode())
        self.raw, decoded = frame, json.loads(frame)
        if decoded["type"] == "welcome":
            assert self.welcome is None, "a connection is welcome once"
            self.welcome = dict(decoded)
            self.seq = self.seq if decoded["resumed"] else 0
        elif decoded["type"] in UNNUMBERED or self.welcome is None:
            assert "seq" not in decoded
        else:
            self.seq += 1
            assert decoded.pop("seq") == self.seq, "seq has no gaps"
        if decoded["type"] == "error":
            assert decoded.pop("message"), "an error has a sentence for people"
        self._inbox.append(decoded)

    def close(self, code: CloseCode, reason: str) -> None:
        """The server closes."""
        assert len(reason.encode()) <= 123, "RFC 6455, section 5.5"
        if self.closed is None:
            self.closed, self.reason = code, reason

    # What it gets

    def takes(self) -> list[Frame]:
        """The frames that came since it last looked, without `seq` and the sentences of errors."""
        frames, self._inbox = self._inbox, []
        return frames

    def peek(self) -> list[Frame]:
        """The same frames, which it still has to take."""
        return list(self._inbox)

    def takes_welcome(self) -> Frame:
        """The first frame that came, which is a welcome; those that were replayed stay."""
        welcome = self._inbox.pop(0)
        assert welcome["type"] == "welcome"
        return welcome

    def takes_one(self) -> Frame:
        """The only frame that came since it last looked."""
        (frame,) = self.takes()
        return frame

    # What it says

    def say(self, kind: str, **fields: Any) -> None:
        """A message of this type; fields that are None are left out."""
        self.write(json.dumps({"type": kind, **{name: value for name, value in fields.items() if value is not None}}))

    def write(self, text: str | bytes) -> None:
        """Any text frame."""
        self.scene.receive(self, text)

    def hello(self, **fields: Any) -> None:
        """Says hello."""
        self.say("hello", **fields)

    def dial(self, to: Client | str, call: str = CALL, id: str | None = "dial", **fields: Any) -> None:
        """Makes a first offer."""
        callee = to.peer if isinstance(to, Client) else to
        self.say("offer", **{"id": id, "call": call, "to": callee, "description": OFFER, **fields})

    def renegotiate(self, call: str = CALL, **fields: Any) -> None:
        """Makes a later offer."""
        self.say("offer", **{"call": call, "description": LATER_OFFER, **fields})

    def answer(self, call: str = CALL, **fields: Any) -> None:
        """Answers the other's offer."""
        self.say("answer", **{"call": call, "description": ANSWER, **fields})

    def reject(self, call: str = CALL, **fields: Any) -> None:
        """Rejects the other's offer."""
        self.say("reject", call=call, **fields)

    def trickle(self, call: str = CALL, **fields: Any) -> None:
        """Sends a candidate."""
        self.say(
            "candidate", **{"call": call, **(fields if "candidates" in fields else {"candidate": CANDIDATE} | fields)}
        )

    def hang_up(self, call: str = CALL, **fields: Any) -> None:
        """Ends the call, or withdraws the offer."""
        self.say("hangup", call=call, **fields)

    def report(self, call: str = CALL, state: str = "connected", **fields: Any) -> None:
        """Tells how the connection is."""
        self.say("report", call=call, state=state, **fields)

    def is_served(self) -> bool:
        """Whether the connection still works: a ping is answered."""
        self.takes()
        self.say("ping", id="still there")
        return self.takes() == [{"type": "pong", "id": "still there"}]
