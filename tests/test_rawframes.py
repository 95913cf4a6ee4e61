"""The octets of the raw client: what it writes is what RFC 6455 shows, and it minds every breach of a server."""

import pytest

from tests import rawframes
from tests.rawframes import BrokenFrame, ClientFrame, ServerFrame, ServerFrames, check_handshake, encode

HELLO = bytes.fromhex("810548656c6c6f")
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)


def test_a_masked_text_is_the_one_of_the_rfc() -> None:
    assert encode(ClientFrame(rawframes.TEXT, b"Hello")) == bytes.fromhex("818537fa213d7f9f4d5158")


@pytest.mark.parametrize(
    ("frame", "start"),
    [
        (ClientFrame(rawframes.TEXT, bytes(125)), "81fd"),
        (ClientFrame(rawframes.TEXT, bytes(126)), "81fe007e"),
        (ClientFrame(rawframes.TEXT, bytes(65_536)), "81ff0000000000010000"),
        (ClientFrame(rawframes.TEXT, b"a", length_bytes=8), "81ff0000000000000001"),
        (ClientFrame(rawframes.TEXT, b"a", declares=2**62), "81ff4000000000000000"),
        (ClientFrame(rawframes.PING, b"a", fin=False, rsv=6), "6981"),
        (ClientFrame(rawframes.PING, b"a", masked=False), "890161"),
    ],
)
def test_a_frame_is_written_as_wrong_as_it_is(frame: ClientFrame, start: str) -> None:
    assert encode(frame).hex().startswith(start)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_frames_are_read_however_they_are_chopped(size: int) -> None:
    long = bytes.fromhex("827e0100") + bytes(256)
    stream = HELLO + bytes.fromhex("8a0161") + long.replace(b"\x82", b"\x81", 1) + bytes.fromhex("880203e8")
    incoming = ServerFrames()
    frames = [frame for start in range(0, len(stream), size) for frame in incoming.feed(stream[start : start + size])]
    incoming.end()
    assert frames == [
        ServerFrame(rawframes.TEXT, b"Hello"),
        ServerFrame(rawframes.PONG, b"a"),
        ServerFrame(rawframes.TEXT, bytes(256)),
        ServerFrame(rawframes.CLOSE, b"\x03\xe8"),
    ]
    assert frames[-1].close_code == 1000


@pytest.mark.parametrize(
    ("octets", "breach"),
    [
        ("c10161", "reserved bit"),
        ("010161", "fragment"),
        ("800161", "opcode 0"),
        ("820161", "opcode 2"),
        ("8b00", "opcode 11"),
        ("8181000000007f", "masked"),
        ("8a7e007e", "control frame"),
        ("817e0005", "octets for the length 5"),
        ("817f000000000000ffff", "octets for the length 65535"),
        ("817f4000000000000000", "a frame of"),
        ("8101ff", "UTF-8"),
        ("880403e8c3ff", "UTF-8"),
        ("880103", "half a code"),
        ("880203e8810161", "after the close frame"),
    ],
)
def test_a_breach_of_the_server_is_minded(octets: str, breach: str) -> None:
    with pytest.raises(BrokenFrame, match=breach):
        ServerFrames().feed(bytes.fromhex(octets))


def test_an_end_within_a_frame_is_minded() -> None:
    incoming = ServerFrames()
    assert incoming.feed(HELLO[:-1]) == []
    with pytest.raises(BrokenFrame, match="within a frame"):
        incoming.end()


@pytest.mark.parametrize(
    ("response", "breach"),
    [
        (SWITCHED.replace(b"101", b"403"), "no WebSocket"),
        (SWITCHED.replace(b"s3", b"S3"), "Sec-WebSocket-Accept"),
        (SWITCHED + b"\r\nSec-WebSocket-Extensions: permessage-deflate", "not offered"),
        (SWITCHED + b"\r\nSec-WebSocket-Protocol: chat", "not offered"),
    ],
)
def test_a_wrong_handshake_is_minded(response: bytes, breach: str) -> None:
    check_handshake(SWITCHED)
    with pytest.raises(BrokenFrame, match=breach):
        check_handshake(response)
