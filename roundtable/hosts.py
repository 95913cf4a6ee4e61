"""Hosts for which Django's pages are served when `allowedhosts` is unset. They guard nothing else (T39)."""

import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from roundtable.config import Configuration

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_SIOCGIFADDR = 0x8915
"""Linux, netdevice(7): the IPv4 address of an interface."""
_IF_INET6 = Path("/proc/net/if_inet6")
"""Linux, proc(5): the IPv6 addresses of all interfaces, 32 hexadecimal digits first in each line."""


def allowed_hosts(configuration: Configuration) -> list[str]:
    """Django's ALLOWED_HOSTS: as configured, else the public host, loopback names and the addresses listened on."""
    if configuration.allowedhosts is not None:
        return list(configuration.allowedhosts)
    public = [configuration.public_host] if configuration.public_host else []
    return list(dict.fromkeys([*public, *LOOPBACK, *listened_on(configuration.host)]))


def listened_on(host: str) -> list[str]:
    """The host itself, or for all interfaces the addresses of this machine, IPv6 in brackets."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104
        return [*_ipv4_addresses(), *_ipv6_addresses()]
    return [f"[{host}]" if ":" in host else host]


def _ipv4_addresses() -> Iterator[str]:
    if sys.platform != "linux":
        return
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
            except OSError:  # an interface without an IPv4 address
                continue
            yield socket.inet_ntoa(answer[20:24])


def _ipv6_addresses() -> Iterator[str]:
    try:
        lines = _IF_INET6.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        yield f"[{ipaddress.IPv6Address(int(line.split()[0], 16))}]"
