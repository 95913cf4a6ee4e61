"""What a text frame may hold: messages, their defaults, and what is refused with which code."""

import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from signalling import messages
from signalling.codes import ErrorCode
from signalling.messages import BadFrame, Envelope, decode
from tests.core.wording import ANSWER, BOB, CALL, CANDIDATE, OFFER

NESTED = "[" * 30_000 + "]" * 30_000
LONG_INTEGER = "9" * 5_000


def decoded(kind: str, **fields: Any) -> messages.ClientMessage:
    return decode(json.dumps({"type": kind, **fields}))


def refused(text: str | bytes) -> BadFrame:
    with pytest.raises(BadFrame) as caught:
        decode(text)
    return caught.value


def refused_message(kind: str, **fields: Any) -> BadFrame:
    return refused(json.dumps({"type": kind, **fields}))


# What is read


def test_a_hello_has_only_optional_fields() -> None:
    assert decode('{"type":"hello"}') == messages.Hello()


def test_a_field_that_is_null_is_as_good_as_missing_where_it_is_optional() -> None:
    assert decoded("hello", peer=None, name=None, proof=None) == messages.Hello()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type":"ping"}', messages.Ping()),
        ('{"type":"bye","id":"b"}', messages.Bye(id="b")),
        ('{"type":"ice_servers","id":""}', messages.IceServers(id="")),
        (f'{{"type":"reject","call":"{CALL}"}}', messages.Reject(call=CALL, reason="declined")),
        (f'{{"type":"hangup","call":"{CALL}"}}', messages.Hangup(call=CALL, reason="done")),
        (
            f'{{"call":"{CALL}","type":"hangup","reason":"lunch_break"}}',
            messages.Hangup(call=CALL, reason="lunch_break"),
        ),
    ],
)
def test_messages_are_read(text: str, message: messages.ClientMessage) -> None:
    assert decode(text) == message


@pytest.mark.parametrize("reason", ["busy", "declined", "unsupported", "failed", "glare"])
def test_a_callee_may_reject_for_these_reasons(reason: str) -> None:
    assert decoded("reject", call=CALL, reason=reason) == messages.Reject(call=CALL, reason=reason)  # type: ignore[arg-type]


def test_a_call_is_in_lower_case_whatever_was_sent() -> None:
    assert decoded("hangup", call=CALL.upper()) == messages.Hangup(call=CALL)


def test_unknown_fields_are_ignored() -> None:
    assert decoded("ping", id="p", colour="red", seq=[{}], to={"a": None}) == messages.Ping(id="p")


def test_an_offer_is_trickled_unless_it_says_otherwise() -> None:
    offer = decoded("offer", call=CALL, to=BOB, description=OFFER)
    assert isinstance(offer, messages.Offer)
    assert (offer.to, offer.trickle, offer.table) == (BOB, True, None)


@pytest.mark.parametrize(
    "text", ['{"type":"offer", "sdp" : "\\u0041\\/ä"}', '{"sdp":"","x":1.50,"type":"offer","y":null}']
)
def test_a_description_stays_as_its_bytes_came(text: str) -> None:
    offer = decode(f'{{"type":"offer","call":"{CALL}","description": {text} }}')
    assert isinstance(offer, messages.Offer)
    assert bytes(offer.description) == text.encode()


@pytest.mark.parametrize(
    "description",
    [
        '{"type":"offer","sdp":"v=0","x":[[]]}',
        '{"type":"offer","sdp":"v=0","x":{"y":"z"}}',
        '{"type":"offer","sdp":"","sdp":{}}',
        '{"type":"offer","sdp":"","type":"answer"}',
        '{"type":"offer","sdp":"a","x":["b"]}',
        '{"type":"answer","sdp":"v=0"}',
        '{"typo":"offer","sdp":"v=0"}',
        '{"type":"offer","sdp":["v=0"]}',
    ],
)
def test_what_only_looks_like_a_plain_description_is_none(description: str) -> None:
    text = f'{{"type":"offer","call":"{CALL}","to":"{BOB}","description":{description}}}'
    assert refused(text).code == ErrorCode.BAD_MESSAGE


@pytest.mark.parametrize("end", ["}", '" }', '"\n}', '","x":1}'])
def test_a_description_may_end_as_its_author_likes(end: str) -> None:
    start = '{"type":"offer","sdp":"v=0' + ('"' if end == "}" else "")
    offer = decode(f'{{"type":"offer","call":"{CALL}","to":"{BOB}","description":{start}{end}}}')
    assert isinstance(offer, messages.Offer) and bytes(offer.description) == f"{start}{end}".encode()


def test_t15_a_plain_description_of_octets_that_are_no_utf_8_is_bad_json() -> None:
    frame = f'{{"type":"offer","call":"{CALL}","to":"{BOB}","description":{{"type":"offer","sdp":"v=0\xff"}}}}'
    assert refused(frame.encode("latin-1")).code == ErrorCode.BAD_JSON


@pytest.mark.parametrize(
    "candidate",
    ["null", "{}", '{"candidate":""}', '{ "sdpMid":null,"sdpMLineIndex":65535,"x":true}', json.dumps(CANDIDATE)],
)
def test_a_candidate_is_any_candidate_init_or_null_and_stays_as_it_came(candidate: str) -> None:
    message = decode(f'{{"type":"candidate","call":"{CALL}","candidate":{candidate}}}')
    assert isinstance(message, messages.Candidate)
    assert bytes(message.candidate) == candidate.encode()  # type: ignore[arg-type]


def test_thirty_two_candidates_come_at_once_and_not_one_more() -> None:
    message = decoded("candidate", call=CALL, candidates=[CANDIDATE] * 32)
    assert isinstance(message, messages.Candidate)
    assert refused_message("candidate", call=CALL, candidates=[CANDIDATE] * 33).code == ErrorCode.BAD_MESSAGE


def test_an_id_has_at_most_sixty_four_characters() -> None:
    assert decoded("ping", id="ä" * 64) == messages.Ping(id="ä" * 64)
    refusal = refused_message("ping", id="ä" * 65)
    assert (refusal.code, refusal.envelope) == (ErrorCode.BAD_MESSAGE, Envelope(about="ping"))


# What is refused


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        '{"type":"ping"',
        '{"type":"ping"}{',
        "{'type':'ping'}",
        '{"type":"ping",}',
        "ping",
        '\ufeff{"type":"ping"}',
        '{"type":"ping","x":NaN}',
        '{"type":"ping","x":Infinity}',
        '{"type":"ping","x":"\\ud800"}',
        '{"type":"ping","x":"\\udc00\\ud800"}',
        '{"type":"ping","x":"tab\there"}',
        f'{{"type":"ping","x":{NESTED}}}',
        NESTED,
        '{"type":' * 10_000,
    ],
    ids=lambda text: text[:24],
)
def test_what_is_not_json_is_bad_json(text: str) -> None:
    refusal = refused(text)
    assert (refusal.code, refusal.envelope) == (ErrorCode.BAD_JSON, Envelope())


HOSTILE = {
    "nested deeply": NESTED,
    "an integer of 5,000 digits": LONG_INTEGER,
    "NaN": "NaN",
    "a number that is infinite": "1e999",
    "a lone surrogate": '"\\ud800"',
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize(
    "frame",
    [
        '{{"type":"offer","call":"{call}","description":{{"type":"offer","sdp":"v=0","x":{value}}}}}',
        '{{"type":"offer","call":"{call}","description":{{"type":"offer","sdp":{value}}}}}',
        '{{"type":"answer","call":"{call}","description":{value}}}',
        '{{"type":"candidate","call":"{call}","candidate":{{"candidate":"","x":{value}}}}}',
        '{{"type":"candidate","call":"{call}","candidate":{{"sdpMLineIndex":{value}}}}}',
        '{{"type":"candidate","call":"{call}","candidates":[{{"candidate":""}},{{"x":{value}}}]}}',
    ],
    ids=["beside the sdp", "the sdp", "the description", "beside the candidate", "a number", "among candidates"],
)
def test_t15_what_no_decoder_takes_is_bad_json_within_what_is_relayed_too(frame: str, value: str) -> None:
    assert refused(frame.format(call=CALL, value=value)).code == ErrorCode.BAD_JSON


def test_t15_invalid_utf8_is_bad_json_within_a_description_too() -> None:
    text = json.dumps({"type": "offer", "call": CALL, "description": {"type": "offer", "sdp": "ä"}}, ensure_ascii=False)
    assert refused(text.encode("latin-1")).code == ErrorCode.BAD_JSON


@pytest.mark.parametrize("text", ["[]", "null", "1", "true", '"ping"', "{}", '[{"type":"ping"}]', '{"Type":"ping"}'])
def test_json_that_is_no_object_with_a_type_is_a_bad_message(text: str) -> None:
    refusal = refused(text)
    assert (refusal.code, refusal.envelope) == (ErrorCode.BAD_MESSAGE, Envelope())


@pytest.mark.parametrize("kind", [None, 1, ["ping"], {"type": "ping"}, True])
def test_a_type_that_is_no_string_is_a_bad_message(kind: object) -> None:
    refusal = refused(json.dumps({"type": kind, "id": "a"}))
    assert (refusal.code, refusal.envelope) == (ErrorCode.BAD_MESSAGE, Envelope(id="a"))


@pytest.mark.parametrize(
    "kind",
    [
        *("joined", "peer_left", "table", "welcome", "ack", "Ping", "PING", "ping ", "", "\x00", "x" * 64),
        *("websocket.disconnect", "websocket.receive", "__init__", "_handle", "message", "callmessage", "peer.joined"),
    ],
)
def test_t30_any_other_type_is_unknown_type(kind: str) -> None:
    refusal = refused(json.dumps({"type": kind, "id": "a", "call": CALL}))
    assert (refusal.code, refusal.envelope) == (ErrorCode.UNKNOWN_TYPE, Envelope(id="a", about=kind, call=CALL))


def test_a_type_too_long_to_repeat_is_unknown_type_without_about() -> None:
    refusal = refused_message("x" * 65, id="a")
    assert (refusal.code, refusal.envelope) == (ErrorCode.UNKNOWN_TYPE, Envelope(id="a"))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("hello", {"peer": 1}),
        ("hello", {"name": ["Ada"]}),
        ("hello", {"proof": {}}),
        ("hello", {"seq": -1}),
        ("hello", {"seq": 1.5}),
        ("hello", {"seq": "0"}),
        ("ping", {"id": 1}),
        ("ping", {"id": None}),
        ("offer", {"call": CALL}),
        ("offer", {"description": OFFER}),
        ("offer", {"call": None, "description": OFFER}),
        ("offer", {"call": CALL.replace("-", ""), "description": OFFER}),
        ("offer", {"call": f"{{{CALL}}}", "description": OFFER}),
        ("offer", {"call": f"{CALL}\n", "description": OFFER}),
        ("offer", {"call": CALL[:-1] + "g", "description": OFFER}),
        ("offer", {"call": CALL, "description": None}),
        ("offer", {"call": CALL, "description": "v=0"}),
        ("offer", {"call": CALL, "description": [OFFER]}),
        ("offer", {"call": CALL, "description": {}}),
        ("offer", {"call": CALL, "description": {"type": "offer"}}),
        ("offer", {"call": CALL, "description": {"type": "offer", "sdp": None}}),
        ("offer", {"call": CALL, "description": {"sdp": "v=0"}}),
        ("offer", {"call": CALL, "description": {"type": "offer", "sdp": "v=0", "x": []}}),
        ("offer", {"call": CALL, "description": {"type": "offer", "sdp": "v=0", "x": {}}}),
        ("offer", {"call": CALL, "description": OFFER, "to": 1}),
        ("offer", {"call": CALL, "description": OFFER, "trickle": "false"}),
        ("offer", {"call": CALL, "description": OFFER, "trickle": 0}),
        ("offer", {"call": CALL, "description": OFFER, "table": 1}),
        ("answer", {"call": CALL}),
        ("candidate", {"call": CALL}),
        ("candidate", {"call": CALL, "candidate": CANDIDATE, "candidates": [CANDIDATE]}),
        ("candidate", {"call": CALL, "candidate": "candidate:1"}),
        ("candidate", {"call": CALL, "candidate": [CANDIDATE]}),
        ("candidate", {"call": CALL, "candidate": {"candidate": None}}),
        ("candidate", {"call": CALL, "candidate": {"candidate": "", "sdpMLineIndex": -1}}),
        ("candidate", {"call": CALL, "candidate": {"candidate": "", "sdpMLineIndex": 65_536}}),
        ("candidate", {"call": CALL, "candidate": {"candidate": "", "sdpMid": 0}}),
        ("candidate", {"call": CALL, "candidate": {"candidate": "", "usernameFragment": 1}}),
        ("candidate", {"call": CALL, "candidate": {"candidate": "", "x": [1]}}),
        ("candidate", {"call": CALL, "candidates": []}),
        ("candidate", {"call": CALL, "candidates": CANDIDATE}),
        ("candidate", {"call": CALL, "candidates": None}),
        ("candidate", {"call": CALL, "candidates": [CANDIDATE, "x"]}),
        ("reject", {"call": CALL, "reason": "rude"}),
        ("reject", {"call": CALL, "reason": None}),
        ("reject", {}),
        ("hangup", {"call": CALL, "reason": ""}),
        ("hangup", {"call": CALL, "reason": "a b"}),
        ("hangup", {"call": CALL, "reason": "Done"}),
        ("hangup", {"call": CALL, "reason": "done\n"}),
        ("hangup", {"call": CALL, "reason": "x" * 33}),
    ],
)
def test_a_field_that_is_missing_or_of_the_wrong_kind_is_a_bad_message(kind: str, fields: dict[str, Any]) -> None:
    refusal = refused_message(kind, **({"id": "a"} | fields))
    assert refusal.code == ErrorCode.BAD_MESSAGE
    assert refusal.envelope.about == kind
    assert refusal.envelope.id == ("a" if isinstance(fields.get("id", "a"), str) else UNSET)


@pytest.mark.parametrize("kind", ["answer", "pranswer", "rollback", "OFFER", "Offer", "", None, 1])
def test_the_description_of_an_offer_is_of_type_offer_exactly(kind: object) -> None:
    refusal = refused_message("offer", call=CALL, description={"type": kind, "sdp": "v=0"})
    assert refusal.code == ErrorCode.BAD_MESSAGE


@pytest.mark.parametrize("kind", ["offer", "pranswer", "rollback", "ANSWER", None])
def test_the_description_of_an_answer_is_of_type_answer_exactly(kind: object) -> None:
    assert refused_message("answer", call=CALL, description={"type": kind, "sdp": "v=0"}).code == ErrorCode.BAD_MESSAGE


@pytest.mark.parametrize("reason", ["bye", "gone", "disconnected", "draining", "glare", "timeout"])
def test_a_client_cannot_hang_up_for_the_servers_reasons(reason: str) -> None:
    assert refused_message("hangup", call=CALL, reason=reason).code == ErrorCode.BAD_MESSAGE


def test_a_refusal_repeats_id_type_and_call_when_they_can_be_read() -> None:
    refusal = refused_message("answer", id="b1", call=CALL.upper(), description={"type": "offer", "sdp": "v=0"})
    assert refusal.envelope == Envelope(id="b1", about="answer", call=CALL)


def test_a_refusal_repeats_nothing_longer_than_sixty_four_characters() -> None:
    assert refused_message("answer", id="x" * 65, call="x" * 65).envelope == Envelope(about="answer")


def test_the_sentence_for_people_repeats_nothing_of_a_description() -> None:
    refusal = refused_message("offer", call=CALL, description={"type": "a=ice-pwd:secret", "sdp": "a=ice-pwd:secret"})
    assert "secret" not in refusal.detail


# Anything at all


@given(st.text() | st.binary())
def test_any_frame_is_a_message_or_refused(text: str | bytes) -> None:
    try:
        decode(text)
    except BadFrame as refusal:
        assert refusal.code in {ErrorCode.BAD_JSON, ErrorCode.BAD_MESSAGE, ErrorCode.UNKNOWN_TYPE}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["offer", "answer", CALL, ""])
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    "id",
    "call",
    "to",
    "description",
    "candidate",
    "candidates",
    "reason",
    "peer",
    "name",
    "proof",
    "seq",
    "trickle",
]
KINDS = ["hello", "offer", "answer", "candidate", "reject", "hangup", "ice_servers", "ping", "bye", "join"]
RELAYED = {"call": st.just(CALL), "description": st.sampled_from([OFFER, ANSWER]) | VALUES}


@given(
    kind=st.sampled_from(KINDS),
    fields=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4),
    good=st.fixed_dictionaries({}, optional=RELAYED),
)
def test_any_object_is_a_message_or_refused_and_what_is_kept_of_it_is_json(
    kind: str, fields: dict[str, Any], good: dict[str, Any]
) -> None:
    text = json.dumps({**fields, **good, "type": kind})
    try:
        message = decode(text)
    except BadFrame as refusal:
        assert refusal.code in {ErrorCode.BAD_JSON, ErrorCode.BAD_MESSAGE, ErrorCode.UNKNOWN_TYPE}
        return
    for name in ("description", "candidate", "candidates"):
        raw = getattr(message, name, UNSET)
        if raw is not UNSET:
            assert json.loads(bytes(raw).decode()) == json.loads(text)[name]


def test_t16_a_frame_of_distinct_keys_is_decoded_in_under_twenty_milliseconds() -> None:
    keys = {f"k{number}": 0 for number in range(5_500)}
    frames = [
        json.dumps({"type": "ping", **keys}),
        json.dumps({"type": "x", **keys}),
        json.dumps({"type": "offer", "call": CALL, "description": {**OFFER, **keys}}),
    ]
    for frame in frames:
        assert 60_000 < len(frame) <= 65_536
        assert min(_decoding_seconds(frame) for _ in range(5)) < 0.020


def _decoding_seconds(frame: str) -> float:
    begin = time.perf_counter()
    try:
        decode(frame)
    except BadFrame as refusal:
        assert refusal.code == ErrorCode.UNKNOWN_TYPE
    return time.perf_counter() - begin


def test_raw_values_are_written_as_they_came() -> None:
    text = '{"type":"answer", "sdp":"\\u0041"}'
    answer = decode(f'{{"type":"answer","call":"{CALL}","description":{text}}}')
    assert isinstance(answer, messages.Answer)
    assert text.encode() in msgspec.json.encode(answer)
