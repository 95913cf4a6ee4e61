"""The table: what either party may say in a call in which state, and what comes of it."""

import pytest

from signalling.calls import ALLOWED, Stage
from signalling.messages import Answer, Candidate, Hangup, Offer, Reject, Report
from tests.core.client import Client
from tests.core.scene import Scene
from tests.core.wording import LATER_OFFER, ack, answer, candidate, hangup, offer, refusal, reject

MESSAGES = {
    "offer": (Offer, Client.renegotiate),
    "answer": (Answer, Client.answer),
    "reject": (Reject, Client.reject),
    "candidate": (Candidate, Client.trickle),
    "hangup": (Hangup, Client.hang_up),
    "report": (Report, Client.report),
}

TABLE = """
    stage      sender   offer       answer      reject      candidate  hangup     report
    dialling   caller   call_state  call_state  call_state  delivered  delivered  call_state
    ringing    callee   call_state  delivered   delivered   delivered  delivered  call_state
    stable     caller   delivered   call_state  call_state  delivered  delivered  done
    stable     callee   delivered   call_state  call_state  delivered  delivered  done
    waiting    caller   call_state  call_state  call_state  delivered  delivered  done
    waiting    callee   call_state  call_state  call_state  delivered  delivered  done
    crossed    caller   call_state  dropped     dropped     delivered  delivered  done
    crossed    callee   call_state  dropped     dropped     delivered  delivered  done
    asked      caller   delivered   delivered   delivered   delivered  delivered  done
    asked      callee   dropped     delivered   delivered   delivered  delivered  done
    lapsed     caller   delivered   dropped     dropped     delivered  delivered  done
    lapsed     callee   delivered   dropped     dropped     delivered  delivered  done
"""
HEADER, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    (stage, sender, kind, verdict)
    for stage, sender, *verdicts in ROWS
    for kind, verdict in zip(HEADER[2:], verdicts, strict=True)
]


def bring_to(stage: str, scene: Scene, sender: Client, other: Client, *, is_caller: bool) -> None:
    """The call stands at this stage as its sender sees it."""
    if stage == "dialling":
        scene.dialled(sender, other)
        return
    if stage == "ringing":
        scene.dialled(other, sender)
        return
    scene.established(*((sender, other) if is_caller else (other, sender)))
    if stage in ("asked", "lapsed", "crossed"):
        other.renegotiate()
    if stage == "lapsed" or (stage == "crossed" and not is_caller):
        sender.reject()  # the polite side's own offer makes none void, so the other's has to lapse first
    if stage in ("waiting", "crossed"):
        sender.renegotiate()
    sender.takes()
    other.takes()


@pytest.mark.parametrize(("stage", "sender", "kind", "verdict"), CELLS, ids=["-".join(cell[:3]) for cell in CELLS])
def test_what_may_be_said_when(
    scene: Scene, ada: Client, bob: Client, stage: str, sender: str, kind: str, verdict: str
) -> None:
    bring_to(stage, scene, ada, bob, is_caller=sender == "caller")
    _, say = MESSAGES[kind]
    say(ada, id="a")
    if verdict == "call_state":
        assert ada.takes_one() == refusal("call_state", "a", kind)
    else:
        assert ada.takes_one() == ack("a", verdict)
    delivered = {
        "offer": offer(ada.peer, description=LATER_OFFER, polite=sender == "caller"),
        "answer": answer(ada.peer),
        "reject": reject(ada.peer, "declined"),
        "candidate": candidate(ada.peer),
        "hangup": hangup(ada.peer),
    }
    assert bob.takes() == ([delivered[kind]] if verdict == "delivered" else [])


def test_the_table_has_a_verdict_for_each_message_at_each_stage() -> None:
    assert {kind: set(verdicts) for kind, verdicts in ALLOWED.items()} == {
        kind: set(Stage) for kind, _ in MESSAGES.values()
    }
    assert {(stage, kind) for stage, _, kind, _ in CELLS} == {
        (stage.name.lower(), kind) for stage in Stage for kind in MESSAGES
    }
