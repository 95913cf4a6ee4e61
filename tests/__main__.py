"""`make test`: all tests, in four processes side by side, for most that start real servers wait most of the time.

The first begins with those that do not wait, and the others with those that do, of which each takes the next file that
none has taken yet (tests/sharing.py). The output of the others comes when that of the first has ended. Arguments are
pytest's; with the path of a test among them there is one process only. What fails beside the others is tried again
alone (tests/secondtry.py).
"""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest

from tests.secondtry import Failures, announced, concluded, is_worth_it
from tests.sharing import SLOW

PROCESSES = 4
"""Two cores are busy then, and not so busy that tests of what happens in time fail."""
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Hundreds of servers are started, and none need compile what another has."""
NONE_CHOSEN = pytest.ExitCode.NO_TESTS_COLLECTED
"""pytest's exit status when its arguments choose no test."""


def main(arguments: list[str]) -> int:
    """The exit status: 0 when all that were chosen have passed."""
    if any(Path(argument.partition("::")[0]).exists() for argument in arguments):
        return subprocess.call(_pytest(arguments), env=ENVIRONMENT)
    with tempfile.TemporaryDirectory() as claims:
        status = side_by_side(arguments, claims)
        return again(arguments, status, Failures(Path(claims)).tests())


def side_by_side(arguments: list[str], claims: str) -> int:
    """The exit status of four processes that share the tests."""
    with ExitStack() as stack:
        shared = [*arguments, *sharing(claims)]
        slow = [*shared, *(f"tests/{each}" for each in SLOW)]
        beside = [Beside(stack.enter_context(tempfile.TemporaryFile()), slow) for _ in range(PROCESSES - 1)]
        statuses = [subprocess.call(_pytest(shared), env=ENVIRONMENT)]
        statuses += [process.finish() for process in beside]
    return together(statuses)


def again(arguments: list[str], status: int, failed: list[str]) -> int:
    """The exit status after a second try, if one is worth it; else this one."""
    if not is_worth_it(status, failed):
        return status
    print(announced(failed), flush=True)
    status = subprocess.call(_pytest([*arguments, *failed]), env=ENVIRONMENT)
    if not status:
        print(concluded(failed), flush=True)
    return status


class Beside:
    """One of the processes whose output comes later."""

    def __init__(self, output: IO[bytes], arguments: list[str]) -> None:
        self._output = output
        self._process = subprocess.Popen(_pytest(arguments), env=ENVIRONMENT, stdout=output, stderr=subprocess.STDOUT)

    def finish(self) -> int:
        """Its exit status; what it has said is written out."""
        status = self._process.wait()
        self._output.seek(0)
        sys.stdout.buffer.write(self._output.read())
        sys.stdout.flush()
        return status


def together(statuses: list[int]) -> int:
    """The worst status. A process of which nothing was chosen is no failure, unless nothing was chosen at all."""
    failures = set(statuses) - {0, NONE_CHOSEN}
    if failures:
        return max(failures, key=abs)  # one that was killed is worse than one with tests that failed
    return 0 if 0 in statuses else NONE_CHOSEN


def sharing(claims: str) -> list[str]:
    """pytest's arguments; a process does not know how many of its tests the others will run, and shows no share."""
    return ["-p", "tests.sharing", f"--claims={claims}", "-o", "console_output_style=classic"]


def _pytest(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "pytest", *arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
