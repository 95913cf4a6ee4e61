"""What clients write to do harm: JSON that chokes decoders (T15), names (T31), and what would disfigure a log (T36)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus

from tests.loopback import fresh_address
from tests.posting import NIL_UUID, OFFER, offer, post, request
from tests.server.aftermath import withstanding
from tests.server.sockets import DeafSocket, peer_from
from tests.serverprocess import Server
from tests.wsclient import Peer

CHOKING = {
    "deep arrays": b"[" * 20_000 + b"]" * 20_000,
    "deep objects": b'{"a":' * 8_000 + b"1" + b"}" * 8_000,
    "an integer of 5,000 digits": b"9" * 5_000,
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "a lone surrogate": b'"\\ud800"',
    "invalid UTF-8": b'"\xc3\x28"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "a byte-order mark": b"\xef\xbb\xbf1",
    "a number without end": b"1e999",
    "a control character": b'"\x00"',
    "a trailing comma": b"[1,]",
}
"""Values, to be put where a value may stand."""
HOSTILE = "a\r\nlevel=error msg=forged\x1b[31m\u2028\u202e\x00\x85b"


@pytest.fixture(scope="module")
def here() -> Iterator[Server]:
    with withstanding({"limits": {"misbehaviour": 1_000, "message_bytes": 65_536}}) as running:
        yield running


@pytest.fixture
def quiet() -> Iterator[Server]:
    """A server of which nobody has complained yet."""
    with withstanding() as running:
        yield running


class TestJson:
    """T15: refused wherever it stands, and whoever is called never hears of it."""

    @pytest.mark.parametrize("name", CHOKING)
    async def test_t15_within_a_posted_offer_it_is_400(self, here: Server, name: str) -> None:
        async with Peer.welcomed(here.ws_url) as callee:
            whole = offer(callee.id, description={**OFFER, "more": "HERE"})
            beside = offer(callee.id)[:-1] + b',"more":"HERE"}'
            for body in (
                CHOKING[name],
                whole.replace(b'"HERE"', CHOKING[name]),
                beside.replace(b'"HERE"', CHOKING[name]),
            ):
                reply = await post(here.http_url, body)
                assert reply.status == 400
                assert reply.code in {"bad_json", "bad_message"}
            await callee.expect_nothing_else()

    @pytest.mark.parametrize("name", [name for name in CHOKING if "UTF-8" not in name])
    async def test_t15_within_a_description_or_a_candidate_it_is_bad_json(self, here: Server, name: str) -> None:
        async with Peer.welcomed(here.ws_url) as mallory, Peer.welcomed(here.ws_url) as callee:
            call = await mallory.dial(callee.id, OFFER)
            await callee.expect("offer", call=call)
            for frame in messages_with(CHOKING[name], call, callee.id):
                await mallory.send_text(frame.decode())
                await mallory.expect("error", code="bad_json")
            await callee.expect_nothing_else()
            await mallory.hangup(call)
            await callee.expect("hangup", call=call)

    @pytest.mark.parametrize("name", ["invalid UTF-8", "a surrogate in UTF-8"])
    async def test_t15_invalid_utf8_ends_its_own_connection_only(self, here: Server, name: str) -> None:
        async with Peer.welcomed(here.ws_url) as callee:
            for frame in messages_with(CHOKING[name], "6ba7b811-9dad-11d1-80b4-00c04fd430c8", callee.id):
                async with DeafSocket.opened(here.ws_url) as mallory:
                    mallory.send_text('{"type":"hello"}')
                    await mallory.text()
                    mallory.send_bytes(masked(frame))
                    assert await mallory.close_code() == 1007
            await callee.expect_nothing_else()


def messages_with(value: bytes, call: str, to: str) -> list[bytes]:
    """The value inside what is relayed. (Elsewhere, a field that the server does not know is not even read.)"""
    templates = (
        {"type": "offer", "call": call, "to": to, "description": {**OFFER, "more": "HERE"}},
        {"type": "candidate", "call": call, "candidate": {"candidate": "", "more": "HERE"}},
        {"type": "candidate", "call": call, "candidates": [{"candidate": "", "more": "HERE"}]},
    )
    return [json.dumps(template).encode().replace(b'"HERE"', value) for template in templates]


def masked(payload: bytes) -> bytes:
    """A text frame with a mask of zeros (RFC 6455, section 5.2), of any bytes."""
    padded = payload.ljust(126)  # a shorter one would have to say its length in another way
    return b"\x81\xfe" + len(padded).to_bytes(2, "big") + bytes(4) + padded


class TestNames:
    """T31: of peers and of tables."""

    LEGAL = ("Ada", "👩‍🚀", "محمد", "名前", "O'Hara <script>", "x" * 64, "%s{0}$(id)`id`", "../../etc/passwd", " ")
    ILLEGAL = (
        "",
        "x" * 65,
        "x" * 10_000,
        "👍" * 5_000,
        "a\x00b",
        "a\nb",
        "a\x1b[31mb",
        "a\u202eb",
        "a\u2066b",
        "a\u2028b",
    )

    @pytest.mark.parametrize("name", LEGAL)
    async def test_t31_a_legal_one_is_shown_to_others_as_it_is(self, here: Server, name: str) -> None:
        async with Peer.welcomed(here.ws_url, name=name) as ada, Peer.welcomed(here.ws_url) as bob:
            for peer in (bob, ada):
                await peer.send("join", table=name)
                await peer.expect("joined", table=name)
            await bob.expect("peer_joined", table=name, peer=ada.id, name=name)

    @pytest.mark.parametrize("name", ILLEGAL)
    async def test_t31_an_illegal_one_is_refused_and_the_connection_stays(self, here: Server, name: str) -> None:
        async with Peer.connected(here.ws_url) as mallory:
            await mallory.send("hello", name=name)
            await mallory.expect("error", about="hello", code="bad_message")
            await mallory.hello()
            for kind, more in (("join", {}), ("leave", {}), ("lock", {"locked": True}), ("kick", {"peer": NIL_UUID})):
                await mallory.send(kind, table=name, **more)
                refused = await mallory.expect("error", about=kind)
                assert refused["code"] in {"bad_table", "table_unknown"}
            await mallory.expect_nothing_else()


class TestLog:
    """T36: one event is one line, whatever a client sends."""

    async def test_t36_no_word_of_a_client_begins_a_line_or_moves_a_cursor(self, quiet: Server) -> None:
        path = "/" + quote(HOSTILE)
        async with Peer.welcomed(quiet.ws_url) as mallory:
            for field in ("type", "id", "call", "to", "table", "name", "peer"):
                await mallory.send(**{"kind": "offer", field: HOSTILE} if field != "type" else {"kind": HOSTILE})
                await mallory.expect("error")
        with pytest.raises(InvalidStatus):
            async with Peer.connected(quiet.ws_url.removesuffix("/signal") + path):
                pass
        for method, target in (("GET", path), ("POST", "/signal"), ("PURGE", "/signal" + path), ("GET", "/?" + path)):
            await request(method, quiet.http_url + target, headers={"X-Forwarded-For": "198.51.100.7 level=error"})
        await post(quiet.http_url, offer(HOSTILE, HOSTILE, call=HOSTILE, claiming=HOSTILE))
        lines = (await quiet.whole_log()).split("\n")
        assert lines.pop() == ""
        assert all(line.startswith(("time=", "{")) for line in lines), [line for line in lines if "=" not in line[:9]]
        assert not [line for line in lines if not line.isprintable()]
        assert [line for line in lines if "forged" in line], "the log tells what was asked for"

    async def test_t36_mistakes_of_clients_do_not_flood_it(self, quiet: Server) -> None:
        began, before = time.monotonic(), quiet.log.count("message refused")
        async with peer_from(fresh_address(), quiet.ws_url) as mallory:
            await mallory.hello()
            for _ in range(500):
                await mallory.send("leave", table="nowhere")
            for _ in range(500):
                await mallory.expect("error")
        assert (await quiet.whole_log()).count("message refused") - before <= 50 + 5 * (time.monotonic() - began)
