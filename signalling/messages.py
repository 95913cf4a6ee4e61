"""The messages that clients send over the WebSocket: what they hold and how they are read. Pure.

`description` and `candidate` are checked and otherwise kept as the bytes that came (`msgspec.Raw`), so that a relayed
SDP is not decoded and encoded again. Which message is allowed when is decided in calls.py and switchboard.py, not here.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from signalling.codes import CandidateType, ErrorCode, Reason, ReportState
from signalling.identity import canonical_uuid

MAX_CANDIDATES = 32

MessageId = Annotated[str, Meta(max_length=64)]
Password = Annotated[str, Meta(max_length=256)]
HangupReason = Annotated[str, Meta(pattern=r"^[a-z][a-z_]{0,31}\Z")]
RejectReason = Literal["busy", "declined", "unsupported", "failed", "glare"]
Sequence = Annotated[int, Meta(ge=0, le=2**53)]
Scalar = str | int | float | bool | None
"""W3C's dictionaries hold scalars only; this bounds the nesting, and the integers, of what is relayed."""


class BadFrame(Exception):
    """A frame that is no message: the code, a sentence for people, and what could still be read of it."""

    def __init__(self, code: ErrorCode, detail: str, envelope: "Envelope | None" = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.envelope = envelope or Envelope()


def _uuid(field: str, text: str) -> str:
    """The UUID in lower case. Raises ValueError, which makes the frame a bad one."""
    uuid = canonical_uuid(text)
    if uuid is None:
        raise ValueError(f"{field} must be a UUID")
    return uuid


class Envelope(Struct, frozen=True):
    """What an error repeats of the message that it refuses."""

    id: str | UnsetType = UNSET
    about: str | UnsetType = UNSET
    call: str | UnsetType = UNSET


class Message(Struct, tag_field="type", tag=str.lower, kw_only=True):
    """Every message may carry an `id` of the client's own, by which the reply names it."""

    id: MessageId | UnsetType = UNSET


class CallMessage(Message):
    """A message within a call, whose id is in lower case from here on."""

    call: str

    def __post_init__(self) -> None:
        self.call = _uuid("call", self.call)


class Hello(Message):
    peer: str | None = None
    name: str | None = None
    resume: str | None = None
    proof: str | None = None
    seq: Sequence = 0


class Offer(CallMessage):
    description: Raw
    to: str | None = None
    table: str | None = None
    trickle: bool = True


class Answer(CallMessage):
    description: Raw


class Candidate(CallMessage):
    candidate: Raw | UnsetType = UNSET
    candidates: Raw | UnsetType = UNSET


class Reject(CallMessage):
    reason: RejectReason = "declined"


class Hangup(CallMessage):
    reason: HangupReason = "done"


class Report(CallMessage):
    state: ReportState
    local: CandidateType | None = None
    remote: CandidateType | None = None


class IceServers(Message, tag="ice_servers"):
    pass


class Ping(Message):
    pass


class Bye(Message):
    pass


class Join(Message):
    table: str
    password: Password | None = None
    capacity: Annotated[int, Meta(ge=1)] | None = None
    create: bool = True


class Leave(Message):
    table: str


class Lock(Message):
    table: str
    locked: bool


class Kick(Message):
    table: str
    peer: str

    def __post_init__(self) -> None:
        self.peer = _uuid("peer", self.peer)


ClientMessage = (
    Hello | Offer | Answer | Candidate | Reject | Hangup | Report | IceServers | Ping | Bye | Join | Leave | Lock | Kick
)


class _IceCandidate(Struct):
    """W3C RTCIceCandidateInit; the relay needs its shape only."""

    candidate: str = ""
    sdpMid: str | None = None
    sdpMLineIndex: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    usernameFragment: str | None = None


class _PlainIceCandidate(_IceCandidate, forbid_unknown_fields=True):
    """One with nothing besides, as nearly all are: then there is nothing else to look at."""


_SERVER_REASONS = frozenset(Reason)
_PLAIN_OPENING = {"offer": b'{"type":"offer","sdp":"', "answer": b'{"type":"answer","sdp":"'}
_PLAIN_END = b'"}'

_message: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_dictionary = msgspec.json.Decoder(dict[str, Scalar])
_candidate = msgspec.json.Decoder(_IceCandidate | None)
_plain_candidate = msgspec.json.Decoder(_PlainIceCandidate | None)
_candidate_list = msgspec.json.Decoder(list[Raw])
_anything = msgspec.json.Decoder(Any)


def size_of(text: str | bytes) -> int:
    """The bytes of a frame's text in UTF-8."""
    return len(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))


def is_longer(text: str | bytes, limit: int) -> bool:
    """Whether the frame has more than `limit` bytes, without encoding one that cannot."""
    if isinstance(text, bytes) or len(text) > limit:
        return len(text) > limit
    return 4 * len(text) > limit and len(text.encode()) > limit


def decode(text: str | bytes) -> ClientMessage:
    """The message of one text frame. Raises BadFrame with `bad_json`, `bad_message` or `unknown_type`."""
    try:
        message = _message.decode(text)
        check = _CHECKS.get(type(message))
        if check is not None:
            check(message)
    except (ValueError, RecursionError) as error:
        raise _refusal(text, error) from error
    return message


def envelope_of(message: ClientMessage) -> Envelope:
    """What an error about this message repeats of it."""
    call = message.call if isinstance(message, CallMessage) else UNSET
    return Envelope(id=message.id, about=type_of(message), call=call)


def type_of(message: Message) -> str:
    """The message's `type` on the wire."""
    return _TYPE_OF[type(message)]


def check_description(description: Raw, expected: Literal["offer", "answer"]) -> None:
    """Raises ValueError unless this is an RTCSessionDescriptionInit of the expected type."""
    if is_plain(bytes(description), expected):
        return
    fields = _dictionary.decode(description)
    if fields.get("type") != expected:
        raise ValueError(f"description.type must be {expected!r}")
    if not isinstance(fields.get("sdp"), str):
        raise ValueError("description.sdp must be a string")


def is_plain(description: bytes, expected: Literal["offer", "answer"]) -> bool:
    """Whether it is as browsers write it, of type and SDP and nothing besides.

    That it is JSON, and its strings good ones, is known already: msgspec reads over all that it does not decode. So
    where the first quotation mark in it is the last one, nothing follows the SDP.
    """
    opening = _PLAIN_OPENING[expected]
    ends = len(description) - len(_PLAIN_END)
    return description.startswith(opening) and description.find(b'"', len(opening)) == ends and description.isascii()


def _check_offer(message: Any) -> None:
    check_description(message.description, "offer")


def _check_answer(message: Any) -> None:
    check_description(message.description, "answer")


def _check_hangup(message: Any) -> None:
    if message.reason in _SERVER_REASONS:
        raise ValueError(f"reason {message.reason!r} is the server's to give")


def _check_candidates(message: Any) -> None:
    if (message.candidate is UNSET) == (message.candidates is UNSET):
        raise ValueError("exactly one of candidate and candidates is expected")
    if message.candidate is not UNSET:
        _check_candidate(message.candidate)
    if message.candidates is not UNSET:
        _check_candidate_list(message.candidates)


def _check_candidate_list(relayed: Raw) -> None:
    candidates = _candidate_list.decode(relayed)
    if not 1 <= len(candidates) <= MAX_CANDIDATES:
        raise ValueError(f"candidates must be a list of 1 to {MAX_CANDIDATES}")
    for candidate in candidates:
        _check_candidate(candidate)


def _check_candidate(candidate: Raw) -> None:
    try:
        _plain_candidate.decode(candidate)
    except ValueError:
        _check_odd_candidate(candidate)


def _check_odd_candidate(candidate: Raw) -> None:
    if _candidate.decode(candidate) is not None:
        _dictionary.decode(candidate)


def _refusal(text: str | bytes, error: Exception) -> BadFrame:
    """Which of the three codes; read leniently, for the path of errors only."""
    try:
        decoded = _anything.decode(text)
    except (ValueError, RecursionError) as cause:
        return BadFrame(ErrorCode.BAD_JSON, f"not JSON: {_reason(cause)}")
    if not isinstance(decoded, dict):
        return BadFrame(ErrorCode.BAD_MESSAGE, "a message is a JSON object with a type")
    envelope = _envelope(decoded)
    if not isinstance(decoded.get("type"), str):
        return BadFrame(ErrorCode.BAD_MESSAGE, "a message needs a type, which is a string", envelope)
    if envelope.about not in _TYPES:
        return BadFrame(ErrorCode.UNKNOWN_TYPE, "there is no message of this type", envelope)
    return BadFrame(ErrorCode.BAD_MESSAGE, _reason(error), envelope)


def _envelope(decoded: dict[str, Any]) -> Envelope:
    def text(name: str) -> str | UnsetType:
        value = decoded.get(name)
        return value if isinstance(value, str) and len(value) <= 64 else UNSET

    call = text("call")
    return Envelope(id=text("id"), about=text("type"), call=call.lower() if isinstance(call, str) else UNSET)


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeError):
        return "not UTF-8"
    return str(error)


_CHECKS: dict[type[Message], Callable[[Any], None]] = {
    Offer: _check_offer,
    Answer: _check_answer,
    Candidate: _check_candidates,
    Hangup: _check_hangup,
}
"""What is to be looked at in what is relayed, and msgspec cannot be told."""
_TYPE_OF: dict[type[Message], str] = {kind: str(kind.__struct_config__.tag) for kind in get_args(ClientMessage)}
_TYPES = frozenset(_TYPE_OF.values())
