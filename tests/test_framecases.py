"""The table of raw frames itself: it is as large as the suite that it is after, and says what it means."""

from collections.abc import Iterator

import pytest

from tests import rawframes
from tests.framecases import Case, Octets, Step, described, encoded, read_cases
from tests.rawframes import ClientFrame, ServerFrame

CASES = read_cases()

SUITE = {
    "1.1": 8,
    "1.2": 8,
    "2": 11,
    "3": 7,
    "4.1": 5,
    "4.2": 5,
    "5": 20,
    "6.1": 3,
    "6.2": 4,
    "6.3": 2,
    "6.4": 4,
    "6.5": 5,
    "6.6": 11,
    "6.7": 4,
    "6.8": 2,
    "6.9": 4,
    "6.10": 3,
    "6.11": 5,
    "6.12": 8,
    "6.13": 5,
    "6.14": 10,
    "6.15": 1,
    "6.16": 3,
    "6.17": 5,
    "6.18": 5,
    "6.19": 5,
    "6.20": 7,
    "6.21": 8,
    "6.22": 34,
    "6.23": 7,
    "7.1": 6,
    "7.3": 6,
    "7.5": 1,
    "7.7": 13,
    "7.9": 9,
    "7.13": 2,
    "10.1": 1,
}
"""How many cases each group of the Autobahn test suite 0.8.2 has."""


def test_every_case_of_the_suite_has_one_here() -> None:
    numbers = {f"{group}.{number}" for group, cases in SUITE.items() for number in range(1, cases + 1)}
    assert {case.after for case in CASES if not case.after.startswith("RFC ")} == numbers


def test_there_are_enough_cases_and_no_two_alike() -> None:
    titles = [case.title for case in CASES]
    assert len(titles) == len(set(titles)) >= 200


def test_valid_characters_come_back_and_others_are_refused() -> None:
    """Python's own decoder is the judge."""
    characters = [(case, octets) for case, octets in _characters() if case.after != "6.7.1"]
    assert len(characters) > 100
    for case, octets in characters:
        assert case.gets == ([_echo(octets)] if _is_utf8(octets) else ["close 1007"]), case.title


def test_a_message_is_cut_into_fragments() -> None:
    assert list(Step(text="Hello", every=2).frames()) == [
        ClientFrame(rawframes.TEXT, b"He", fin=False),
        ClientFrame(rawframes.CONTINUATION, b"ll", fin=False),
        ClientFrame(rawframes.CONTINUATION, b"o"),
    ]


def test_a_close_has_a_code_and_a_reason_or_any_octets() -> None:
    (with_reason,) = Step(close="1000", reason="bye").frames()
    (empty,) = Step(close="").frames()
    (half,) = Step(close=Octets(hex="03")).frames()
    assert [with_reason.payload, empty.payload, half.payload] == [b"\x03\xe8bye", b"", b"\x03"]


@pytest.mark.parametrize(("writes", "lengths"), [("whole", [14]), ("frames", [7, 7]), ("1", [1] * 14), ("10", [10, 4])])
def test_octets_are_handed_over_as_the_case_says(writes: str, lengths: list[int]) -> None:
    steps = [Step(text="a"), Step(ping="b")]
    pieces = Case("2.1", "a case", steps, [], writes=writes).pieces(steps)
    assert [len(piece) for piece in pieces] == lengths
    assert b"".join(pieces) == b"".join(step.octets()[0] for step in steps)


@pytest.mark.parametrize("length", [125, 126, 65_536])
def test_a_ping_of_the_application_is_filled_up(length: int) -> None:
    message = encoded(Octets(echo="a", length=length))
    assert len(message) == length
    assert message.startswith(b'{"type":"ping","id":"a"')


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (ServerFrame(rawframes.TEXT, b'{"type":"pong","id":"\xcf\x83\x7f"}'), "echo σ\\x7f"),
        (ServerFrame(rawframes.TEXT, b'{"type":"error","code":"bad_json"}'), "error bad_json"),
        (ServerFrame(rawframes.TEXT, b'{"type":"welcome"}'), "a welcome"),
        (ServerFrame(rawframes.CLOSE, b"\x03\xea"), "close 1002"),
        (ServerFrame(rawframes.CLOSE, b""), "close without a code"),
        (ServerFrame(rawframes.PONG, b""), "pong"),
        (ServerFrame(rawframes.PONG, b"a text"), "pong a text"),
        (ServerFrame(rawframes.PONG, b"\x00\xff"), "pong 0x00ff"),
        (ServerFrame(rawframes.PONG, b"\xfe" * 125), "pong 125 x 0xfe"),
        (ServerFrame(rawframes.PING, b"a"), "ping a"),
    ],
)
def test_what_comes_back_is_put_into_words(frame: ServerFrame, words: str) -> None:
    assert described(frame) == words


def _characters() -> Iterator[tuple[Case, bytes]]:
    for case in CASES:
        message = case.sends[0].text
        if isinstance(message, Octets) and isinstance(message.echo, Octets) and len(case.sends) == 1:
            yield case, encoded(message.echo)


def _echo(octets: bytes) -> str:
    message = b'{"type":"pong","id":"%s"}' % octets
    return described(ServerFrame(rawframes.TEXT, message))


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True
