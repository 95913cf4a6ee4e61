"""docs/asyncapi.yaml: a valid AsyncAPI 3.0 document, and one contract with the codec."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from signalling import messages
from signalling.codes import AckState, CandidateType, ErrorCode, Reason, ReportState
from signalling.names import MAX_CHARACTERS
from tests.documents import read_yaml
from tests.strictframes import FRAMES, UNNUMBERED, decode_frame

STRUCTURE = yaml.safe_load((Path(__file__).parent / "asyncapi.schema.yaml").read_text(encoding="utf-8"))
DOCUMENT = read_yaml("asyncapi.yaml")
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
REGISTRY: Registry[Any] = Registry().with_resource("urn:document", Resource.from_contents(DOCUMENT, DRAFT7))
HTTP_ONLY = {ErrorCode.REJECTED, ErrorCode.LOOP}

CLIENT_MESSAGES = {f"client-{kind.__struct_config__.tag}": kind for kind in get_args(messages.ClientMessage)}
SERVER_MESSAGES = {f"server-{kind}": frame for kind, frame in FRAMES.items()}
EXAMPLES = [
    pytest.param(name, example["payload"], id=f"{name}-{example['name']}")
    for name, message in MESSAGES.items()
    for example in message["examples"]
]

CALL = "5a0c1f5e-3f0b-4d51-9c1d-6c2f5c0d7a11"
BAD: list[dict[str, Any]] = [
    {"type": "hello", "id": "x" * 65},
    {"type": "hello", "seq": -1},
    {"type": "hello", "name": 7},
    {"type": "offer", "call": CALL},
    {"type": "offer", "call": "5a0c1f5e", "description": {"type": "offer", "sdp": ""}},
    {"type": "offer", "call": CALL, "description": {"type": "answer", "sdp": ""}},
    {"type": "offer", "call": CALL, "description": {"type": "offer"}},
    {"type": "offer", "call": CALL, "description": {"type": "offer", "sdp": "", "more": []}},
    {"type": "offer", "call": CALL, "description": {"type": "offer", "sdp": ""}, "trickle": "no"},
    {"type": "answer", "call": CALL, "description": {"type": "offer", "sdp": ""}},
    {"type": "candidate", "call": CALL},
    {"type": "candidate", "call": CALL, "candidate": None, "candidates": [None]},
    {"type": "candidate", "call": CALL, "candidates": []},
    {"type": "candidate", "call": CALL, "candidates": [{}] * 33},
    {"type": "candidate", "call": CALL, "candidate": {"sdpMLineIndex": 65_536}},
    {"type": "candidate", "call": CALL, "candidate": {"more": {}}},
    {"type": "reject", "call": CALL, "reason": "bored"},
    {"type": "hangup", "call": CALL, "reason": "Done"},
    {"type": "hangup", "call": CALL, "reason": "x" * 33},
    *({"type": "hangup", "call": CALL, "reason": reason} for reason in Reason),
    {"type": "report", "call": CALL},
    {"type": "report", "state": "connected"},
    {"type": "report", "call": CALL, "state": "checking"},
    {"type": "report", "call": CALL, "state": "connected", "local": "192.0.2.1"},
    {"type": "report", "call": CALL, "state": "failed", "remote": ["host"]},
    {"type": "join"},
    {"type": "join", "table": ["camelot"]},
    {"type": "join", "table": "camelot", "password": "x" * 257},
    {"type": "join", "table": "camelot", "password": 7},
    {"type": "join", "table": "camelot", "capacity": 0},
    {"type": "join", "table": "camelot", "capacity": 1.5},
    {"type": "join", "table": "camelot", "create": "no"},
    {"type": "leave"},
    {"type": "lock", "table": "camelot"},
    {"type": "lock", "table": "camelot", "locked": 1},
    {"type": "kick", "table": "camelot"},
    {"type": "kick", "table": "camelot", "peer": "Ada"},
]


def payload_validator(message: str) -> Draft7Validator:
    reference = {"$ref": f"urn:document#/components/messages/{message}/payload"}
    return Draft7Validator(reference, registry=REGISTRY)


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def properties_of(message: str) -> dict[str, bool]:
    """The payload's properties but for `type`, and whether each is required."""
    payload = MESSAGES[message]["payload"]
    assert "type" in payload["required"]
    assert set(payload["required"]) <= payload["properties"].keys()
    return {name: name in payload["required"] for name in payload["properties"] if name != "type"}


def fields_of(struct: type[msgspec.Struct]) -> dict[str, bool]:
    return {field.encode_name: field.required for field in msgspec.structs.fields(struct)}


def test_the_document_is_asyncapi_3() -> None:
    Draft7Validator.check_schema(STRUCTURE)
    Draft7Validator(STRUCTURE).validate(DOCUMENT)


def test_the_structure_refuses_what_asyncapi_has_not() -> None:
    wrong = json.loads(json.dumps(DOCUMENT))
    wrong["operations"]["hello"]["action"] = "publish"
    assert not Draft7Validator(STRUCTURE).is_valid(wrong)


def test_every_reference_resolves_and_every_component_is_used() -> None:
    used = set(references(DOCUMENT))
    resolver = REGISTRY.resolver("urn:document")
    for reference in used:
        resolver.lookup(reference)
    components = {f"#/components/{kind}/{name}" for kind, named in DOCUMENT["components"].items() for name in named}
    assert components <= used


def test_references_have_no_siblings_which_draft_7_would_ignore() -> None:
    def check(node: object) -> None:
        if isinstance(node, dict):
            assert "$ref" not in node or len(node) == 1
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            check(child)

    check(DOCUMENT)


def test_every_message_is_in_the_channel_and_in_an_operation_of_its_direction() -> None:
    channel = DOCUMENT["channels"]["signal"]
    assert {name: ref["$ref"] for name, ref in channel["messages"].items()} == {
        name: f"#/components/messages/{name}" for name in MESSAGES
    }
    said: dict[str, set[str]] = {"client": set(), "server": set()}
    for operation in DOCUMENT["operations"].values():
        own, other = ("client", "server") if operation["action"] == "receive" else ("server", "client")
        said[own].update(name_of(ref) for ref in operation["messages"])
        said[other].update(name_of(ref) for ref in operation.get("reply", {"messages": []})["messages"])
    assert said["client"] == set(CLIENT_MESSAGES)
    assert said["server"] == set(SERVER_MESSAGES)


def name_of(reference: dict[str, str]) -> str:
    return reference["$ref"].rpartition("/")[2]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_named_after_its_type(name: str) -> None:
    message = MESSAGES[name]
    assert message["payload"]["properties"]["type"] == {"const": message["name"]}
    assert name.partition("-")[2] == message["name"]


@pytest.mark.parametrize(("name", "struct"), CLIENT_MESSAGES.items())
def test_what_clients_send_has_the_fields_of_the_codec(name: str, struct: type[messages.Message]) -> None:
    assert properties_of(name) == fields_of(struct)


@pytest.mark.parametrize(("name", "struct"), SERVER_MESSAGES.items())
def test_what_clients_get_has_the_fields_of_the_codec(name: str, struct: type[msgspec.Struct]) -> None:
    kind = name.partition("-")[2]
    numbered = {} if kind in UNNUMBERED else {"seq": kind != "error"}
    assert properties_of(name) == fields_of(struct) | numbered


@pytest.mark.parametrize(("name", "payload"), EXAMPLES)
def test_an_example_is_valid_for_its_schema_and_for_the_codec(name: str, payload: dict[str, Any]) -> None:
    payload_validator(name).validate(payload)
    text = json.dumps(payload)
    if name.startswith("client-"):
        message = messages.decode(text)
        assert payload.keys() <= {"type", *type(message).__struct_encode_fields__}
    else:
        decode_frame(text)


@pytest.mark.parametrize("payload", BAD, ids=json.dumps)
def test_schema_and_codec_refuse_alike(payload: dict[str, Any]) -> None:
    assert not payload_validator(f"client-{payload['type']}").is_valid(payload)
    with pytest.raises(messages.BadFrame):
        messages.decode(json.dumps(payload))


def test_enumerations_are_those_of_the_code() -> None:
    assert SCHEMAS["errorCode"]["enum"] == [code for code in ErrorCode if code not in HTTP_ONLY]
    assert SCHEMAS["serverReason"]["enum"] == list(Reason)
    assert MESSAGES["server-ack"]["payload"]["properties"]["state"]["enum"] == list(AckState)
    assert set(MESSAGES["server-peer_left"]["payload"]["properties"]["reason"]["enum"]) == {
        "left",
        *set(Reason) - {Reason.GLARE, Reason.TIMEOUT},
    }
    assert SCHEMAS["candidateType"]["enum"] == [*get_args(CandidateType), None]
    assert MESSAGES["client-report"]["payload"]["properties"]["state"]["enum"] == list(get_args(ReportState))
    assert SCHEMAS["tableName"]["maxLength"] == MAX_CHARACTERS
    assert SCHEMAS["candidates"]["maxItems"] == messages.MAX_CANDIDATES
    for name in ("client-reject", "server-reject"):
        reasons = MESSAGES[name]["payload"]["properties"]["reason"]["enum"]
        assert reasons == list(get_args(messages.RejectReason))
