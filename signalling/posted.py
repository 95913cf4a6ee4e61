"""The JSON bodies of `POST /signal`, as the Go clients write and read them. Pure.

Go's decoder is lenient, and so is this one: names in any case, unknown ones ignored, UUIDs in several forms, zeros for
null and missing. What it reads may go on to a WebSocket, so descriptions come out as W3C's RTCSessionDescriptionInit.
"""

from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from signalling.codes import ErrorCode
from signalling.identity import NIL_UUID, BadIdentifier, PeerID, canonical_uuid, fold_names, go_uuid, peer_id
from signalling.messages import BadFrame, is_plain

DescriptionType = Literal["offer", "answer"]
_NOBODY = PeerID(NIL_UUID, "")


class PostedOffer(Struct, frozen=True):
    """What a request holds: `call` is its OfferUUID, `description` the offer as UTF-8 JSON."""

    answering: PeerID
    offering: PeerID
    call: str
    description: bytes


class PostedAnswer(Struct, frozen=True):
    """What an answer holds: `call` is its OfferUUID, `description` the answer as UTF-8 JSON."""

    call: str
    description: bytes


class _Peer(Struct, rename={"uuid": "Uuid", "public_ip": "PublicIP"}, forbid_unknown_fields=True):
    uuid: str
    public_ip: str


class _Request(
    Struct,
    rename={
        "answering": "AnsweringPeerID",
        "offering": "OfferingPeerID",
        "call": "OfferUUID",
        "description": "WebRTCSessionDescription",
    },
    forbid_unknown_fields=True,
):
    answering: _Peer
    offering: _Peer
    call: str
    description: Raw


class _Response(Struct, rename={"call": "OfferUUID", "description": "WebRTCSessionDescription"}):
    call: str
    description: Raw


_plain_request = msgspec.json.Decoder(_Request)
_anything = msgspec.json.Decoder(Any)
_members = msgspec.json.Decoder(dict[str, Raw])
_encoder = msgspec.json.Encoder()


def decode_request(body: bytes) -> PostedOffer:
    """The offer of a request's body.

    Raises BadFrame with `bad_json` or `bad_message`; its detail repeats nothing of the body. An answering peer without
    UUID and address has nowhere to be and is `bad_message`; an OfferUUID of zeros is a call id like any other. Whether
    its PublicIP is an address is not looked at here.
    """
    plain = _decode_plain(body)
    if plain is not None:
        return plain
    fields = _decode_object(body)
    answering, offering = _read_peer(fields, "AnsweringPeerID"), _read_peer(fields, "OfferingPeerID")
    if answering == _NOBODY:
        raise _bad_message("AnsweringPeerID names neither a peer nor an address")
    return PostedOffer(answering, offering, _read_call(fields), _read_description(body, fields, "offer"))


def _decode_plain(body: bytes) -> PostedOffer | None:
    """The offer of a request as the Go client writes it: its names, nothing besides, and ASCII.

    Anything else is read by those who know what is allowed; it takes them several times as long.
    """
    try:
        request = _plain_request.decode(body) if body.isascii() else None
    except (ValueError, RecursionError):
        return None
    if request is None:
        return None
    answering, offering, call = map(canonical_uuid, (request.answering.uuid, request.offering.uuid, request.call))
    description = bytes(request.description)
    if answering is None or offering is None or call is None or not is_plain(description, "offer"):
        return None
    answerer = PeerID(answering, request.answering.public_ip)
    if answerer == _NOBODY:
        return None
    return PostedOffer(answerer, PeerID(offering, request.offering.public_ip), call, description)


def encode_request(answering: PeerID, offering: PeerID, call: str, description: bytes) -> bytes:
    """A request's body as the Go client writes it; `description` is the offer as UTF-8 JSON."""
    request = _Request(
        _Peer(answering.uuid, answering.public_ip), _Peer(offering.uuid, offering.public_ip), call, Raw(description)
    )
    return _encoder.encode(request)


def decode_answer(body: bytes) -> PostedAnswer:
    """The answer of a response's body. Raises BadFrame like decode_request."""
    fields = _decode_object(body)
    return PostedAnswer(_read_call(fields), _read_description(body, fields, "answer"))


def encode_answer(call: str, description: bytes) -> bytes:
    """A response's body as the Go client reads it; `description` is the answer as UTF-8 JSON."""
    return _encoder.encode(_Response(call, Raw(description)))


def _decode_object(body: bytes) -> dict[str, Any]:
    """All of it is decoded, what is not read included: it may be posted on, and the next decoder shall not choke."""
    try:
        body.decode("utf-8")
        decoded = _anything.decode(body)
    except UnicodeDecodeError:
        raise BadFrame(ErrorCode.BAD_JSON, "the body is not UTF-8") from None
    except RecursionError:
        raise BadFrame(ErrorCode.BAD_JSON, "the body is nested too deeply") from None
    except ValueError:
        raise BadFrame(ErrorCode.BAD_JSON, "the body is not JSON") from None
    if not isinstance(decoded, dict):
        raise _bad_message("the body must be a JSON object")
    return fold_names(decoded)


def _read_peer(fields: dict[str, Any], name: str) -> PeerID:
    value = fields.get(name.casefold())
    if value is None:
        return _NOBODY
    try:
        return peer_id(value)
    except BadIdentifier as error:
        raise _bad_message(f"{name}: {error}") from None


def _read_call(fields: dict[str, Any]) -> str:
    try:
        return go_uuid(fields.get("offeruuid"))
    except BadIdentifier as error:
        raise _bad_message(f"OfferUUID: {error}") from None


def _read_description(body: bytes, fields: dict[str, Any], expected: DescriptionType) -> bytes:
    """The description in W3C's form: the bytes that came when they are of it already, else written anew."""
    decoded = fields.get("webrtcsessiondescription")
    if not isinstance(decoded, dict):
        raise _bad_message("WebRTCSessionDescription must be an object with type and sdp")
    description = fold_names(decoded)
    kind, sdp = description.get("type"), description.get("sdp")
    if not isinstance(kind, str) or kind.lower() != expected:
        raise _bad_message(f"WebRTCSessionDescription.type must be {expected}")
    if not isinstance(sdp, str):
        raise _bad_message("WebRTCSessionDescription.sdp must be a string")
    if decoded == {"type": expected, "sdp": sdp}:
        return bytes(fold_names(_members.decode(body))["webrtcsessiondescription"])
    return _encoder.encode({"type": expected, "sdp": sdp})


def _bad_message(detail: str) -> BadFrame:
    return BadFrame(ErrorCode.BAD_MESSAGE, detail)
