"""Which addresses an offer may be posted to, what a public address is, and whose address counts. Pure.

Texts are parsed here, but an address is judged only after it was resolved: a text has too many disguises.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Literal

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

MAX_HOST_CHARACTERS = 253
_DEFAULT_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[^\[\]:/?#@\\\s]{1,253})(?::(?P<port>[0-9]{1,5}))?")
_TARGET = re.compile(rf"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://(?P<authority>{_AUTHORITY.pattern})/?")
_NAME = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")

REFUSED_IPV4: dict[IPv4Network, str] = {
    IPv4Network(network): reason
    for network, reason in (
        ("0.0.0.0/8", "this network (RFC 791)"),
        ("10.0.0.0/8", "private use (RFC 1918)"),
        ("100.64.0.0/10", "carrier NAT (RFC 6598), and clouds' metadata"),
        ("127.0.0.0/8", "loopback (RFC 1122)"),
        ("168.63.129.16/32", "a cloud's platform services, though publicly routable"),
        ("169.254.0.0/16", "link-local (RFC 3927), clouds' metadata"),
        ("172.16.0.0/12", "private use (RFC 1918)"),
        ("192.0.0.0/24", "IETF protocol assignments (RFC 6890), a cloud's metadata"),
        ("192.0.2.0/24", "documentation (RFC 5737)"),
        ("192.31.196.0/24", "AS112 (RFC 7535)"),
        ("192.52.193.0/24", "automatic multicast tunnelling (RFC 7450)"),
        ("192.88.99.0/24", "6to4 relays (RFC 7526)"),
        ("192.168.0.0/16", "private use (RFC 1918)"),
        ("192.175.48.0/24", "AS112 (RFC 7534)"),
        ("198.18.0.0/15", "benchmarks (RFC 2544)"),
        ("198.51.100.0/24", "documentation (RFC 5737)"),
        ("203.0.113.0/24", "documentation (RFC 5737)"),
        ("224.0.0.0/4", "multicast (RFC 5771)"),
        ("240.0.0.0/4", "reserved, and broadcast (RFC 1112, RFC 919)"),
    )
}
"""Not global unicast, or never a peer. `ipaddress.is_global` differs between Python versions."""

GLOBAL_UNICAST_IPV6 = IPv6Network("2000::/3")
"""All that IANA has handed out. Outside are mapped, compatible and translated IPv4, NAT64 (64:ff9b::/96 and
64:ff9b:1::/48), unique local, link-local, site-local and multicast addresses."""

REFUSED_IPV6: dict[IPv6Network, str] = {
    IPv6Network(network): reason
    for network, reason in (
        ("2001::/23", "IETF protocol assignments (RFC 2928): Teredo (RFC 4380), ORCHID, benchmarks"),
        ("2001:db8::/32", "documentation (RFC 3849)"),
        ("2002::/16", "6to4: wraps an IPv4 address (RFC 3056)"),
        ("2620:4f:8000::/48", "AS112 (RFC 7534)"),
        ("3ffe::/16", "6bone, returned (RFC 3701)"),
        ("3fff::/20", "documentation (RFC 9637)"),
    )
}
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""The first half of an interface identifier that wraps an IPv4 address (RFC 5214, section 6.1)."""

HTTP_PORTS = frozenset({80, 443})
FIRST_UNPRIVILEGED_PORT = 1024
SERVICE_PORTS: dict[int, str] = {
    1080: "SOCKS",
    1099: "Java RMI",
    1433: "SQL Server",
    1434: "SQL Server",
    1521: "Oracle",
    1719: "H.323",
    1720: "H.323",
    1723: "PPTP",
    1883: "MQTT",
    2049: "NFS",
    2181: "ZooKeeper",
    2375: "Docker",
    2376: "Docker",
    2379: "etcd",
    2380: "etcd",
    3128: "Squid",
    3260: "iSCSI",
    3306: "MySQL",
    3389: "RDP",
    3659: "Apple SASL",
    4045: "NFS lock",
    4190: "ManageSieve",
    4369: "Erlang",
    5060: "SIP",
    5061: "SIP",
    5432: "PostgreSQL",
    5672: "AMQP",
    5900: "VNC",
    5901: "VNC",
    5984: "CouchDB",
    5985: "WinRM",
    5986: "WinRM",
    6000: "X11",
    6379: "Redis",
    6443: "Kubernetes",
    6566: "SANE",
    6665: "IRC",
    6666: "IRC",
    6667: "IRC",
    6668: "IRC",
    6669: "IRC",
    6697: "IRC",
    7001: "WebLogic",
    8086: "InfluxDB",
    8500: "Consul",
    8883: "MQTT",
    9042: "Cassandra",
    9092: "Kafka",
    9100: "printers",
    9200: "Elasticsearch",
    9300: "Elasticsearch",
    10080: "Amanda",
    10250: "Kubernetes",
    10255: "Kubernetes",
    11211: "memcached",
    15672: "RabbitMQ",
    27017: "MongoDB",
    27018: "MongoDB",
    27019: "MongoDB",
    61616: "ActiveMQ",
}
"""Ports of services that would act on, or choke on, a stranger's POST; after the bad ports of the Fetch standard."""


class BadAddress(ValueError):
    """The text is no address of the expected form; the message repeats nothing of it and is safe to show."""


@dataclass(frozen=True, slots=True)
class Authority:
    """`host[:port]` (RFC 3986, section 3.2): the host in lower case and ASCII, IPv6 without brackets."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def is_same_as(self, other: "Authority") -> bool:
        """Whether both name one public address: a missing port equals 80 and 443, a final dot is nothing."""
        if self.host.rstrip(".") != other.host.rstrip("."):
            return False
        if self.port == other.port:
            return True
        return (self.port is None and other.port in HTTP_PORTS) or (other.port is None and self.port in HTTP_PORTS)


@dataclass(frozen=True, slots=True)
class Target:
    """A server's public address, as `PublicIP` and `publicaddress` give it; `port` is None when none is written."""

    scheme: str
    host: str
    port: int | None = None

    @property
    def authority(self) -> Authority:
        """What the Host header says."""
        return Authority(self.host, self.port)

    @property
    def dialled_port(self) -> int:
        """The port written, or that of the scheme."""
        return _DEFAULT_PORTS[self.scheme] if self.port is None else self.port

    @property
    def prefix(self) -> str:
        """The URL prefix without a final slash: the `PublicIP` of peers at this server."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        """Where offers are posted."""
        return f"{self.prefix}/signal"

    def is_same_as(self, other: "Target | Authority") -> bool:
        """Whether both name one public address, whatever their schemes."""
        return self.authority.is_same_as(other if isinstance(other, Authority) else other.authority)


def parse_target(text: str) -> Target:
    """The target of a URL prefix `http(s)://host[:port]`, with or without a final slash. Raises BadAddress."""
    match = _TARGET.fullmatch(text)
    if match is None:
        raise BadAddress("an address must be http://host, http://host:port, or the same with https")
    authority = parse_authority(match["authority"])
    return Target(match["scheme"].lower(), authority.host, authority.port)


def parse_authority(text: str) -> Authority:
    """The authority of a `Host` header, `host[:port]` and nothing else. Raises BadAddress."""
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise BadAddress("host or host:port is expected")
    port = None if match["port"] is None else int(match["port"])
    if port is not None and not 1 <= port <= 65_535:
        raise BadAddress("a port must be between 1 and 65535")
    return Authority(_parse_host(match["host"]), port)


LONGEST_ADDRESS = 45
"""Characters of an IPv6 address that ends in an IPv4 one (RFC 4291, section 2.2)."""


def parse_ip(text: str) -> IPAddress | None:
    """The address of this text, an IPv4-mapped one as its IPv4; None when it is none, or has a zone."""
    return None if "%" in text or len(text) > LONGEST_ADDRESS else _parsed(text)


@lru_cache(4_096)
def _parsed(text: str) -> IPAddress | None:
    """A handshake asks seven times about the same one, and the clients behind one address come together."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return _unmapped(address)


def parse_network(text: str) -> IPNetwork:
    """A network in CIDR notation, or one address. Raises BadAddress."""
    try:
        return ip_network(text)
    except ValueError:
        raise BadAddress("a network such as 10.0.0.0/8 or fd00::/8 is expected, without host bits") from None


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Where offers are posted: to `public` addresses and besides to those of `allow`, or (`off`) nowhere at all."""

    forward: Literal["public", "off"] = "public"
    allow: tuple[IPNetwork, ...] = ()

    def permits(self, address: IPAddress, *, from_browser: bool) -> bool:
        """Whether an offer may be posted to this resolved address.

        `from_browser`: the request carried an `Origin`, so a page of anybody's may have made it in the browser of
        somebody inside. Such a request never reaches what `allow` names.
        """
        if self.forward == "off":
            return False
        if refusal(address) is None:
            return True
        return not from_browser and any(address in network for network in self.allow)


def refusal(address: IPAddress) -> str | None:
    """Why this address is not a public one, or None when it is."""
    if isinstance(address, IPv4Address):
        return _reason_in(address, REFUSED_IPV4)
    if address.scope_id is not None:
        return "bound to an interface (RFC 4007)"
    if address not in GLOBAL_UNICAST_IPV6:
        return "not global unicast (RFC 4291)"
    if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
        return "ISATAP: wraps an IPv4 address (RFC 5214)"
    return _reason_in(address, REFUSED_IPV6)


def port_permitted(port: int) -> bool:
    """Whether offers may be posted to this port: HTTP's own, or one above 1023 that no usual service has."""
    return port in HTTP_PORTS or (FIRST_UNPRIVILEGED_PORT <= port <= 65_535 and port not in SERVICE_PORTS)


@lru_cache(4_096)
def source_key(address: str) -> str:
    """What one stranger has at the least: an IPv4 address or an IPv6 /64. Anything else is its own key."""
    ip = parse_ip(address)
    if ip is None:
        return address
    return str(ip) if isinstance(ip, IPv4Address) else str(IPv6Network((ip, 64), strict=False))


def forget_addresses() -> None:
    """Drops what is kept of those that came; they may come again."""
    _parsed.cache_clear()
    source_key.cache_clear()


def neighbourhood(address: IPAddress) -> str:
    """The network that one victim may own: the IPv4 /24 or the IPv6 /48."""
    return str(ip_network((address, 24 if isinstance(address, IPv4Address) else 48), strict=False))


def client_address(peer: str, forwarded_for: Iterable[str], trusted: Sequence[IPNetwork]) -> str:
    """The client's address: `peer`, or what `X-Forwarded-For` (its values, in order) says behind trusted proxies.

    Read from the right, for the leftmost entries are whatever the client sent; each entry is believed only because the
    one after it is a trusted proxy, and only if it is an address.
    """
    believed = parse_ip(peer)
    entries = [entry.strip() for value in forwarded_for for entry in value.split(",")]
    while believed is not None and entries and _is_in(believed, trusted):
        entry = parse_ip(entries.pop())
        if entry is None:
            break
        believed = entry
    return peer if believed is None else str(believed)


def is_trusted(peer: str, trusted: Sequence[IPNetwork]) -> bool:
    """Whether what `peer`, the other end of a socket, says of its client is believed."""
    address = parse_ip(peer)
    return address is not None and _is_in(address, trusted)


def client_scheme(
    scheme: Literal["http", "https"], peer: str, forwarded_proto: Iterable[str], trusted: Sequence[IPNetwork]
) -> Literal["http", "https"]:
    """The scheme the client used: the last that `X-Forwarded-Proto` names, if `peer` is a trusted proxy."""
    if not is_trusted(peer, trusted):
        return scheme
    entries = [entry.strip().lower() for value in forwarded_proto for entry in value.split(",")]
    if not entries or entries[-1] not in ("http", "https", "ws", "wss"):
        return scheme
    return "https" if entries[-1] in ("https", "wss") else "http"


def _parse_host(text: str) -> str:
    if text.startswith("["):
        try:
            return str(IPv6Address(text[1:-1]))
        except ValueError:
            raise BadAddress("not an IPv6 address in brackets") from None
    host = text if text.isascii() else _to_ascii(text)
    if len(host) > MAX_HOST_CHARACTERS or _NAME.fullmatch(host) is None:
        raise BadAddress("not a host name")
    return host.lower()


def _to_ascii(name: str) -> str:
    """The ASCII form of an internationalised name (RFC 3490); it also turns full-width digits into digits."""
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadAddress("not a host name") from None


def _unmapped(address: IPAddress) -> IPAddress:
    """A socket that listens on both families sees IPv4 clients as ::ffff:a.b.c.d."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_in(address: IPAddress, networks: Iterable[IPNetwork]) -> bool:
    return any(address in network for network in networks)


def _reason_in(address: IPAddress, refused: dict[IPv4Network, str] | dict[IPv6Network, str]) -> str | None:
    return next((reason for network, reason in refused.items() if address in network), None)
