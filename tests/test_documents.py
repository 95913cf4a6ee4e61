"""docs/protocol.md: each example is a message of the codec, and each message, field and code of the codec is in it."""

import json
import re
from typing import Any, get_args

import msgspec
import pytest

from signalling import messages
from signalling.codes import AckState, CloseCode, ErrorCode, Reason
from signalling.identity import decode_identifier, encode_identifier, is_self_certifying, peer_id, proves
from signalling.limits import Limits
from signalling.posted import decode_answer, decode_request
from tests.core.scene import Scene
from tests.documents import Line, anchors, conversation, fenced_blocks, read_markdown, section, table, tables
from tests.strictframes import FRAMES, UNNUMBERED, decode_frame

PROTOCOL = read_markdown("protocol.md")
BLOCKS = fenced_blocks(PROTOCOL)
CONVERSATIONS = [conversation(block) for block in BLOCKS if block.info.startswith("conversation")]
LINES = [line for lines in CONVERSATIONS for line in lines]
CLIENT_MESSAGES = {str(kind.__struct_config__.tag): kind for kind in get_args(messages.ClientMessage)}
HELLOS_AT_THE_TABLE = {
    "Ada": {
        "peer": "630dcd29-66c4-8336-9a44-495122eec96d",
        "proof": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "name": "Ada",
    },
    "Grace": {"peer": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "name": "Grace"},
    "Linus": {"peer": "a3bb189e-8bf9-4f9e-9d4f-3c3a6f2d7b10"},
}
HTTP_ONLY = {ErrorCode.REJECTED, ErrorCode.LOOP}


def bodies(info: str) -> list[bytes]:
    found = [block.body.encode() for block in BLOCKS if block.info == info]
    assert found, f"the document has no example of {info!r}"
    return found


def fields_of(struct: type[msgspec.Struct]) -> dict[str, bool]:
    """The fields on the wire, and whether each is always there."""
    return {field.encode_name: field.required for field in msgspec.structs.fields(struct)}


def reference(title: str) -> dict[str, dict[str, bool]]:
    """The message reference under this heading: fields by message, and whether each is needed."""
    described: dict[str, dict[str, bool]] = {}
    for part in section(PROTOCOL, title).split("\n#### ")[1:]:
        name, _, text = part.partition("\n")
        rows = [row for found in tables(text) for row in found]
        assert {row["needed"] for row in rows} <= {"yes", "no"}
        described[name] = {row["field"]: row["needed"] == "yes" for row in rows}
    return described


# Examples


def test_every_fenced_block_is_of_a_kind_that_a_test_reads() -> None:
    kinds = {
        "conversation",
        "conversation resume",
        "conversation table",
        "json request",
        "json answer",
        "json problem",
        "json identifier",
        "python",
    }
    assert {block.info for block in BLOCKS} == kinds


@pytest.mark.parametrize("line", [line for line in LINES if line.direction == "→"], ids=lambda line: line.text[:40])
def test_what_a_client_sends_is_a_message_with_known_fields_only(line: Line) -> None:
    message = messages.decode(line.text)
    assert line.message.keys() <= {"type", *type(message).__struct_encode_fields__}


@pytest.mark.parametrize("line", [line for line in LINES if line.direction == "←"], ids=lambda line: line.text[:40])
def test_what_a_client_gets_is_a_frame_of_the_server(line: Line) -> None:
    decode_frame(line.text)


def test_every_message_has_an_example() -> None:
    assert {line.message["type"] for line in LINES if line.direction == "→"} == set(CLIENT_MESSAGES)
    assert {line.message["type"] for line in LINES if line.direction == "←"} == set(FRAMES)


def test_errors_in_examples_have_codes_of_the_websocket() -> None:
    codes = {line.message["code"] for line in LINES if line.message["type"] == "error"}
    assert codes and codes.isdisjoint(HTTP_ONLY)


def test_frames_are_numbered_one_by_one() -> None:
    for lines in CONVERSATIONS:
        for party in {line.party for line in lines}:
            found = [line.message["seq"] for line in lines if line.party == party and is_numbered(line)]
            assert found == list(range(found[0] if found else 0, found[-1] + 1 if found else 0))


def is_numbered(line: Line) -> bool:
    return line.direction == "←" and line.message["type"] not in UNNUMBERED and "seq" in line.message


def test_only_errors_before_the_welcome_have_no_number() -> None:
    for lines in CONVERSATIONS:
        kinds = {line.message["type"] for line in lines}
        for line in lines:
            if line.direction == "←" and line.message["type"] not in UNNUMBERED and "seq" not in line.message:
                assert line.message["type"] == "error"
                assert "hello" in kinds and "welcome" not in kinds


def test_a_message_with_an_id_is_answered_by_the_next_frame() -> None:
    answered = 0
    for lines in CONVERSATIONS:
        for position, line in enumerate(lines):
            if line.direction == "→" and "id" in line.message:
                received = [later for later in lines[position:] if later.direction == "←" and later.party == line.party]
                assert received[0].message["id"] == line.message["id"]
                answered += 1
    assert answered


def test_the_server_writes_ids_in_lower_case() -> None:
    for line in LINES:
        if line.direction == "←":
            ids = [line.message[name] for name in ("peer", "call", "from") if name in line.message]
            assert ids == [found.lower() for found in ids]


def test_a_welcome_fits_together() -> None:
    welcomes = [line.message for line in LINES if line.message["type"] == "welcome"]
    assert welcomes
    for welcome in welcomes:
        assert decode_identifier(welcome["identifier"]).uuid == welcome["peer"]
        assert is_self_certifying(welcome["peer"]) == ("proof" in welcome or welcome["resumed"])
        assert welcome["resumed"] == ("received" in welcome)
        assert "proof" not in welcome or proves(welcome["peer"], welcome["proof"])


def test_an_identifier_is_base64_of_the_example() -> None:
    for body in bodies("json identifier"):
        peer = peer_id(msgspec.json.decode(body))
        assert encode_identifier(peer) in PROTOCOL


def test_bodies_of_http_are_read_by_the_codec() -> None:
    requests = [decode_request(body) for body in bodies("json request")]
    answers = [decode_answer(body) for body in bodies("json answer")]
    assert {request.call for request in requests} == {answer.call for answer in answers}


def test_a_problem_has_a_code_and_the_status_of_its_row() -> None:
    for body in bodies("json problem"):
        problem = msgspec.json.decode(body)
        assert problem.keys() >= {"type", "title", "status", "detail", "instance", "code"}
        assert problem["code"] in codes_by_status()[problem["status"]]


def test_the_recipe_for_an_identity_makes_one_that_the_server_believes() -> None:
    (recipe,) = [block.body for block in BLOCKS if block.info == "python"]
    made: dict[str, Any] = {}
    exec(recipe, made)  # noqa: S102 (it is our own document)
    assert proves(made["peer"], made["proof"])


class Party:
    """Somebody with a connection, who keeps what is sent to it."""

    def __init__(self, scene: Scene, name: str) -> None:
        self.received: list[dict[str, Any]] = []
        home = "https://signal.example.org"
        self.connection = scene.switchboard.open(self, source=name, home=home, from_browser=False, now=scene.now)

    def send(self, frame: bytes) -> None:
        self.received.append(msgspec.json.decode(frame))

    def close(self, code: CloseCode, reason: str) -> None:
        raise AssertionError(f"closed with {code}: {reason}")


class Stage:
    """A server with the default limits, on which conversations happen, and the parties that have connected."""

    def __init__(self) -> None:
        self._scene = Scene(lambda count: bytes(range(count)), resume_seconds=Limits().resume_seconds)
        self.parties: dict[str, Party] = {}

    def connect(self, name: str, hello: str | None = None) -> Party:
        """Somebody with a connection; who has said hello has read its welcome."""
        party = self.parties[name] = Party(self._scene, name)
        if hello is not None:
            self.say(name, hello)
            assert party.received.pop()["type"] == "welcome"
        return party

    def lose(self, name: str) -> None:
        """Their connection is lost."""
        self._scene.switchboard.lose(self.parties[name].connection, self._scene.now)
        self._scene.perform()

    def say(self, name: str, text: str) -> None:
        self._scene.receive(self.parties[name], text)

    def happens(self, lines: list[Line]) -> None:
        """Every party says its lines, in their order, and gets exactly the frames that are promised."""
        for line in lines:
            if line.direction == "→":
                self.say(line.party, line.text)
        for name, party in self.parties.items():
            told = [line.message for line in lines if line.direction == "←" and line.party == name]
            for frame, promised in zip(party.received, told, strict=True):
                if frame["type"] == "welcome":  # which shows some of the limits only
                    assert promised["limits"].items() <= frame["limits"].items()
                    frame["limits"], frame["resume"] = promised["limits"], promised["resume"]
                assert frame == promised


def test_the_first_conversation_happens_as_written() -> None:
    lines = CONVERSATIONS[0]
    stage = Stage()
    stage.connect("Ada")
    grace = next(line.message["to"] for line in lines if line.message["type"] == "offer")
    stage.connect("Grace", f'{{"type":"hello","peer":"{grace}"}}')
    stage.happens(lines)


def test_the_conversations_at_a_table_happen_as_written() -> None:
    stage = Stage()
    for party, hello in HELLOS_AT_THE_TABLE.items():
        stage.connect(party, msgspec.json.encode({"type": "hello", **hello}).decode())
    stage.happens([line for block in BLOCKS if block.info == "conversation table" for line in conversation(block)])


def test_the_resumption_happens_as_written() -> None:
    (lines,) = [conversation(block) for block in BLOCKS if block.info == "conversation resume"]
    call, grace = lines[2].message["call"], lines[2].message["from"]
    stage = Stage()
    stage.connect("Ada", json.dumps({"type": "hello", **HELLOS_AT_THE_TABLE["Ada"]}))
    stage.connect("Grace", json.dumps({"type": "hello", "peer": grace}))
    offer = {"type": "offer", "sdp": "v=0"}
    stage.say("Ada", json.dumps({"type": "offer", "id": "a", "call": call, "to": grace, "description": offer}))
    stage.say("Ada", json.dumps({"type": "candidate", "call": call, "candidate": None}))
    stage.lose("Ada")
    stage.say("Grace", json.dumps({**lines[2].message, "to": None, "seq": None}))
    stage.say("Grace", json.dumps({"type": "candidate", "call": call, "candidate": None}))
    stage.parties["Grace"].received.clear()
    stage.connect("Ada")
    stage.happens(lines)


# Tables


def codes_by_status() -> dict[int, set[str]]:
    """The codes that `POST /signal` may answer with each status."""
    found: dict[int, set[str]] = {}
    for row in table(section(PROTOCOL, "HTTP: POST /signal"), "status"):
        found.setdefault(int(row["status"]), set()).update(re.findall(r"[a-z_]+", row["code"]))
    return found


def test_each_message_of_a_client_is_described_field_by_field() -> None:
    expected = {kind: fields_of(message) for kind, message in CLIENT_MESSAGES.items()}
    for fields in expected.values():
        del fields["id"]  # described once for all
    assert reference("What you send") == expected


def test_each_frame_of_the_server_is_described_field_by_field() -> None:
    assert reference("What you get") == {kind: fields_of(frame) for kind, frame in FRAMES.items()}


def test_each_error_code_is_explained() -> None:
    rows = table(section(PROTOCOL, "Errors"), "code")
    assert [row["code"] for row in rows] == list(ErrorCode)
    assert all(row["when"] and row["what to do"] for row in rows)


def test_each_close_code_is_explained() -> None:
    rows = table(section(PROTOCOL, "Close codes and reconnecting"), "code")
    assert [int(row["code"]) for row in rows] == sorted(CloseCode)
    for row in rows:
        reconnects = row["then"].startswith("Reconnect")
        assert reconnects == (4000 <= int(row["code"]) < 4500)


def test_each_reason_and_state_is_explained() -> None:
    assert [row["reason"] for row in table(section(PROTOCOL, "Ending"), "reason")] == list(Reason)
    assert [row["state"] for row in table(section(PROTOCOL, "Acknowledgements"), "state")] == list(AckState)


def test_codes_of_http_are_error_codes() -> None:
    codes = set().union(*codes_by_status().values())
    assert HTTP_ONLY <= codes <= set(ErrorCode)


def test_limits_have_their_defaults() -> None:
    told, others = tables(section(PROTOCOL, "Limits"))
    assert {row["limit"]: float(row["default"]) for row in told} == welcomed('{"type":"hello"}')["limits"]
    for row in others:
        assert float(row["default"]) == getattr(Limits(), row["limit"])


def welcomed(hello: str) -> dict[str, Any]:
    """What a server with the default limits welcomes with."""
    stage = Stage()
    somebody = stage.connect("somebody")
    stage.say("somebody", hello)
    (welcome,) = somebody.received
    return welcome


def test_links_within_the_document_lead_somewhere() -> None:
    links = re.findall(r"\]\(#([^)]+)\)", PROTOCOL)
    assert links and set(links) <= anchors(PROTOCOL)
