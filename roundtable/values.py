"""What single values of the configuration may be: each function takes one, and returns it in its one form. Pure.

They raise NotAllowed (a ValueError), whose text says what is allowed.
"""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationInfo

from roundtable.mistakes import NotAllowed
from signalling.addresses import (
    Authority,
    BadAddress,
    IPNetwork,
    parse_authority,
    parse_ip,
    parse_network,
    parse_target,
)
from signalling.turn import Turn

IceServer: TypeAlias = dict[str, Any]
"""W3C WebRTC, section 4.2.2: `RTCIceServer` as clients are sent it: `urls`, a list, and `username` and `credential`."""

_LOCAL_ADDRESS = "host or host:port, the port from 0 to 65535; IPv6 before a port in brackets"
_PORT = re.compile(r"(?P<host>.*):(?P<port>[0-9]{1,5})")
_ORIGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>.+)")
_ICE_URL = re.compile(r"(?:stuns?:(?P<stun>[^?]+)|turns?:(?P<turn>[^?]+)(?:\?transport=(?:udp|tcp))?)")
"""RFC 7064, section 3.1, and RFC 7065, section 3.1."""
_DEFAULT_PORTS = {"http": 80, "https": 443}

NEAR: tuple[IPNetwork, ...] = tuple(
    parse_network(text)
    for text in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
"""Loopback (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3) and private networks (RFC 1918; RFC 4193)."""

MIN_TURN_SECONDS, MAX_TURN_SECONDS = 60, 3_600
"""A credential that leaks is good for anybody until it ends; a call that began with it may go on."""


def lower(value: object) -> object:
    """Levels and the like are read without regard to case."""
    return value.lower() if isinstance(value, str) else value


def none_if_empty(value: object) -> object:
    """An empty text is an unset key, as with the Go server."""
    return None if value == "" else value


def file_path(value: object, info: ValidationInfo) -> object:
    """A path; a relative one is taken from the directory that the validation was given."""
    if isinstance(value, str):
        value = _path(value)
    directory = (info.context or {}).get("directory")
    return directory / value if isinstance(value, Path) and directory is not None else value


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise NotAllowed("a file's path")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # there is no such user
        raise NotAllowed("a file's path; after ~ a user of this machine") from error


def split_address(text: str) -> tuple[str, int | None]:
    """Host (without brackets, empty for all interfaces) and port of a checked `localaddress`."""
    match = None if parse_ip(text) else _PORT.fullmatch(text)
    host, port = (match["host"], int(match["port"])) if match else (text, None)
    return host.strip("[]"), port


def local_address(text: str) -> str:
    """`host`, `host:port`, `:port` as Go has it, or nothing. Raises NotAllowed."""
    host, port = split_address(text)
    is_port = port is None or port <= 65_535
    is_clear = ":" in host if text.startswith("[") else port is None or ":" not in host
    if not is_port or not is_clear or not _is_host(host):
        raise NotAllowed(_LOCAL_ADDRESS)
    return text.lower()


def _is_host(text: str) -> bool:
    """A name or an address; digits and dots alone are an IPv4 address or a mistake."""
    if not text or parse_ip(text):
        return True
    return not re.fullmatch(r"[0-9.]+", text) and _authority(text) is not None


def public_address(text: str | None) -> str | None:
    """Scheme, host and port as clients are given them: in lower case, without the trailing slash. Raises NotAllowed."""
    try:
        return None if text is None else parse_target(text).prefix
    except BadAddress as error:
        raise NotAllowed("http://host[:port] or https://host[:port], without a path") from error


def origin(text: str) -> str:
    """A web origin as browsers serialize it (RFC 6454, section 6.2): lower case, without the scheme's own port."""
    match = _ORIGIN.fullmatch(text.lower().removesuffix("/"))
    authority = _authority(match["authority"]) if match else None
    if match is None or authority is None:
        raise NotAllowed("an origin such as https://example.org or https://example.org:8443, without a path")
    scheme = match["scheme"]
    port = None if authority.port == _DEFAULT_PORTS.get(scheme) else authority.port
    return f"{scheme}://{Authority(authority.host, port)}"


def allowed_host(text: str) -> str:
    """A pattern of Django's ALLOWED_HOSTS: no scheme and no port."""
    if text == "*":
        return text
    address = parse_ip(text)
    authority = _authority(f"[{text}]" if address and address.version == 6 else text.removeprefix("."))
    if authority is None or authority.port is not None:
        raise NotAllowed("a host name without scheme and port; .example.org is it with its subdomains, * is any")
    return ("." if text.startswith(".") else "") + str(authority)


def network(value: object) -> IPNetwork:
    """A network in CIDR notation; a bare address is a network of one."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return parse_network(value if isinstance(value, str) else "")
    except BadAddress as error:
        raise NotAllowed("a network such as 127.0.0.0/8 or ::1/128, without bits beyond its prefix") from error


def ip_address(text: str | None) -> str | None:
    """An IPv4 or IPv6 address."""
    address = None if text is None else parse_ip(text)
    if text is not None and address is None:
        raise NotAllowed("an IP address of this machine")
    return None if address is None else str(address)


def ice_server(value: Any) -> IceServer:
    """An `RTCIceServer`; `urls` may be one URL, and a bare URL stands for a server without credentials."""
    given = {"urls": value} if isinstance(value, str) else value
    if not isinstance(given, dict) or "urls" not in given or not given.keys() <= {"urls", "username", "credential"}:
        raise NotAllowed("a URL, or a mapping of urls, username and credential")
    urls = [given["urls"]] if isinstance(given["urls"], str) else given["urls"]
    if not isinstance(urls, list | tuple) or not urls:
        raise NotAllowed("urls: one URL or a list of them")
    server: IceServer = {"urls": [_ice_url(url) for url in urls]}
    server |= {name: _text(given[name], name) for name in ("username", "credential") if given.get(name) is not None}
    if any(url.startswith("turn") for url in server["urls"]) and len(server) < 3:
        raise NotAllowed("a turn: or turns: URL with both username and credential (W3C WebRTC, section 4.4.1.1)")
    return server


def turn(value: Any) -> Turn | None:
    """A coturn with a shared secret: `urls`, `secret`, and for how many seconds a credential is good (`ttl`)."""
    if value is None:
        return None
    if not isinstance(value, dict) or not {"urls", "secret"} <= value.keys() <= {"urls", "secret", "ttl"}:
        raise NotAllowed("a mapping of urls, secret and ttl")
    urls = [value["urls"]] if isinstance(value["urls"], str) else value["urls"]
    if not isinstance(urls, list | tuple) or not urls:
        raise NotAllowed("urls: one turn: or turns: URL or a list of them")
    checked = [_ice_url(url) for url in urls]
    if not all(url.startswith("turn") for url in checked):
        raise NotAllowed("urls: turn: or turns: URLs; stun: URLs belong to iceservers")
    ttl = str(value.get("ttl") or MAX_TURN_SECONDS)
    if not ttl.isdecimal() or not MIN_TURN_SECONDS <= int(ttl) <= MAX_TURN_SECONDS:
        raise NotAllowed(f"ttl: whole seconds from {MIN_TURN_SECONDS} to {MAX_TURN_SECONDS}")
    return Turn(checked, _text(value["secret"], "secret"), int(ttl))


def _ice_url(url: object) -> str:
    match = _ICE_URL.fullmatch(url.lower()) if isinstance(url, str) else None
    if match is None or _authority(match["stun"] or match["turn"]) is None:
        raise NotAllowed("stun:host[:port], stuns:host[:port], turn:host[:port][?transport=udp or tcp] or turns: alike")
    return match[0]


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise NotAllowed(f"{name}: a text")
    return value


def _authority(text: str) -> Authority | None:
    try:
        return parse_authority(text)
    except BadAddress:
        return None
