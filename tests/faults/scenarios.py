"""Which scenarios there are, and one run of one of them at full size."""

import asyncio
import dataclasses
import importlib
import pkgutil
import re
import resource
import subprocess
import sys
import time
from typing import Any, Protocol, cast

import tests.faults
from tests.faults.findings import Findings
from tests.serverprocess import ROOT

NUMBERS = (*range(1, 12), *range(15, 26))
"""As the table in docs/reliability.md has them; 12 to 14 are not given."""
LIMIT_SECONDS = 900.0
"""For one scenario, unless its module says otherwise."""

_MODULE = re.compile(r"r(\d\d)_\w+")
_NO_TESTS_COLLECTED = 5


class Scenario(Protocol):
    """A module of this package."""

    TITLE: str
    QUICK: Any
    FULL: Any

    async def run(self, size: Any) -> Findings:
        """Raises AssertionError when the server did not withstand it."""


class Failed(Exception):
    """The scenario did not pass, or could not be run."""


def modules() -> dict[int, str]:
    """The scenarios' modules by their numbers."""
    names = (module.name for module in pkgutil.iter_modules(tests.faults.__path__))
    matches = (_MODULE.fullmatch(name) for name in names)
    return {int(match[1]): f"tests.faults.{match[0]}" for match in matches if match}


def load(number: int) -> Scenario:
    """The scenario of this number, which has a module."""
    return cast(Scenario, importlib.import_module(modules()[number]))


def limit_seconds(number: int, seconds: float | None) -> float:
    """How long it may take; `seconds` is its length, if it was chosen."""
    if number not in modules():
        return LIMIT_SECONDS
    limit: float = getattr(load(number), "LIMIT_SECONDS", LIMIT_SECONDS)
    return limit + (seconds or 0)


def run(number: int, seconds: float | None = None) -> Findings:
    """Runs it at full size, for so long if it has a length at all; without a module, its tests. Raises Failed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if number not in modules():
        return _run_tests(number)
    scenario = load(number)
    size = scenario.FULL
    if seconds is not None and hasattr(size, "seconds"):
        size = dataclasses.replace(size, seconds=seconds)
    try:
        return _run_on_fast_loop(scenario, size)
    except (AssertionError, OSError) as failure:
        raise Failed(str(failure) or repr(failure)) from failure


def _run_on_fast_loop(scenario: Scenario, size: Any) -> Findings:
    """On uvloop, so that what is measured is the server and not its clients."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(scenario.run(size))


def _run_tests(number: int) -> Findings:
    """A scenario that has one size only: the tests that are named after it."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", "-k", f"test_r{number}_"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if finished.returncode == _NO_TESTS_COLLECTED:
        raise Failed(f"there is no test that is named test_r{number}_…")
    if finished.returncode:
        raise Failed(f"its tests failed:\n{finished.stdout[-4_000:]}")
    passed = re.search(r"(\d+) passed", finished.stdout)
    return Findings({"tests passed": int(passed[1]) if passed else 0, "seconds": time.monotonic() - began})
