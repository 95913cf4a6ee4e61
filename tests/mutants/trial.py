"""Trying mutants: each in a copy of the tree, against the tests that shall notice it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.mutant import Mutant, Stale

LIMIT_SECONDS = 180.0
"""For the tests of one mutant: a server that no longer ends must not hold up the others."""

_SOME_FAILED = 1
"""Pytest's exit statuses: 0 all passed, 1 some failed; all others mean that tests could not be run."""
_FAILED_TEST = re.compile(r"^(?:FAILED|ERROR) [^\s:]+::(?:\w+::)?(?P<name>\w+)", re.MULTILINE)


class Fate(StrEnum):
    """What became of a mutant. All but the first are a failure."""

    KILLED = "killed"
    """A test failed, as it should."""
    SURVIVED = "SURVIVED"
    STALE = "STALE"
    """Its fence does not stand where it should."""
    NOT_RUN = "NOT RUN"
    """Its tests fail without it too, or cannot be run with it: they say nothing."""


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant, and why: the test that noticed, or what is wrong."""

    mutant: Mutant
    fate: Fate
    why: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Run:
    """One run of pytest; `status` is None when it took too long and was ended."""

    status: int | None
    output: str

    @property
    def failed_test(self) -> str:
        """The first test that failed, or the last thing that was said."""
        named = _FAILED_TEST.search(self.output)
        return named["name"] if named else (self.output.strip().splitlines() or ["nothing was said"])[-1]


class Trials:
    """Copies of one tree, each used by one mutant at a time. Of several threads."""

    def __init__(self, copies: Sequence[Path], limit_seconds: float = LIMIT_SECONDS) -> None:
        self._limit_seconds = limit_seconds
        self._free: SimpleQueue[Path] = SimpleQueue()
        for copy in copies:
            self._free.put(copy)

    def whole(self, tests: Iterable[str]) -> Run:
        """These tests without any mutation."""
        with self._copy() as tree:
            return self._run(tree, [*tests])

    def mutated(self, mutant: Mutant, whole: Mapping[str, Run]) -> Outcome:
        """What becomes of the mutant; `whole` are the runs without it of the files in which its tests are."""
        for file in files_of(mutant):
            if whole[file].status != 0:
                return Outcome(mutant, Fate.NOT_RUN, f"{whole[file].failed_test} fails without it too")
        began = time.monotonic()
        with self._copy() as tree:
            try:
                fate, why = self._judge(tree, mutant)
            except Stale as stale:
                fate, why = Fate.STALE, str(stale)
        return Outcome(mutant, fate, why, time.monotonic() - began)

    def _judge(self, tree: Path, mutant: Mutant) -> tuple[Fate, str]:
        with _mutation(tree, mutant):
            run = self._run(tree, mutant.tests)
        if run.status is None:
            return Fate.KILLED, "its tests do not end"
        if run.status == _SOME_FAILED:
            return Fate.KILLED, run.failed_test
        return (Fate.SURVIVED, "no test notices") if run.status == 0 else (Fate.NOT_RUN, run.failed_test)

    @contextmanager
    def _copy(self) -> Iterator[Path]:
        tree = self._free.get()
        try:
            yield tree
        finally:
            self._free.put(tree)

    def _run(self, tree: Path, tests: Sequence[str]) -> Run:
        # A file that is changed twice within a second must not be taken for its bytecode: no more is kept.
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=line", *tests]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MAKE"))}
        process = subprocess.Popen(
            command,
            cwd=tree,
            env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=self._limit_seconds)
        except subprocess.TimeoutExpired:
            return Run(None, f"not over after {self._limit_seconds:g} s")
        finally:
            with suppress(ProcessLookupError):  # servers that it has left behind, too
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return Run(process.returncode, output)


def files_of(mutant: Mutant) -> list[str]:
    """The files in which its tests are."""
    return sorted({test.partition("::")[0] for test in mutant.tests})


@contextmanager
def _mutation(tree: Path, mutant: Mutant) -> Iterator[None]:
    file = tree / mutant.file
    text = file.read_text(encoding="utf-8")
    file.write_text(mutant.of(text), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(text, encoding="utf-8")
