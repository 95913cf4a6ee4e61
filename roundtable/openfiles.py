"""How many files this process may hold open, and how many its configuration may come to need."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from roundtable.logs import logger

if TYPE_CHECKING:
    from signalling.limits import Limits

log = logger("roundtable.server")

OTHERS = 128
"""For what no limit counts: the log, the database, static files, look-ups of names (64), the event loop itself."""


def raise_limit() -> int:
    """Raises the soft limit of open files to the hard one; how many may be open now.

    The soft limit is usually 1,024 for programs that use select(2), which this one does not.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def needed(limits: Limits) -> int:
    """How many files are open when every limit is reached."""
    return limits.connections + limits.http_connections + limits.outbound + OTHERS


def prepare(limits: Limits) -> None:
    """Makes room, and says so when there is not enough."""
    allowed = raise_limit()
    if allowed != resource.RLIM_INFINITY and needed(limits) > allowed:
        log.warning(
            "limits.connections is more than the open files that are allowed: raise LimitNOFILE, or lower the limit",
            allowed=allowed,
            needed=needed(limits),
        )
