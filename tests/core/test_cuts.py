"""A call whose connection is cut at every frame boundary: nothing is lost, nothing comes twice, in either direction.

The client does what docs/protocol.md says under "Resuming", and nothing else. The same over real sockets is in
tests/faults.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.core.scene import Scene, new_proof
from tests.core.wording import ANSWER, CALL, CANDIDATE, LATER_OFFER, OFFER, Frame

if TYPE_CHECKING:
    from collections.abc import Collection

    from signalling.codes import CloseCode
    from signalling.sessions import Connection

COMPLETE = {"candidate": None}


class Traveller:
    """A client whose connection is cut before its n-th frame, counted in both directions, for each n of `cuts`."""

    def __init__(self, scene: Scene, number: int, cuts: Collection[int] = (), *, noticed: bool = True) -> None:
        self.scene = scene
        self.peer, self._proof = new_proof(number)
        self.cuts = cuts
        self.noticed = noticed
        """The server sees that the connection is lost before the client is back."""
        self.got: list[Frame] = []
        self.seq = 0
        self.crossed = 0
        """Frames that crossed the wire or were lost at a cut, both ways."""
        self._sent: list[str] = []
        self._secret: str | None = None
        self._line: Line | None = None

    def arrive(self) -> None:
        """Connects, until it is welcome."""
        while self._line is None or self._line.is_cut:
            if self._line is not None and self.noticed:
                self.scene.switchboard.lose(self._line.connection, self.scene.now)
                self.scene.perform()
            self._line = Line(self)
            resume = {} if self._secret is None else {"resume": self._secret, "seq": self.seq}
            self._line.write(json.dumps({"type": "hello", "peer": self.peer, "proof": self._proof, **resume}))

    def say(self, kind: str, **fields: Any) -> None:
        """Says it, as often as it takes."""
        text = json.dumps({"type": kind, "id": f"m{len(self._sent) + 1}", **fields})
        self._sent.append(text)
        assert self._line is not None
        self._line.write(text)
        self.arrive()

    def check(self) -> None:
        """Notices a cut that happened while it said nothing."""
        self.arrive()

    def crosses(self) -> bool:
        """Whether the next frame, in whichever direction, gets through."""
        self.crossed += 1
        return self.crossed not in self.cuts

    def reads(self, frame: Frame) -> None:
        """One frame that got through."""
        if frame["type"] == "welcome":
            self._is_welcome(frame)
            return
        assert frame["seq"] == self.seq + 1, "nothing is lost, nothing comes twice"
        self.seq += 1
        self.got.append(frame)

    def _is_welcome(self, welcome: Frame) -> None:
        assert welcome["resumed"] == (self._secret is not None)
        self._secret = welcome["resume"]
        for text in self._sent[welcome.get("received", 0) :]:
            assert self._line is not None
            self._line.write(text)


class Line:
    """One of its connections."""

    def __init__(self, traveller: Traveller) -> None:
        self._traveller = traveller
        self._outgoing: list[str] = []
        self.is_cut = False
        scene = traveller.scene
        self.connection: Connection = scene.switchboard.open(
            self, source=traveller.peer, home="", from_browser=False, now=scene.now
        )

    def write(self, text: str) -> None:
        """To the server, after what is on its way already: a client writes while the server does."""
        self._outgoing.append(text)
        if len(self._outgoing) > 1:
            return
        while self._outgoing:
            self._cross_to_server(self._outgoing[0])
            self._outgoing.pop(0)

    def _cross_to_server(self, text: str) -> None:
        if self.is_cut or not self._traveller.crosses():
            self.is_cut = True
            return
        self._traveller.scene.receive(self, text)

    def send(self, frame: bytes) -> None:
        """From the server."""
        if self.is_cut or not self._traveller.crosses():
            self.is_cut = True
            return
        self._traveller.reads(json.loads(frame))

    def close(self, code: CloseCode, reason: str) -> None:
        """The server closes."""
        self.is_cut = True


def converse(
    cuts_of_ada: Collection[int] = (), cuts_of_bob: Collection[int] = (), noticed: bool = True
) -> list[Traveller]:
    """A call from its first offer over a renegotiation to its end."""
    scene = Scene(connections_per_address=1_000, resume_seconds=30)
    ada = Traveller(scene, 1, cuts_of_ada, noticed=noticed)
    bob = Traveller(scene, 2, cuts_of_bob, noticed=noticed)
    ada.arrive()
    bob.arrive()
    talk: list[tuple[Traveller, str, dict[str, Any]]] = [
        (ada, "offer", {"to": bob.peer, "description": OFFER}),
        (ada, "candidate", {"candidate": CANDIDATE}),
        (ada, "candidate", COMPLETE),
        (bob, "answer", {"description": ANSWER}),
        (bob, "candidate", {"candidates": [CANDIDATE, CANDIDATE]}),
        (bob, "candidate", COMPLETE),
        (bob, "offer", {"description": LATER_OFFER}),
        (ada, "answer", {"description": ANSWER}),
        (ada, "hangup", {"reason": "done"}),
    ]
    for speaker, kind, fields in talk:
        speaker.say(kind, call=CALL, **fields)
        ada.check()
        bob.check()
    return [ada, bob]


def normal(traveller: Traveller) -> list[Frame]:
    return [
        {**frame, "state": "passed on"} if frame.get("state") in {"held", "delivered"} else frame
        for frame in traveller.got
    ]


UNCUT = converse()
BOUNDARIES = max(traveller.crossed for traveller in UNCUT)


def test_without_a_cut_both_say_and_get_what_the_call_takes() -> None:
    ada, bob = UNCUT
    assert [frame["type"] for frame in bob.got if frame["type"] != "ack"] == [
        "offer",
        "candidate",
        "candidate",
        "answer",
        "hangup",
    ]
    assert sum(frame["type"] == "ack" for frame in ada.got + bob.got) == 9
    assert BOUNDARIES > 15


def converse_twice(cuts: set[int], *, noticed: bool) -> list[list[list[Frame]]]:
    """What both get when those frames of the caller, and then of the callee, do not get through."""
    runs = (converse(cuts, noticed=noticed), converse((), cuts, noticed=noticed))
    return [[normal(traveller) for traveller in run] for run in runs]


EXPECTED = [[normal(traveller) for traveller in UNCUT]] * 2


@pytest.mark.parametrize("noticed", [True, False], ids=["the loss is noticed", "the loss is not noticed"])
@pytest.mark.parametrize("boundary", range(1, BOUNDARIES + 1))
def test_r10_a_call_cut_at_any_frame_boundary_loses_nothing_and_repeats_nothing(boundary: int, noticed: bool) -> None:
    assert converse_twice({boundary}, noticed=noticed) == EXPECTED


@pytest.mark.parametrize("later", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("boundary", range(1, BOUNDARIES + 1))
def test_r10_the_new_connection_may_be_cut_too_its_welcome_included(boundary: int, later: int) -> None:
    for noticed in (True, False):
        assert converse_twice({boundary, boundary + later}, noticed=noticed) == EXPECTED


def test_r10_both_may_be_cut_again_and_again() -> None:
    for period in range(3, 9):
        cuts = set(range(period, 200, period))
        assert [normal(traveller) for traveller in converse(cuts, cuts)] == EXPECTED[0]
