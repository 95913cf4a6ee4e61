"""Keeps aiortc on loopback, whose address it otherwise leaves out: no packet of a test reaches a network.

Tests import it. A program that a test starts gets it through PYTHONPATH: Python imports `sitecustomize` at its start.
"""

import aioice.ice


def loopback_only(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    """The host candidates' addresses."""
    return ["127.0.0.1"]


aioice.ice.get_host_addresses = loopback_only
