"""What clients send and get, as values to compare with: everything but `seq` and the sentences for people."""

from typing import Any

Frame = dict[str, Any]

HOME = "https://signal.example.org"
"""The public address of the server under test."""

ADA = "ada00000-0000-4000-8000-000000000001"
BOB = "b0b00000-0000-4000-8000-000000000002"
EVE = "e0e00000-0000-4000-8000-000000000003"
NOBODY = "00b0d100-0000-4000-8000-00000000dead"
"""A peer who never comes."""

CALL = "5a0c1f5e-3f0b-4d51-9c1d-6c2f5c0d7a11"
SMALLER = "11111111-3f0b-4d51-9c1d-6c2f5c0d7a11"
LARGER = "eeeeeeee-3f0b-4d51-9c1d-6c2f5c0d7a11"

OFFER = {"type": "offer", "sdp": "v=0\r\ns=offer\r\n"}
ANSWER = {"type": "answer", "sdp": "v=0\r\ns=answer\r\n"}
LATER_OFFER = {"type": "offer", "sdp": "v=0\r\ns=later offer\r\n"}
CANDIDATE = {
    "candidate": "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host",
    "sdpMid": "0",
    "sdpMLineIndex": 0,
    "usernameFragment": "EsAw",
}


def ack(message_id: str, state: str = "delivered", **more: Any) -> Frame:
    """The acknowledgement of the message with this `id`."""
    return {"type": "ack", "id": message_id, "state": state, **more}


def error(code: str, **more: Any) -> Frame:
    """An error without its sentence: a refusal, or with `call` and no `id` the outcome of an offer."""
    return {"type": "error", "code": code, **more}


def refusal(code: str, message_id: str, about: str, call: str | None = CALL, **more: Any) -> Frame:
    """The error that answers the message with this `id`."""
    named = {"call": call} if call is not None else {}
    return error(code, id=message_id, about=about, **named, **more)


def offer(from_: str, call: str = CALL, **more: Any) -> Frame:
    """A first offer as its callee gets it, unless `more` says otherwise."""
    usual = {"description": OFFER, "polite": True, "trickle": True, "expires": 30}
    return {"type": "offer", "call": call, "from": from_, **usual, **more}


def answer(from_: str, call: str = CALL, **more: Any) -> Frame:
    """An answer as it is delivered."""
    return {"type": "answer", "call": call, "from": from_, "description": ANSWER, **more}


def candidate(from_: str, call: str = CALL, **more: Any) -> Frame:
    """A candidate as it is delivered."""
    return {"type": "candidate", "call": call, "from": from_, **(more or {"candidate": CANDIDATE})}


def reject(from_: str, reason: str, call: str = CALL) -> Frame:
    """A rejection as it is delivered."""
    return {"type": "reject", "call": call, "from": from_, "reason": reason}


def hangup(from_: str, reason: str = "done", call: str = CALL) -> Frame:
    """A hang-up as it is delivered."""
    return {"type": "hangup", "call": call, "from": from_, "reason": reason}
