"""`make mutants`: takes out each fence in turn, and fails when no test notices."""

import argparse
import compileall
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from py_compile import PycInvalidationMode

from tests.mutants.mutant import Mutant, read
from tests.mutants.trial import Fate, Outcome, Run, Trials, files_of

ROOT = Path(__file__).resolve().parents[2]
JOBS = 2
INSTALLED = (".venv", "node_modules")
"""What the copies share with the tree."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Status 1 when a mutant survives, or could not be tried."""
    options = _options(arguments)
    mutants = [mutant for mutant in read() if any(words.lower() in str(mutant).lower() for words in options.k)]
    if not mutants:
        raise SystemExit(f"no mutant has {' or '.join(options.k)} in its name")
    began = time.monotonic()
    with _copies(options.jobs) as copies:
        outcomes = list(try_all(mutants, Trials(copies), options.jobs))
    print(summary(outcomes, time.monotonic() - began))
    if any(outcome.fate is not Fate.KILLED for outcome in outcomes):
        raise SystemExit(1)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    only = "only those with these words in their kind or name; may be given several times"
    parser.add_argument("-k", action="append", metavar="WORDS", help=only)
    parser.add_argument("--jobs", type=int, default=JOBS, help="how many at a time (%(default)s)")
    options = parser.parse_args(arguments)
    options.k = options.k or [""]
    return options


def try_all(mutants: Sequence[Mutant], trials: Trials, jobs: int) -> Iterator[Outcome]:
    """What becomes of each, as it is known; a line is printed for each. Their tests are run without them first."""
    with ThreadPoolExecutor(jobs) as workers:
        whole = dict(workers.map(lambda selection: _whole(trials, *selection), _selections(mutants).items()))
        trying = [workers.submit(trials.mutated, mutant, whole) for mutant in mutants]
        for tried in as_completed(trying):
            outcome = tried.result()
            print(line(outcome), flush=True)
            yield outcome


def _selections(mutants: Iterable[Mutant]) -> dict[str, set[str]]:
    """The tests of all mutants, by file."""
    selections: dict[str, set[str]] = {}
    for mutant in mutants:
        for file in files_of(mutant):
            selections.setdefault(file, set()).update(test for test in mutant.tests if test.partition("::")[0] == file)
    return selections


def _whole(trials: Trials, file: str, tests: set[str]) -> tuple[str, Run]:
    return file, trials.whole(sorted(tests))


def line(outcome: Outcome) -> str:
    """One row of the table."""
    return f"{outcome.fate:<9}{outcome.seconds:5.1f} s  {outcome.mutant!s:<88} {outcome.why}"


def summary(outcomes: Sequence[Outcome], seconds: float) -> str:
    """How many there were, and which of them are a failure."""
    counts = Counter(outcome.fate for outcome in outcomes)
    numbers = ", ".join(f"{counts[fate]} {fate.lower()}" for fate in Fate)
    failures = [line(outcome) for outcome in outcomes if outcome.fate is not Fate.KILLED]
    return "\n".join(["", *failures, f"{len(outcomes)} mutants: {numbers}; {seconds:.0f} s"])


@contextmanager
def _copies(number: int) -> Iterator[list[Path]]:
    """Copies of the tree as it is now: what git knows of, and what it does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    files = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        copies = [Path(directory, str(serial)) for serial in range(number)]
        for copy in copies:
            _copy(files, copy)
        yield copies


def _copy(files: Iterable[str], copy: Path) -> None:
    for name in files:
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    # Each trial reads nearly all of it; compiled once, and taken for a file only if that has not changed by a byte.
    compileall.compile_dir(copy, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    for name in INSTALLED:
        if (ROOT / name).exists():
            (copy / name).symlink_to((ROOT / name).resolve())


if __name__ == "__main__":
    main()
