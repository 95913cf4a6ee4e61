"""Runs a Python program whose garbage nobody collects, and which says at SIGUSR1 what a collector would find.

    python -m tests.server.uncollected manage.py serve …

Reference counts alone free what is in no cycle: with them memory returns as soon as a connection is gone.
"""

import gc
import runpy
import signal
import sys
from collections import Counter
from typing import Any

HELD, NOBODYS, NOTHING = "held", "nobody has collected", "nothing"
CONNECTIONS = {"HTTPChannel", "FastChannel", "FastWebSocket", "WebSocketProtocol", "WebSocket", "Connection", "Session"}
"""Classes of which each object is about one connection, or who speaks there."""


def say_what_is_left(*_: Any) -> None:
    """Writes which of those there are, and of what class all objects are that nobody holds; these are freed then."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    nobodys = Counter(map(_name, gc.garbage))
    gc.garbage.clear()
    gc.collect()
    held = Counter(name for each in gc.get_objects() if (name := _name(each)) in CONNECTIONS)
    print(f"{HELD}: {_listed(held)}; {NOBODYS}: {_listed(nobodys)}", flush=True)


def _name(each: object) -> str:
    return type(each).__qualname__


def _listed(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items())) or NOTHING


if __name__ == "__main__":
    gc.disable()
    signal.signal(signal.SIGUSR1, say_what_is_left)
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
