"""`make test`: all tests, in three processes side by side, for most that start real servers wait most of the time.

The output of the second and the third comes when that of the first has ended. Arguments are pytest's; with the path of
a test among them there is one process only.
"""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO

APART = (("tests/server",), ("tests/faults", "tests/programs"))
"""What runs beside the others."""
NONE_CHOSEN = 5
"""pytest's exit status when its arguments choose no test."""


def main(arguments: list[str]) -> int:
    """The exit status: 0 when all that were chosen have passed."""
    if any(Path(argument.partition("::")[0]).exists() for argument in arguments):
        return subprocess.call(_pytest(arguments))
    with ExitStack() as stack:
        beside = [Beside(stack.enter_context(tempfile.TemporaryFile()), [*arguments, *paths]) for paths in APART]
        ignored = [f"--ignore={path}" for paths in APART for path in paths]
        statuses = [subprocess.call(_pytest([*arguments, *ignored]))]
        statuses += [process.finish() for process in beside]
    return together(statuses)


class Beside:
    """One of the processes whose output comes later."""

    def __init__(self, output: IO[bytes], arguments: list[str]) -> None:
        self._output = output
        self._process = subprocess.Popen(_pytest(arguments), stdout=output, stderr=subprocess.STDOUT)

    def finish(self) -> int:
        """Its exit status; what it has said is written out."""
        status = self._process.wait()
        self._output.seek(0)
        sys.stdout.buffer.write(self._output.read())
        sys.stdout.flush()
        return status


def together(statuses: list[int]) -> int:
    """One status of all. A process of which nothing was chosen is no failure, unless nothing was chosen at all."""
    failures = set(statuses) - {0, NONE_CHOSEN}
    if failures:
        return max(failures)
    return 0 if 0 in statuses else NONE_CHOSEN


def _pytest(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "pytest", *arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
