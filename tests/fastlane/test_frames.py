"""The common frame, read and written in place, against octets that no library has made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundtable.fastlane import masks
from roundtable.fastlane.frames import EMPTY_PING, close_frame, is_empty_pong, text_frame, whole_text
from tests import rawframes
from tests.rawframes import ClientFrame, ServerFrames, encode

LIMIT = 65_536
HELLO = ClientFrame(rawframes.TEXT, b"hello")


def text_of(size: int) -> ClientFrame:
    return ClientFrame(rawframes.TEXT, b"x" * size)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 4_200, 65_535])
def test_a_whole_text_is_read_and_ends_where_the_next_frame_begins(size: int) -> None:
    octets = encode(text_of(size))
    assert whole_text(octets + b"more", 0, LIMIT) == ("x" * size, len(octets))


@given(st.text(max_size=300), st.binary(max_size=20), st.binary(max_size=20))
def test_any_text_is_read_wherever_it_stands(text: str, before: bytes, after: bytes) -> None:
    octets = encode(ClientFrame(rawframes.TEXT, text.encode()))
    assert whole_text(before + octets + after, len(before), LIMIT) == (text, len(before) + len(octets))


@pytest.mark.parametrize(
    "frame",
    [
        ClientFrame(rawframes.TEXT, b"hello", fin=False),
        ClientFrame(rawframes.CONTINUATION, b"hello"),
        ClientFrame(rawframes.BINARY, b"hello"),
        ClientFrame(rawframes.PING, b"hello"),
        ClientFrame(rawframes.CLOSE, b"\x03\xe8"),
        ClientFrame(rawframes.TEXT, b"hello", rsv=4),
        ClientFrame(rawframes.TEXT, b"hello", masked=False),
        ClientFrame(rawframes.TEXT, b"hello" * 100, masked=False),
        ClientFrame(rawframes.TEXT, b"hello", length_bytes=2),
        ClientFrame(rawframes.TEXT, b"hello", length_bytes=8),
        ClientFrame(rawframes.TEXT, b"x" * 65_536),
        ClientFrame(rawframes.TEXT, b"hello", declares=2**62),
        ClientFrame(rawframes.TEXT, b"\xff"),
        ClientFrame(rawframes.TEXT, "\ud800".encode(errors="surrogatepass")),
        ClientFrame(rawframes.TEXT, b"\xc0\x80"),
        ClientFrame(rawframes.TEXT, b"\xe2\x82"),
    ],
    ids=repr,
)
def test_everything_else_is_left_to_autobahn(frame: ClientFrame) -> None:
    assert whole_text(encode(frame) + encode(HELLO), 0, 10 * LIMIT) is None


@pytest.mark.parametrize("size", [5, 200])
def test_a_part_of_a_frame_is_none(size: int) -> None:
    octets = encode(text_of(size))
    assert {whole_text(octets[:end], 0, LIMIT) for end in range(len(octets))} == {None}


@pytest.mark.parametrize("size", [100, 4_096])
def test_t17_one_byte_more_than_the_limit_is_left_to_autobahn_which_refuses_it(size: int) -> None:
    assert whole_text(encode(text_of(size)), 0, size) is not None
    assert whole_text(encode(text_of(size + 1)), 0, size) is None


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 70_000])
def test_a_text_is_written_as_one_frame_that_a_strict_reader_takes(size: int) -> None:
    (frame,) = ServerFrames().feed(text_frame(b"x" * size))
    assert (frame.opcode, frame.payload) == (rawframes.TEXT, b"x" * size)


def test_the_answer_to_an_empty_ping_is_known_and_nothing_else_is_taken_for_it() -> None:
    pong = encode(ClientFrame(rawframes.PONG))
    assert is_empty_pong(pong)
    others = [ClientFrame(rawframes.PONG, b"x"), ClientFrame(rawframes.PONG, masked=False), ClientFrame(rawframes.PING)]
    streams = [*map(encode, others), encode(ClientFrame(rawframes.PONG, fin=False)), pong[:5], pong + pong, b""]
    assert not any(map(is_empty_pong, streams))


def test_an_empty_ping_is_one() -> None:
    (frame,) = ServerFrames().feed(EMPTY_PING)
    assert (frame.opcode, frame.payload) == (rawframes.PING, b"")


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_autobahns_code_takes_off_a_mask_as_well(payload: bytes, mask: bytes) -> None:
    assert masks._by_autobahn(payload, mask) == masks.unmask(payload, mask)


@pytest.mark.parametrize(
    ("payload", "read"),
    [
        (b"", (None, None)),
        (b"\x03\xe8", (1000, None)),
        (b"\x03\xe8bye", (1000, b"bye")),
        (b"\x00\x01", (1, None)),
        (b"\x0f\xa0" + b"x" * 123, (4000, b"x" * 123)),
    ],
)
def test_a_farewell_is_read(payload: bytes, read: tuple[int | None, bytes | None]) -> None:
    octets = encode(ClientFrame(rawframes.CLOSE, payload))
    assert close_frame(octets) == read
    assert close_frame(octets + b"x") is None
    assert {close_frame(octets[:end]) for end in range(len(octets))} == {None}


@pytest.mark.parametrize(
    "frame",
    [
        ClientFrame(rawframes.CLOSE, b"\x03"),
        ClientFrame(rawframes.CLOSE, b"\x03\xe8", fin=False),
        ClientFrame(rawframes.CLOSE, b"\x03\xe8", rsv=4),
        ClientFrame(rawframes.CLOSE, b"\x03\xe8bye!", masked=False),
        ClientFrame(rawframes.CLOSE, b"\x03\xe8" + b"x" * 124),
        ClientFrame(rawframes.CLOSE, b"\x03\xe8", length_bytes=2),
        ClientFrame(rawframes.PING, b"\x03\xe8"),
        HELLO,
    ],
    ids=repr,
)
def test_an_odd_farewell_is_left_to_autobahn(frame: ClientFrame) -> None:
    assert close_frame(encode(frame)) is None
