"""What Twisted has to say, in our log. Daphne throws it away, faults of the program included."""

from __future__ import annotations

import time
from typing import Any

from roundtable.logs import logger

log = logger("roundtable.server")

QUIET_SECONDS = 60.0
"""Between two lines about a state that lasts."""


class Observer:
    """Takes Twisted's events: an error of this program, or that no file can be opened; nothing else."""

    def __init__(self) -> None:
        self._quiet_until = 0.0

    def __call__(self, event: dict[str, Any]) -> None:
        """Logs this event, if it is one of those."""
        failure = event.get("log_failure")
        if failure is not None:
            try:
                failure.raiseException()
            except Exception:
                log.exception("error in the server program")
        elif "EMFILE encountered" in (event.get("log_format") or "") or "acceptError" in event:
            self._tell_of_full_table(time.monotonic())

    def _tell_of_full_table(self, now: float) -> None:
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_SECONDS
            log.warning("no more files can be opened: new connections are refused (limits.connections, LimitNOFILE)")


observe: Any = Observer()
