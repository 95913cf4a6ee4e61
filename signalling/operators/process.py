"""What the system says of this process, and how it was started."""

from __future__ import annotations

import asyncio
import sys
import time
from os import listdir, stat, sysconf
from pathlib import Path

from roundtable import VERSION
from signalling.operators.survey import Process

STATUS = Path("/proc/self/statm")
OPEN_FILES = Path("/proc/self/fd")
"""Linux; elsewhere there is no such thing, and nothing is told."""

BEGAN = time.time()
"""When this process began, or a second later."""


def look(uptime_seconds: float) -> Process:
    """This process as it is now; on its event loop."""
    return Process(
        memory_bytes=_memory_bytes(),
        open_files=_open_files(),
        uptime_seconds=uptime_seconds,
        **start_facts(),
    )


def start_facts() -> dict[str, str]:
    """What does not change while it runs: `version`, `program`, `loop`; on its event loop."""
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    return {"version": VERSION, "program": program(sys.argv), "loop": loop}


def program(arguments: list[str]) -> str:
    """The server program by its command line, a path left out: `manage.py serve --server uvicorn`, `daphne`."""
    path = Path(arguments[0] if arguments else "")
    if path.name == "__main__.py":  # python -m
        return path.parent.name
    if path.name != "manage.py":
        return path.name
    return " ".join([path.name, *(arguments[1:] if "--server" in arguments else arguments[1:2])])


def _memory_bytes() -> int | None:
    try:
        return int(STATUS.read_text().split()[1]) * sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def _open_files() -> int | None:
    """Linux has the number as the directory's size since 6.2; to list ten thousand takes 15 ms."""
    try:
        return stat(OPEN_FILES).st_size or len(listdir(OPEN_FILES))
    except OSError:
        return None
