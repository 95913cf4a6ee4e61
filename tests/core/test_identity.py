"""UUIDs, ids that certify themselves, and identifiers."""

import base64
import hashlib
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.identity import (
    NIL_UUID,
    BadIdentifier,
    PeerID,
    canonical_uuid,
    certified_id,
    decode_identifier,
    encode_identifier,
    encode_proof,
    go_uuid,
    is_self_certifying,
    peer_id,
    proves,
)
from tests.core.wording import ADA

SECRET = bytes(range(32))
CERTIFIED = "630dcd29-66c4-8336-9a44-495122eec96d"
PROOF = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
secrets = st.binary(min_size=32, max_size=32)


# UUIDs


def test_a_uuid_is_written_in_lower_case() -> None:
    assert canonical_uuid(ADA.upper()) == ADA


@pytest.mark.parametrize(
    "text", ["", "x", ADA[:-1], ADA + "0", ADA + "\n", " " + ADA, ADA.replace("-", ""), f"{{{ADA}}}"]
)
def test_what_is_not_written_with_hyphens_is_no_uuid(text: str) -> None:
    assert canonical_uuid(text) is None


@pytest.mark.parametrize("digit", ["g", "٣", "1\u0660"])
def test_the_digits_of_a_uuid_are_hexadecimal_and_ascii(digit: str) -> None:
    assert canonical_uuid(digit + ADA[len(digit) :]) is None


@pytest.mark.parametrize(
    "text",
    [ADA, ADA.upper(), ADA.replace("-", ""), f"{{{ADA}}}", f"urn:uuid:{ADA}", f"URN:UUID:{ADA.upper()}"],
)
def test_a_go_client_writes_uuids_in_any_of_these_ways(text: str) -> None:
    assert go_uuid(text) == ADA


def test_a_go_client_means_all_zeros_by_null() -> None:
    assert go_uuid(None) == NIL_UUID


@pytest.mark.parametrize(
    "value",
    ["", "x", 1, True, [], {}, ADA[:-1], f"{{{ADA}", f"{{{ADA.replace('-', '')}}}", f"urn:uuid:{{{ADA}}}", f"({ADA})"],
)
def test_anything_else_is_no_uuid(value: object) -> None:
    with pytest.raises(BadIdentifier):
        go_uuid(value)


# Ids that certify themselves


def test_the_id_of_a_known_proof() -> None:
    assert certified_id(SECRET) == CERTIFIED
    assert encode_proof(SECRET) == PROOF
    assert proves(CERTIFIED, PROOF)


@given(secrets)
def test_a_certified_id_is_a_uuid_of_version_8(secret: bytes) -> None:
    certified = uuid.UUID(certified_id(secret))
    assert certified.version == 8
    assert certified.variant == uuid.RFC_4122


@given(secrets)
def test_its_122_free_bits_in_order_are_the_leading_bits_of_the_hash(secret: bytes) -> None:
    bits = f"{uuid.UUID(certified_id(secret)).int:0128b}"
    free = bits[:48] + bits[52:64] + bits[66:]
    assert free == f"{int.from_bytes(hashlib.sha256(secret).digest(), 'big'):0256b}"[:122]


@given(secrets)
def test_only_its_own_proof_proves_an_id(secret: bytes) -> None:
    assert proves(certified_id(secret), encode_proof(secret))
    assert not proves(certified_id(secret), encode_proof(bytes([secret[0] ^ 1]) + secret[1:]))


def test_ids_of_version_8_certify_themselves_and_others_prove_nothing() -> None:
    assert is_self_certifying(CERTIFIED)
    assert not is_self_certifying(ADA)
    assert not is_self_certifying(NIL_UUID)
    assert not is_self_certifying("630dcd29-66c4-8336-ca44-495122eec96d")  # not of the RFC's variant
    assert not proves(ADA, PROOF)


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "=",
        "x",
        "\x00",
        "é" * 43,
        "A" * 42,
        "A" * 43,
        "A" * 44,
        "A" * 65_000,
        PROOF[:-1],
        PROOF + "AA",
        f" {PROOF}",
        PROOF + "\n",
    ],
)
def test_what_is_not_the_proof_proves_nothing(proof: str) -> None:
    assert not proves(CERTIFIED, proof)


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_a_proof_has_thirty_two_bytes_whatever_its_hash_is(size: int) -> None:
    assert not proves(certified_id(bytes(size)), encode_proof(bytes(size)))


# Identifiers


def test_an_identifier_is_what_the_roundtable_client_encodes() -> None:
    text = base64.b64decode(encode_identifier(PeerID(ADA, "http://192.0.2.7:1066")))
    assert text == b'{"Uuid":"' + ADA.encode() + b'","PublicIP":"http://192.0.2.7:1066"}'


@given(st.uuids(), st.text(max_size=100))
def test_an_identifier_is_read_back(number: uuid.UUID, public_ip: str) -> None:
    peer = PeerID(str(number), public_ip)
    assert decode_identifier(encode_identifier(peer)) == peer


@pytest.mark.parametrize(
    ("written", "peer"),
    [
        ({}, PeerID(NIL_UUID, "")),
        ({"Uuid": None, "PublicIP": None}, PeerID(NIL_UUID, "")),
        ({"UUID": ADA.upper(), "publicip": "http://a"}, PeerID(ADA, "http://a")),
        ({"uuid": f"{{{ADA}}}", "PUBLICIP": "http://a", "Name": ["ignored"]}, PeerID(ADA, "http://a")),
    ],
)
def test_an_identifier_is_read_as_go_reads_it(written: dict[str, object], peer: PeerID) -> None:
    assert decode_identifier(base64.b64encode(json.dumps(written).encode()).decode()) == peer


def encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "not base64!",
        encoded(b""),
        encoded(b"x"),
        encoded(b"[]"),
        encoded(b"null"),
        encoded(b'"x"'),
        encoded(b'{"Uuid":1}'),
        encoded(b'{"Uuid":"x"}'),
        encoded(b'{"PublicIP":1}'),
        encoded(b'{"PublicIP":["http://a"]}'),
        encoded(b'{"Uuid":"\xff"}'),
        encoded(b'{"x":"\\ud800"}'),
        encoded(b"[" * 1_400),
        encoded(b'{"x":' * 200),
        encoded(b'{"Uuid":null}').rstrip("="),
        encoded(b'{"PublicIP":"http://a/?\xc3\xbf\xc3\xbf"}').replace("/", "_").replace("+", "-") + "_",
        encoded(b'{"PublicIP":"' + b"a" * 2_000 + b'"}'),
        "é",
    ],
    ids=lambda text: text[:20] or "empty",
)
def test_what_is_no_identifier_is_refused(text: str) -> None:
    with pytest.raises(BadIdentifier):
        decode_identifier(text)


def test_a_peer_is_an_object() -> None:
    with pytest.raises(BadIdentifier):
        peer_id([])
