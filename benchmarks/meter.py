"""What another process has used, seen from outside: processor time and memory (Linux)."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

LOOK_SECONDS = 0.25
IDLE_SHARE = 0.04
"""Of a processor: a server that uses less does nothing but its housekeeping."""
IDLE_LOOKS = 3


class Meter:
    """The CPU clock and the memory of one process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._clock = (~pid << 3) | 2
        """The clock that clock_getcpuclockid(3) names: all threads of the process, those that have ended too, in ns."""

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it has used since it began. Raises OSError when it has gone."""
        return time.clock_gettime(self._clock)

    @property
    def anonymous_kib(self) -> int:
        """What it has allocated and touched (`Anonymous` of proc_pid_smaps(5)): no file, nothing of the kernel's."""
        rollup = Path(f"/proc/{self._pid}/smaps_rollup").read_text()
        found = re.search(r"^Anonymous:\s+(\d+) kB", rollup, re.MULTILINE)
        assert found is not None, "smaps_rollup has no line Anonymous"
        return int(found[1])

    async def until_idle(self, within: float) -> None:
        """Returns when it has done next to nothing for a moment. Raises TimeoutError."""
        looks = 0
        async with asyncio.timeout(within):
            while looks < IDLE_LOOKS:
                before = self.cpu_seconds
                await asyncio.sleep(LOOK_SECONDS)
                looks = looks + 1 if self.cpu_seconds - before < IDLE_SHARE * LOOK_SECONDS else 0
