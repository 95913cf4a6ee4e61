"""Which addresses are public, which texts are addresses, and whose address is believed. Nothing here is dialled."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.addresses import (
    SERVICE_PORTS,
    AddressPolicy,
    Authority,
    BadAddress,
    Target,
    client_address,
    client_scheme,
    neighbourhood,
    parse_authority,
    parse_ip,
    parse_network,
    parse_target,
    port_permitted,
    refusal,
    source_key,
)

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
PROXIES = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


class TestTarget:
    @pytest.mark.parametrize(
        ("text", "target"),
        [
            ("http://127.0.0.1:1067", Target("http", "127.0.0.1", 1067)),
            ("https://roundtable.example", Target("https", "roundtable.example")),
            ("https://Roundtable.Example/", Target("https", "roundtable.example")),
            ("HTTP://A:65535/", Target("http", "a", 65_535)),
            ("http://a_b.example.:1", Target("http", "a_b.example.", 1)),
            ("http://[2001:DB8:0::1]:99", Target("http", "2001:db8::1", 99)),
            ("http://bücher.example", Target("http", "xn--bcher-kva.example")),
            ("http://2130706433", Target("http", "2130706433")),
            ("http://" + "a" * 63 + ".example", Target("http", "a" * 63 + ".example")),
        ],
    )
    def test_a_prefix_is_read(self, text: str, target: Target) -> None:
        assert parse_target(text) == target

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "8.8.8.8:1066",
            "//8.8.8.8",
            "gopher://127.0.0.1:6379/_x",
            "file:///etc/passwd",
            "ws://8.8.8.8",
            "httpss://8.8.8.8",
            "http:/8.8.8.8",
            "http://",
            "http:///",
            "http://:80",
            "http://8.8.8.8//",
            "http://8.8.8.8/admin",
            "http://8.8.8.8/admin?x=",
            "http://8.8.8.8?",
            "http://8.8.8.8#",
            "http://user@8.8.8.8",
            "http://user:pw@8.8.8.8",
            "http://8.8.8.8\\@127.0.0.1",
            "http://8.8.8.8\\",
            "http://8.8.8.8:",
            "http://8.8.8.8:0",
            "http://8.8.8.8:65536",
            "http://8.8.8.8:123456",
            "http://8.8.8.8:+80",
            "http://8.8.8.8:８０",
            "http://8.8.8.8:80:80",
            "http://8.8.8.8\n",
            "http://8.8.8.8/\n",
            "http://8.8.8.8\r\nX-Injected: 1",
            " http://8.8.8.8",
            "http://8.8.8.8 ",
            "http://8.8. 8.8",
            "http://8.8.8.8\x00",
            "http://8.8.8.8%00",
            "http://%31%32%37.0.0.1",
            "http://a..example",
            "http://.example",
            "http://" + "a" * 64 + ".example",
            "http://" + "a." * 130 + "example",
            "http://" + "ü" * 250,
            "http://a／b.example",
            "http://a＠b.example",
            "http://a：80",
            "http://::1",
            "http://[::1",
            "http://::1]",
            "http://[]",
            "http://[127.0.0.1]",
            "http://[::1%25eth0]",
            "http://[fe80::1%eth0]",
            "http://[v1.a]",
            "http://[::1]a",
            "http://[::1]80",
        ],
    )
    def test_t12_anything_else_is_refused_without_repeating_it(self, text: str) -> None:
        with pytest.raises(BadAddress) as refused:
            parse_target(text)

        assert len(str(refused.value)) < 100
        assert len(text) < 8 or text not in str(refused.value)

    @given(text=st.text(max_size=300))
    def test_no_text_breaks_the_grammar(self, text: str) -> None:
        for candidate in (text, f"http://{text}"):
            try:
                target = parse_target(candidate)
            except BadAddress:
                continue
            assert target.url.isascii()
            assert target.url.isprintable()
            assert parse_target(target.prefix) == target

    def test_full_width_digits_are_digits(self) -> None:
        assert parse_target("http://１２７.０.０.１").host == "127.0.0.1"

    @pytest.mark.parametrize(
        ("target", "url", "host", "port"),
        [
            (Target("http", "a.example"), "http://a.example/signal", "a.example", 80),
            (Target("https", "a.example"), "https://a.example/signal", "a.example", 443),
            (Target("https", "::1", 99), "https://[::1]:99/signal", "[::1]:99", 99),
        ],
    )
    def test_a_target_says_what_is_dialled_and_sent(self, target: Target, url: str, host: str, port: int) -> None:
        assert (target.url, str(target.authority), target.dialled_port) == (url, host, port)


class TestAuthority:
    @pytest.mark.parametrize("text", ["a.example", "a.example:8443", "127.0.0.1:1066", "[::1]:1066", "localhost"])
    def test_a_host_header_is_read(self, text: str) -> None:
        assert str(parse_authority(text)) == text

    @pytest.mark.parametrize(
        "text", ["", " ", "a b", "a/b", "http://a", "a@b", "a:b", "a:", ":80", "a,b", "a\r\nb", "a:99999", '"><script>']
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(BadAddress):
            parse_authority(text)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("http://a.example", "https://A.example/"),
            ("http://a.example", "http://a.example:80"),
            ("http://a.example", "http://a.example:443"),
            ("http://a.example.:1066", "https://a.example:1066"),
            ("http://[::1]:1066", "http://[0:0:0::1]:1066"),
        ],
    )
    def test_one_public_address_is_written_in_several_ways(self, one: str, other: str) -> None:
        assert parse_target(one).is_same_as(parse_target(other))
        assert parse_target(other).is_same_as(parse_target(one).authority)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("http://a.example", "http://b.example"),
            ("http://a.example", "http://a.example:1066"),
            ("http://a.example:80", "http://a.example:443"),
            ("http://a.example", "http://www.a.example"),
        ],
    )
    def test_different_public_addresses(self, one: str, other: str) -> None:
        assert not parse_target(one).is_same_as(parse_target(other))
        assert not parse_target(other).is_same_as(parse_target(one))

    def test_a_default_port_equals_none(self) -> None:
        assert Authority("a.example", 443).is_same_as(Authority("a.example"))


REFUSED = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"),
    *("168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1"),
    *("192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.1.1", "192.175.48.1", "198.18.0.1", "198.19.255.255"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8"),
    *("64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::7f00:1", "100::1", "fc00::1", "fd00:ec2::254", "fe80::1"),
    *("fe80::1%1", "2a00:1450::1%1", "fec0::1", "ff02::1", "ff0e::1", "4000::1", "5f00::1"),
    *("2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff::1"),
    *("2001:db8::1", "2002:7f00:1::1", "2002:808:808::1", "2620:4f:8000::1", "3ffe::1", "3fff::1", "3fff:fff::1"),
    *("2600:1::5efe:127.0.0.1", "2600:1::200:5efe:8.8.8.8"),
]
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
    *("128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"),
    *("191.255.255.255", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0"),
    *("223.255.255.255", "2001:200::1", "2001:4860:4860::8888", "2606:4700::1111", "2003::1", "2a00:1450::1"),
    *("2600:1::5eff:1", "3ffd::1", "3ff0::1"),
]


class TestPolicy:
    @pytest.mark.parametrize("text", REFUSED)
    def test_t1_what_is_not_a_public_unicast_address_is_refused(self, text: str) -> None:
        address = ip_address(text)

        assert refusal(address)
        assert not AddressPolicy().permits(address, from_browser=False)

    @pytest.mark.parametrize("text", PUBLIC)
    def test_a_public_address_is_permitted(self, text: str) -> None:
        assert refusal(ip_address(text)) is None
        assert AddressPolicy().permits(ip_address(text), from_browser=True)

    @given(number=st.integers(min_value=0, max_value=2**32 - 1))
    def test_t3_no_wrapping_of_an_ipv4_address_is_permitted(self, number: int) -> None:
        wrappings = [
            number,
            0xFFFF << 32 | number,
            0x64_FF9B << 96 | number,
            0x64_FF9B_0001 << 80 | number,
            0x2002 << 112 | number << 80 | 1,
            0x2001_0000 << 96 | number ^ 0xFFFF_FFFF,
            0x2600 << 112 | 0x5EFE << 32 | number,
        ]

        assert not any(AddressPolicy().permits(IPv6Address(wrapping), from_browser=False) for wrapping in wrappings)

    @given(number=st.integers(min_value=0, max_value=2**32 - 1))
    def test_nothing_that_python_calls_private_is_permitted(self, number: int) -> None:
        address = IPv4Address(number)
        if address.is_private or address.is_multicast or address.is_reserved or address.is_link_local:
            assert not AddressPolicy().permits(address, from_browser=False)

    @pytest.mark.parametrize("text", ["127.0.0.1", "127.255.0.1", "::1"])
    def test_the_operator_may_allow_a_network_besides(self, text: str) -> None:
        policy = AddressPolicy("public", LOOPBACK)

        assert policy.permits(ip_address(text), from_browser=False)
        assert policy.permits(ip_address("8.8.8.8"), from_browser=False)
        assert not policy.permits(ip_address("10.0.0.1"), from_browser=False)

    @pytest.mark.parametrize("text", ["127.0.0.1", "::1"])
    def test_a_page_in_a_browser_does_not_reach_what_is_allowed_besides(self, text: str) -> None:
        assert not AddressPolicy("public", LOOPBACK).permits(ip_address(text), from_browser=True)

    @pytest.mark.parametrize("text", ["::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1"])
    def test_a_wrapped_address_is_not_in_the_allowed_network(self, text: str) -> None:
        assert not AddressPolicy("public", LOOPBACK).permits(ip_address(text), from_browser=False)

    @pytest.mark.parametrize("text", ["8.8.8.8", "127.0.0.1"])
    def test_off_is_off(self, text: str) -> None:
        assert not AddressPolicy("off", LOOPBACK).permits(ip_address(text), from_browser=False)

    @pytest.mark.parametrize("port", [80, 443, 1024, 1066, 1067, 8080, 8443, 65_535])
    def test_ports_of_answerers(self, port: int) -> None:
        assert port_permitted(port)

    @pytest.mark.parametrize("port", [0, 1, 22, 25, 53, 79, 81, 442, 444, 853, 1023, 65_536, *SERVICE_PORTS])
    def test_ports_of_services(self, port: int) -> None:
        assert not port_permitted(port)

    @pytest.mark.parametrize("text", ["10.0.0.0/8", "::1", "fd00::/8", "127.0.0.1"])
    def test_a_network_is_read(self, text: str) -> None:
        assert parse_network(text) == ip_network(text)

    @pytest.mark.parametrize("text", ["", "10.0.0.1/8", "localhost", "10.0.0.0/33", "all"])
    def test_what_is_no_network_is_refused(self, text: str) -> None:
        with pytest.raises(BadAddress):
            parse_network(text)


class TestSource:
    @pytest.mark.parametrize(
        ("address", "key"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("", ""),
            ("testclient", "testclient"),
        ],
    )
    def test_a_stranger_is_an_ipv4_address_or_an_ipv6_64(self, address: str, key: str) -> None:
        assert source_key(address) == key

    @pytest.mark.parametrize(
        ("address", "network"), [("203.0.113.7", "203.0.113.0/24"), ("2001:db8:1:2::1", "2001:db8:1::/48")]
    )
    def test_a_victims_network(self, address: str, network: str) -> None:
        assert neighbourhood(ip_address(address)) == network

    @pytest.mark.parametrize(
        ("peer", "forwarded_for", "client"),
        [
            ("198.51.100.1", [], "198.51.100.1"),
            ("198.51.100.1", ["203.0.113.9"], "198.51.100.1"),
            ("127.0.0.1", [], "127.0.0.1"),
            ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
            ("::ffff:127.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", ["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", ["1.2.3.4", "203.0.113.9,10.0.0.2", "fd00::1"], "203.0.113.9"),
            ("127.0.0.1", ["10.0.0.3,10.0.0.2"], "10.0.0.3"),
            ("127.0.0.1", ["203.0.113.9", "unknown"], "127.0.0.1"),
            ("127.0.0.1", ["203.0.113.9, _hidden, 10.0.0.2"], "10.0.0.2"),
            ("127.0.0.1", ["203.0.113.9:5678"], "127.0.0.1"),
            ("127.0.0.1", ["[2001:db8::1]"], "127.0.0.1"),
            ("127.0.0.1", ["fe80::1%\x1b[31m"], "127.0.0.1"),
            ("127.0.0.1", ["203.0.113.9\n"], "203.0.113.9"),
            ("127.0.0.1", [""], "127.0.0.1"),
            ("127.0.0.1", [","], "127.0.0.1"),
            ("127.0.0.1", ["2001:DB8:0:0::1"], "2001:db8::1"),
            ("a unix socket", ["203.0.113.9"], "a unix socket"),
        ],
    )
    def test_forwarded_addresses_are_believed_from_trusted_proxies_only(
        self, peer: str, forwarded_for: list[str], client: str
    ) -> None:
        assert client_address(peer, forwarded_for, PROXIES) == client

    @given(header=st.text(alphabet=st.characters(codec="latin-1"), max_size=100))
    def test_whatever_is_forwarded_an_address_comes_out(self, header: str) -> None:
        assert parse_ip(client_address("127.0.0.1", [header], PROXIES))

    @given(header=st.text(max_size=100), forged=st.ip_addresses(), client=st.ip_addresses())
    def test_what_a_client_sends_itself_changes_nothing(self, header: str, forged: object, client: object) -> None:
        said = f"{header},{forged},{client}"
        expected = parse_ip(str(client))

        if expected is not None and not any(expected in network for network in PROXIES):
            assert client_address("127.0.0.1", [said], PROXIES) == str(expected)

    @pytest.mark.parametrize(
        ("peer", "forwarded_proto", "scheme"),
        [
            ("198.51.100.1", ["https"], "http"),
            ("127.0.0.1", [], "http"),
            ("127.0.0.1", ["https"], "https"),
            ("127.0.0.1", ["WSS"], "https"),
            ("127.0.0.1", ["https, http"], "http"),
            ("127.0.0.1", ["http", "https"], "https"),
            ("127.0.0.1", ["javascript"], "http"),
            ("a unix socket", ["https"], "http"),
        ],
    )
    def test_the_forwarded_scheme_is_believed_from_trusted_proxies_only(
        self, peer: str, forwarded_proto: list[str], scheme: str
    ) -> None:
        assert client_scheme("http", peer, forwarded_proto, PROXIES) == scheme
