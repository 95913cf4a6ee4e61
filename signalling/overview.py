"""The overview of a running process: what there is, what was counted, what the system says. On the event loop only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signalling import process
from signalling.figures import Here, Overview

if TYPE_CHECKING:
    from signalling.runtime import Runtime


def overview(runtime: Runtime) -> Overview:
    """What there is to be seen now."""
    seen = process.look(runtime.uptime_seconds)
    return runtime.switchboard.figures.overview(here(runtime), seen, runtime.clock())


def here(runtime: Runtime) -> Here:
    """How many of everything there are now."""
    census = runtime.census()
    away = len(runtime.switchboard.presence.away)
    return Here(
        connections=census["connections"],
        connected=census["peers"] - away,
        away=away,
        waiting=census["exchanges"],
        tables=census["tables"],
        open_calls=census["calls"],
        draining=runtime.draining,
    )
