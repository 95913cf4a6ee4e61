"""A server process seen from outside: its memory, its sockets, and what it says about itself when it goes."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.serverprocess import Server


def memory_megabytes(pid: int) -> float:
    """Its proportional set size (`proc_pid_smaps(5)`)."""
    return _of_rollup(pid, "Pss")


def allocated_megabytes(pid: int) -> float:
    """Its anonymous memory. Unlike its proportional share, that does not jump when another Python here ends."""
    return _of_rollup(pid, "Anonymous")


def _of_rollup(pid: int, name: str) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def resident_megabytes(pid: int) -> float:
    """Its resident set size (`proc_pid_statm(5)`)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


def open_sockets(pid: int) -> int:
    """How many sockets it holds, those it listens on included."""
    held = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            held += os.readlink(descriptor).startswith("socket:")
        except FileNotFoundError:  # closed meanwhile
            continue
    return held


def census(running: Server, moment: str) -> dict[str, int]:
    """The sizes of its registries as it logs them at the `moment` "draining" or "stopped"."""
    lines = [line for line in running.log.splitlines() if f" msg={moment} " in line]
    assert len(lines) == 1, f"the server logged {len(lines)} lines {moment!r}"
    return {name: int(count) for name, count in re.findall(r" (\w+)=(\d+)\b(?!-)", lines[0].partition(" msg=")[2])}


def assert_empty(running: Server, moment: str = "stopped") -> None:
    """Every registry of the process was empty at that moment."""
    left = census(running, moment)
    assert {"connections", "peers", "calls", "tables"} <= left.keys(), left
    assert not any(left.values()), f"at {moment!r} something was left: {left}"


@dataclass
class Samples:
    """Memory of a process over time."""

    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    @property
    def megabytes_per_minute(self) -> float:
        """The slope of the line through them (least squares), leaving out the first third, in which it warms up."""
        first = len(self.seconds) // 3
        times, sizes = self.seconds[first:], self.megabytes[first:]
        mean_time, mean_size = sum(times) / len(times), sum(sizes) / len(sizes)
        spread = sum((time - mean_time) ** 2 for time in times)
        return 60 * sum((t - mean_time) * (s - mean_size) for t, s in zip(times, sizes, strict=True)) / (spread or 1)


@asynccontextmanager
async def sampling(pid: int, every_seconds: float) -> AsyncIterator[Samples]:
    """Takes samples while the block lasts."""
    samples, began = Samples(), time.monotonic()

    async def sample() -> None:
        while True:
            samples.seconds.append(time.monotonic() - began)
            samples.megabytes.append(allocated_megabytes(pid))
            await asyncio.sleep(every_seconds)

    task = asyncio.create_task(sample())
    try:
        yield samples
    finally:
        task.cancel()
