"""A test that fails while others keep the machine busy has a second try, alone; both are told.

Tests of real servers, browsers and calls have patience measured in seconds, and a machine with few cores, or with
neighbours, may stand still for longer. What is broken fails twice. What passes alone only is named in the end, for it
is a test to mend, or a race to find. Tests that are run by their path (`python -m tests PATH`) have one try.
"""

from collections.abc import Collection
from pathlib import Path

import pytest

MOST_TRIED_AGAIN = 5
"""More than these are no accident."""


class Failures:
    """Those of all processes that share the tests, in one file of the folder where they note what they have taken."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "failures"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes what has failed. Short lines at a file's end are written whole, whichever process writes."""
        if report.failed:
            with self._file.open("a") as file:
                file.write(f"{report.nodeid}\n")

    def tests(self) -> list[str]:
        """Each test once, by pytest's name for it, although its end may have failed, too."""
        return list(dict.fromkeys(self._file.read_text().splitlines())) if self._file.exists() else []


def is_worth_it(status: int, failed: Collection[str]) -> bool:
    """Whether failed tests, and not many, are all that is wrong with processes of which the worst has ended so."""
    return status == pytest.ExitCode.TESTS_FAILED and 0 < len(failed) <= MOST_TRIED_AGAIN


def announced(failed: Collection[str]) -> str:
    """What is said before they are tried again."""
    return "\n".join([f"=== {len(failed)} failed beside the others, tried again alone:", *failed])


def concluded(failed: Collection[str]) -> str:
    """What is said when they have passed."""
    return "\n".join(["=== passed, but alone only: each is a test to mend, or a race to find:", *failed])
