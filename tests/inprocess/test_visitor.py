"""T24: who a request comes from, whatever its headers say."""

from typing import Any

import pytest

from signalling.addresses import parse_network
from signalling.visitor import Visitor, visitor
from tests.inprocess.application import Header, application
from tests.posting import offer

STRANGER = "203.0.113.5"
PROXY = "10.0.0.1"
TRUSTED = (parse_network("10.0.0.0/8"), parse_network("fd00::/8"))
NOBODY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


def visit(*headers: Header, client: str | None = PROXY, public_address: str | None = None, **scope: Any) -> Visitor:
    connection = (client, 50_000) if client else None
    return visitor({"headers": headers, "client": connection, "scheme": "http", **scope}, public_address, TRUSTED)


def forwarded_for(*values: str) -> list[Header]:
    return [(b"x-forwarded-for", value.encode()) for value in values]


class TestAddress:
    @pytest.mark.parametrize(
        ("values", "address"),
        [
            (["198.51.100.7"], "198.51.100.7"),
            (["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
            (["1.2.3.4", "198.51.100.7"], "198.51.100.7"),
            (["198.51.100.7, 10.9.9.9"], "198.51.100.7"),
            (["1.2.3.4, 198.51.100.7, 10.9.9.9, fd00::7"], "198.51.100.7"),
            (["198.51.100.7,10.9.9.9 "], "198.51.100.7"),
            (["2001:db8::7"], "2001:db8::7"),
            (["::ffff:198.51.100.7"], "198.51.100.7"),
        ],
    )
    def test_t24_a_trusted_proxy_is_believed_and_read_from_the_right(self, values: list[str], address: str) -> None:
        assert visit(*forwarded_for(*values)).address == address

    @pytest.mark.parametrize(
        "value",
        ["", "unknown", "localhost", "198.51.100.7:4711", "[2001:db8::7]", "198.51.100.7%lo", "999.1.1.1", "\x00", ","],
    )
    def test_t24_what_is_no_address_is_not_believed(self, value: str) -> None:
        assert visit(*forwarded_for(value)).address == PROXY
        assert visit(*forwarded_for(f"198.51.100.7, {value}")).address == PROXY

    @pytest.mark.parametrize("client", [STRANGER, "127.0.0.1", "2001:db8::1", "11.0.0.1"])
    def test_t24_a_stranger_is_not_believed(self, client: str) -> None:
        headers = [*forwarded_for("198.51.100.7"), (b"x-forwarded-proto", b"https"), (b"host", b"here.example")]
        guest = visit(*headers, client=client)
        assert (guest.address, guest.home) == (client, "http://here.example")

    @pytest.mark.parametrize(
        "header",
        [
            (b"forwarded", b"for=198.51.100.7;proto=https"),
            (b"cf-connecting-ip", b"198.51.100.7"),
            (b"true-client-ip", b"198.51.100.7"),
            (b"x-real-ip", b"198.51.100.7"),
            (b"x-client-ip", b"198.51.100.7"),
            (b"x_forwarded_for", b"198.51.100.7"),
        ],
    )
    def test_t24_other_headers_are_believed_from_nobody(self, header: Header) -> None:
        assert visit(header).address == PROXY

    def test_an_ipv4_client_of_a_socket_for_both_families_is_its_ipv4_address(self) -> None:
        assert visit(client="::ffff:203.0.113.5").source == STRANGER

    def test_an_ipv6_client_is_counted_by_its_64(self) -> None:
        assert visit(client="2001:db8:1:2:3:4:5:6").source == "2001:db8:1:2::/64"

    def test_clients_without_an_address_are_one(self) -> None:
        assert visit(*forwarded_for("198.51.100.7"), client=None).source == visit(client=None).source == "unknown"


class TestHome:
    @pytest.mark.parametrize(
        ("forwarded_proto", "scheme"),
        [("https", "https"), ("HTTPS", "https"), ("wss", "https"), ("http", "http"), ("https, http", "http")],
    )
    def test_t24_a_trusted_proxy_says_the_scheme(self, forwarded_proto: str, scheme: str) -> None:
        guest = visit((b"host", b"here.example"), (b"x-forwarded-proto", forwarded_proto.encode()))
        assert guest.home == f"{scheme}://here.example"

    @pytest.mark.parametrize("forwarded_proto", ["", "gopher", "javascript", "https://evil.example"])
    def test_t24_nothing_else_is_a_scheme(self, forwarded_proto: str) -> None:
        guest = visit((b"host", b"here.example"), (b"x-forwarded-proto", forwarded_proto.encode()))
        assert guest.home == "http://here.example"

    def test_t24_a_forwarded_host_is_believed_from_nobody(self) -> None:
        assert visit((b"host", b"here.example"), (b"x-forwarded-host", b"evil.example")).home == "http://here.example"

    @pytest.mark.parametrize("scheme", ["https", "wss"])
    def test_a_server_that_ends_tls_itself_says_so(self, scheme: str) -> None:
        assert visit((b"host", b"here.example"), client=STRANGER, scheme=scheme).home == "https://here.example"

    @pytest.mark.parametrize(
        ("host", "home"),
        [
            (b"Here.Example:1066", "http://here.example:1066"),
            (b"[2001:DB8::1]:80", "http://[2001:db8::1]:80"),
            (b"here.example/x", ""),
            (b"here.example\r\nx: y", ""),
            (b"a@here.example", ""),
            (b"", ""),
        ],
    )
    def test_only_a_host_with_a_port_or_without_is_a_home(self, host: bytes, home: str) -> None:
        assert visit((b"host", host)).home == home

    def test_without_a_host_there_is_no_home(self) -> None:
        assert visit().home == ""

    def test_the_configured_address_wins(self) -> None:
        assert visit((b"host", b"evil.example"), public_address="https://call.example").home == "https://call.example"


class TestLimits:
    """What counts by source counts the derived client."""

    async def test_t24_clients_behind_a_trusted_proxy_have_their_own_allowances(self) -> None:
        async with application(trustedproxies=["10.0.0.0/8"], limits={"posts_burst": 1}) as app:
            for client in ("198.51.100.7", "198.51.100.8"):
                headers = forwarded_for(client)
                (await app.post(offer(NOBODY), headers=headers, client=PROXY)).assert_problem(503, "peer_unavailable")
                (await app.post(offer(NOBODY), headers=headers, client=PROXY)).assert_problem(429, "rate_limited")

    async def test_t24_a_stranger_gets_no_second_allowance_by_a_header(self) -> None:
        async with application(trustedproxies=["10.0.0.0/8"], limits={"posts_burst": 1}) as app:
            for client, status in (("198.51.100.7", 503), ("198.51.100.8", 429)):
                reply = await app.post(offer(NOBODY), headers=forwarded_for(client), client=STRANGER)
                assert reply.status == status

    async def test_t24_connections_are_counted_by_client(self) -> None:
        async with application(trustedproxies=["10.0.0.0/8"], limits={"connections_per_address": 1}) as app:
            here = [
                app.socket(headers=forwarded_for(client), client=PROXY)
                for client in ("198.51.100.7", "198.51.100.8", "198.51.100.7")
            ]
            for socket in here:
                await socket.open()
            for socket in here[:2]:
                await socket.hello()
            await here[2].expect_close(4004)
            for socket in here:
                await socket.vanish()

    async def test_t23_connections_from_ipv6_are_counted_by_their_64(self) -> None:
        async with application(limits={"connections_per_address": 2}) as app:
            clients = ("2001:db8::1", "2001:db8::ffff:2", "2001:db8::3:3", "2001:db8:0:1::1")
            here = [app.socket(client=client) for client in clients]
            for socket in here:
                await socket.open()
            await here[2].expect_close(4004)
            for socket in (here[0], here[1], here[3]):
                await socket.hello()
            for socket in here:
                await socket.vanish()

    async def test_t23_ipv6_clients_are_counted_by_their_64(self) -> None:
        async with application(limits={"posts_burst": 1}) as app:
            replies = [
                await app.post(offer(NOBODY), client=client)
                for client in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")
            ]
        assert [reply.status for reply in replies] == [503, 429, 503]


class TestSoftware:
    @pytest.mark.parametrize(
        ("told", "shown"),
        [
            (b"Roundtable/2 (Linux)", "Roundtable/2 (Linux)"),
            (b"", ""),
            (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
            (b"a\x00b\x1b[31m\tc\x7f\x85\xad", "ab[31mc"),
            (b"caf\xe9", "caf\u00e9"),
            (b"x" * 200, "x" * 200),
            (b"x" * 201, "x" * 200),
            (b"x" * 60_000, "x" * 200),
        ],
    )
    def test_t36_it_is_one_short_line_that_prints(self, told: bytes, shown: str) -> None:
        assert visit((b"user-agent", told)).software == shown

    def test_it_need_not_be_told_and_the_first_counts(self) -> None:
        assert visit().software == ""
        assert visit((b"user-agent", b"one"), (b"user-agent", b"two")).software == "one"
