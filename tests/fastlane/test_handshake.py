"""The common handshake, read in place: what is of the plain kind, and what is left to daphne."""

from typing import Any

import pytest

from roundtable.fastlane.handshake import acceptance, read_upgrade
from tests.ambiguousheaders import AMBIGUOUS, REPEATED
from tests.rawframes import HANDSHAKE_KEY

LINES = {
    "Host": "signal.example:1066",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": HANDSHAKE_KEY,
    "Sec-WebSocket-Version": "13",
}
CHROMIUM = {
    "Connection": "keep-alive, Upgrade",
    "Origin": "https://app.example",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)",
    "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
    "Sec-WebSocket-Protocol": "roundtable.v1",
}


def request(target: str = "/signal", *more: str, **changed: str | None) -> bytes:
    """A handshake; `changed` are lines that are other ones or, as None, missing (with `_` for `-`)."""
    names = {name.lower().replace("-", "_"): name for name in LINES}
    lines = LINES | {names.get(key, key.replace("_", "-")): value for key, value in changed.items()}
    head = [f"{name}: {value}" for name, value in lines.items() if value is not None]
    return "".join(f"{line}\r\n" for line in (f"GET {target} HTTP/1.1", *head, *more, "")).encode("latin-1")


def test_a_plain_one_is_read() -> None:
    octets = request()
    upgrade = read_upgrade(octets + b"a frame")
    assert upgrade is not None
    assert (upgrade.path, upgrade.raw_path, upgrade.query, upgrade.subprotocols) == ("/signal", b"/signal", b"", [])
    assert upgrade.key == HANDSHAKE_KEY.encode()
    assert upgrade.size == len(octets)
    assert upgrade.headers == [(name.lower().encode(), value.encode()) for name, value in LINES.items()]


def test_a_browsers_is_read_and_its_origin_kept_for_the_application() -> None:
    upgrade = read_upgrade(request(**{name.replace("-", "_"): value for name, value in CHROMIUM.items()}))
    assert upgrade is not None
    assert upgrade.subprotocols == ["roundtable.v1"]
    assert (b"origin", b"https://app.example") in upgrade.headers


def test_path_and_query_are_as_asgi_has_them() -> None:
    upgrade = read_upgrade(request("/a%20b?x=%20y"))
    assert upgrade is not None
    assert (upgrade.path, upgrade.raw_path, upgrade.query) == ("/a b", b"/a%20b", b"x=%20y")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1066", "[::1]:1066", "[::1]"])
def test_any_ordinary_host_is_plain(host: str) -> None:
    assert read_upgrade(request(host=host)) is not None


def test_what_proxies_add_is_the_applications_business() -> None:
    octets = request("/signal", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "CF-Connecting-IP: 192.0.2.7")
    upgrade = read_upgrade(octets)
    assert upgrade is not None
    assert (b"x-forwarded-for", b"192.0.2.7") in upgrade.headers


@pytest.mark.parametrize("target", ["//signal", "/signal#x", "/a;b", "http://here/signal", "*", "/ä", "/signal?#", ""])
def test_other_targets_are_left_to_daphne(target: str) -> None:
    assert read_upgrade(request(target)) is None


@pytest.mark.parametrize("name", [name.lower().replace("-", "_") for name in LINES])
def test_so_is_one_that_lacks_a_header(name: str) -> None:
    without: dict[str, Any] = {name: None}
    assert read_upgrade(request(**without)) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "here:port"),
        ("host", "a b"),
        ("upgrade", "h2c"),
        ("upgrade", "websocket, h2c"),
        ("connection", "keep-alive"),
        ("sec_websocket_key", "short"),
        ("sec_websocket_key", "~" * 22 + "=="),
        ("sec_websocket_version", "8"),
        ("sec_websocket_version", "+13"),
        ("Sec_WebSocket_Protocol", "chat, roundtable.v1"),
        ("Sec_WebSocket_Protocol", "chat"),
        ("Sec_WebSocket_Extensions", "permessage-deflate; odd=1"),
        ("Origin", "chrome-extension://abc"),
        ("Origin", "https://app.example:99999"),
        ("Origin", "nonsense"),
        ("Content_Length", "2"),
        ("Transfer_Encoding", "chunked"),
        ("Expect", "100-continue"),
        ("Daphne_Root_Path", "/evil"),
        ("X", "a\x0bb"),
        ("X", "a\0b"),
        ("X", "\xe4"),
    ],
)
def test_so_is_one_with_anything_odd(name: str, value: str) -> None:
    assert read_upgrade(request(**{name: value})) is None


@pytest.mark.parametrize("lines", [*AMBIGUOUS, REPEATED, "X_Y: z", " folded", "Host: there", "X: a\r\nx: b"])
def test_t37_so_is_one_that_two_servers_could_read_differently(lines: str) -> None:
    assert read_upgrade(request("/signal", lines)) is None


def test_so_is_a_long_one() -> None:
    assert read_upgrade(request("/signal", f"X: {'x' * 15_000}")) is not None
    assert read_upgrade(request("/signal", f"X: {'x' * 16_384}")) is None
    assert read_upgrade(request("/signal", *(f"X{number}: x" for number in range(70)))) is None


def test_so_is_a_part_of_one() -> None:
    octets = request()
    assert {read_upgrade(octets[:end]) for end in range(len(octets))} == {None}


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/2", "http/1.1"])
def test_so_is_another_version_of_http(version: str) -> None:
    assert read_upgrade(request().replace(b"HTTP/1.1", version.encode())) is None


def test_so_is_another_method() -> None:
    assert read_upgrade(request().replace(b"GET", b"POST")) is None


@pytest.mark.parametrize(("subprotocol", "line"), [(None, b""), ("ours", b"Sec-WebSocket-Protocol: ours\r\n")])
def test_a_handshake_is_accepted_with_what_rfc_6455_has_for_its_key(subprotocol: str | None, line: bytes) -> None:
    assert acceptance(b"dGhlIHNhbXBsZSBub25jZQ==", "daphne", subprotocol) == (
        b"HTTP/1.1 101 Switching Protocols\r\nServer: daphne\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
        + line
        + b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )
