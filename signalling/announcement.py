"""What the operator is told at start: which address clients must be given, and what is missing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from roundtable.logs import logger
from signalling.addresses import Authority
from signalling.turn import IceServers

if TYPE_CHECKING:
    from roundtable.config import Configuration

log = logger("roundtable")

EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 (compared with, not listened on)


def announce(configuration: Configuration) -> None:
    """Logs the start-up lines of a serving process."""
    if configuration.publicaddress:
        log.info("give clients this address", publicaddress=f"{configuration.publicaddress}/signal")
    else:
        host = configuration.host if configuration.host not in EVERYWHERE else "localhost"
        guess = f"http://{Authority(host, configuration.port)}/signal"
        log.warning(
            "the address for clients is a guess: each is told the Host of its own request; set publicaddress in the "
            "configuration",
            key="publicaddress",
            here=guess,
        )
    ice = IceServers(configuration.iceservers, configuration.turn)
    if not ice.has_stun:
        log.warning(
            "no STUN or TURN server is configured: clients learn no address but their own, so peers behind different "
            "NATs will not connect",
            key="iceservers, turn",
        )
    elif not ice.has_turn:
        log.info("no TURN server is configured: peers whose NATs admit no direct path will not connect", key="turn")
    if _lacks_native_code():
        log.warning("autobahn runs without its native code (NVX): a frame may cost several times as much")


def _lacks_native_code() -> bool:
    """Whether daphne serves, and autobahn (26.10.2) unmasks and validates in Python; uvicorn does neither by it."""
    autobahn = sys.modules.get("autobahn.websocket")
    return "daphne.server" in sys.modules and autobahn is not None and not autobahn.USES_NVX
