"""One whole call between two clients at a table, and what each must have got of it, whatever their connections did."""

import uuid
from typing import Any

from tests.core.wording import ANSWER, CANDIDATE, LATER_OFFER, OFFER
from tests.resumingclient import ResumingClient

_ANSWERED = ("ack", "joined", "error")


async def hold(ada: ResumingClient, bob: ResumingClient) -> None:
    """They sit down, set up a call with candidates both ways, negotiate once more, and hang up.

    Raises AssertionError when anything is lost, comes twice or out of order, or either is seen leaving.
    """
    call = str(uuid.uuid4())
    one, other = Speaker(ada, call), Speaker(bob, call)
    await _sit_down(one, other, table := f"table {call[:8]}")
    one.say_in_call("offer", to=bob.peer, description=OFFER, table=table)
    one.trickle("1", "2")
    await bob.expect("offer", call=call)
    other.say_in_call("answer", description=ANSWER)
    other.trickle("3", "4", None)
    await ada.expect("answer", call=call)
    one.trickle("5", None)
    await bob.expect("candidate", candidate=None)
    other.say_in_call("offer", description=LATER_OFFER)
    await ada.expect("offer", call=call)
    one.say_in_call("answer", description=ANSWER)
    await bob.expect("answer", call=call)
    one.say_in_call("hangup", reason="done")
    await bob.expect("hangup", call=call)
    await one.is_answered()
    await other.is_answered()
    one.got([("answer", None), *candidates("3", "4", None), ("offer", None)], others={"peer_joined"})
    other.got([("offer", None), *candidates("1", "2", "5", None), ("answer", None), ("hangup", None)], others=set())


async def _sit_down(one: "Speaker", other: "Speaker", table: str) -> None:
    one.say("join", table=table)
    await one.client.expect("joined", table=table)
    other.say("join", table=table)
    await other.client.expect("joined", table=table)
    await one.client.expect("peer_joined", peer=other.client.peer)


def candidates(*names: str | None) -> list[tuple[str, str | None]]:
    """As `Speaker.got` has them."""
    return [("candidate", name) for name in names]


class Speaker:
    """One party: each of its messages has an id, by which it is answered exactly once."""

    def __init__(self, client: ResumingClient, call: str) -> None:
        self.client = client
        self._call = call
        self._ids: list[str] = []

    def say(self, kind: str, **fields: Any) -> None:
        """A message with the next id."""
        self._ids.append(f"m{len(self._ids) + 1}")
        self.client.say(kind, id=self._ids[-1], **fields)

    def say_in_call(self, kind: str, **fields: Any) -> None:
        """In their call."""
        self.say(kind, call=self._call, **fields)

    def trickle(self, *names: str | None) -> None:
        """A candidate for each name; None is the end of candidates."""
        for name in names:
            self.say_in_call("candidate", candidate=None if name is None else {**CANDIDATE, "candidate": name})

    async def is_answered(self) -> None:
        """Returns when its last message is."""
        await self.client.expect("ack", id=self._ids[-1])

    def got(self, relayed: list[tuple[str, str | None]], others: set[str]) -> None:
        """Of the call exactly this, in this order; of the table only such; and each message answered once, in order."""
        frames = self.client.received
        answered = [frame.get("id") for frame in frames if frame["type"] in _ANSWERED]
        assert answered == self._ids, f"answered {answered} of {self._ids}"
        assert not [frame for frame in frames if frame["type"] == "error"]
        of_call = [frame for frame in frames if frame.get("call") == self._call and frame["type"] not in _ANSWERED]
        assert [(frame["type"], _name(frame)) for frame in of_call] == relayed
        rest = {frame["type"] for frame in frames if "call" not in frame and frame["type"] not in _ANSWERED}
        assert rest == others, f"seen besides: {rest}"


def _name(frame: dict[str, Any]) -> str | None:
    candidate = frame.get("candidate")
    return None if candidate is None else str(candidate["candidate"])
