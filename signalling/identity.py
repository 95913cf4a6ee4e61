"""Who a peer is: UUIDs, ids that certify themselves, and the identifiers that users hand to each other. Pure."""

import base64
import binascii
import hashlib
import hmac
import re
from functools import lru_cache
from typing import Any

import msgspec

NIL_UUID = "00000000-0000-0000-0000-000000000000"
UUID_PATTERN = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\Z"
UUID_CHARACTERS = 36
PROOF_BYTES = 32
MAX_IDENTIFIER_CHARACTERS = 2048

_CANONICAL = re.compile(UUID_PATTERN)
_BARE = re.compile(r"[0-9a-fA-F]{32}")
_LOW_62_BITS = (1 << 62) - 1


class BadIdentifier(ValueError):
    """The text is no UUID, or no identifier; the message says which part is wrong and is safe to show."""


class PeerID(msgspec.Struct, frozen=True):
    """Where a peer is: its UUID (lower case) and the URL prefix of the server at which it can be reached."""

    uuid: str
    public_ip: str


def canonical_uuid(text: str) -> str | None:
    """The lower-case form of a UUID written with hyphens (RFC 9562, section 4), or None."""
    return _canonical(text) if len(text) == UUID_CHARACTERS else None


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str | None:
    """Every candidate names its call, so most are asked about many times."""
    return text.lower() if _CANONICAL.match(text) else None


def forget_uuids() -> None:
    """Drops what is kept of those that were asked about."""
    _canonical.cache_clear()


def go_uuid(value: object) -> str:
    """The UUID of a Go client's JSON, which may be bare hex, in braces, a `urn:uuid:`, or null for all zeros.

    Raises BadIdentifier for anything else.
    """
    if value is None:
        return NIL_UUID
    if not isinstance(value, str):
        raise BadIdentifier("a UUID must be a string")
    text = value
    if text[:9].lower() == "urn:uuid:":
        text = text[9:]
    elif len(text) == 38 and text[0] == "{" and text[-1] == "}":
        text = text[1:-1]
    elif _BARE.fullmatch(text):
        text = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    canonical = canonical_uuid(text)
    if canonical is None:
        raise BadIdentifier("not a UUID")
    return canonical


def certified_id(proof: bytes) -> str:
    """The version-8 UUID (RFC 9562, section 5.8) whose 122 free bits are the leading bits of SHA-256 of `proof`."""
    bits = int.from_bytes(hashlib.sha256(proof).digest()[:16], "big") >> 6
    first_48, next_12, last_62 = bits >> 74, bits >> 62 & 0xFFF, bits & _LOW_62_BITS
    number = first_48 << 80 | 0x8 << 76 | next_12 << 64 | 0b10 << 62 | last_62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_self_certifying(peer: str) -> bool:
    """Whether this canonical UUID is of version 8 and of the RFC's variant, so that only its proof gives it away."""
    return peer[14] == "8" and peer[19] in "89ab"


def proves(peer: str, proof: str) -> bool:
    """Whether `proof` (base64url without padding, 32 bytes) is the proof of this canonical id; in constant time."""
    if not is_self_certifying(peer):
        return False
    try:
        secret = base64.b64decode(proof + "=" * (-len(proof) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(secret) == PROOF_BYTES and hmac.compare_digest(certified_id(secret), peer)


def encode_proof(proof: bytes) -> str:
    """The proof as clients write it: base64url without padding."""
    return base64.urlsafe_b64encode(proof).rstrip(b"=").decode("ascii")


def encode_identifier(peer: PeerID) -> str:
    """What users hand to each other: base64 of the JSON that the Roundtable client writes."""
    text = msgspec.json.encode({"Uuid": peer.uuid, "PublicIP": peer.public_ip})
    return base64.b64encode(text).decode("ascii")


def decode_identifier(text: str) -> PeerID:
    """The peer of an identifier. Raises BadIdentifier."""
    if len(text) > MAX_IDENTIFIER_CHARACTERS:
        raise BadIdentifier("not an identifier: too long")
    try:
        decoded = msgspec.json.decode(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadIdentifier("not an identifier: base64 of a JSON object is expected") from error
    return peer_id(decoded)


def peer_id(decoded: object) -> PeerID:
    """A Go client's `PeerID` from decoded JSON: names in any case, unknown ones ignored. Raises BadIdentifier."""
    if not isinstance(decoded, dict):
        raise BadIdentifier("a peer must be an object with Uuid and PublicIP")
    fields = fold_names(decoded)
    public_ip = fields.get("publicip")
    if public_ip is None:
        public_ip = ""
    if not isinstance(public_ip, str):
        raise BadIdentifier("PublicIP must be a string")
    return PeerID(go_uuid(fields.get("uuid")), public_ip)


def fold_names(decoded: dict[str, Any]) -> dict[str, Any]:
    """Go reads names without regard to case, and the last of two that are alike wins."""
    return {name.casefold(): value for name, value in decoded.items()}
