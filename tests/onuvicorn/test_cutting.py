"""Where a frame ends in a stream, and what is not waited for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundtable.onuvicorn.cutting import BadLength, end_of_frame
from tests.rawframes import PING, TEXT, ClientFrame, encode

MOST = 70_000


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, MOST])
def test_a_frame_ends_where_its_payload_does(size: int) -> None:
    frame = encode(ClientFrame(TEXT, b"x" * size))
    assert end_of_frame(frame + b"rest", 0, MOST) == len(frame)
    assert end_of_frame(b"before" + frame, 6, MOST) == 6 + len(frame)


@given(st.integers(0, 300))
def test_what_is_not_there_whole_has_no_end_yet(size: int) -> None:
    frame = encode(ClientFrame(PING, b"x" * size))
    assert {end_of_frame(frame[:there], 0, MOST) for there in range(len(frame))} == {None}


def test_nobody_waits_for_the_rest_of_what_is_wrong_from_its_head_on() -> None:
    for wrong in (b"\x81\x05", b"\x81\xff" + (MOST + 1).to_bytes(8)):
        assert end_of_frame(wrong, 0, MOST) == len(wrong)
        assert end_of_frame(wrong + b"more", 0, MOST) == len(wrong) + 4


LONG = b"\x81\xff"


@pytest.mark.parametrize(
    "head", [b"\x81\xfe\x00\x05", b"\x81\xfe\x00\x7d", LONG + (65_535).to_bytes(8), LONG + (1 << 63).to_bytes(8)]
)
def test_a_length_that_is_not_written_in_the_shortest_way_is_a_breach(head: bytes) -> None:
    with pytest.raises(BadLength):
        end_of_frame(head, 0, MOST)
