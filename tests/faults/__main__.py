"""`make faults`: the scenarios at full size, each in a process of its own, and their figures into the document."""

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime

from tests.faults.findings import Findings
from tests.faults.report import Result, keep
from tests.faults.scenarios import NUMBERS, Failed, limit_seconds, load, modules, run
from tests.serverprocess import ROOT

_FAILED = 1


def main() -> None:
    """Status 1 when a scenario fails, or cannot be run."""
    arguments = _arguments()
    if arguments.here:
        _run_here(arguments.here, arguments.seconds)
        return
    failed = []
    for number in arguments.scenarios or NUMBERS:
        result = _run_apart(number, arguments.seconds)
        keep(number, result)  # at once: a later scenario may be interrupted
        if not result.passed:
            failed.append(f"R{number}")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("scenarios", nargs="*", type=_number, metavar="R1", help="those to run; all when none is named")
    parser.add_argument("--seconds", type=float, help="the length of those that have one, instead of their full length")
    parser.add_argument("--here", type=_number, help=argparse.SUPPRESS)
    return parser.parse_args()


def _number(name: str) -> int:
    digits = name.upper().removeprefix("R")
    if not digits.isdecimal() or int(digits) not in NUMBERS:
        raise argparse.ArgumentTypeError(f"{name} is no scenario: there are {_names()}")
    return int(digits)


def _names() -> str:
    return ", ".join(f"R{number}" for number in NUMBERS)


def _run_here(number: int, seconds: float | None) -> None:
    """The process of one scenario: its figures are the only thing it writes to standard output."""
    try:
        json.dump(run(number, seconds), sys.stdout)
    except Failed as failure:
        print(failure, file=sys.stderr)
        raise SystemExit(_FAILED) from None


def _run_apart(number: int, seconds: float | None) -> Result:
    """Runs the scenario in a process of its own, which is ended when it takes too long."""
    title = load(number).TITLE if number in modules() else "the tests that are named after it"
    print(f"R{number}: {title}", flush=True)
    length = [] if seconds is None else ["--seconds", str(seconds)]
    command = [sys.executable, "-m", "tests.faults", "--here", f"R{number}", *length]
    began, limit = time.monotonic(), limit_seconds(number, seconds)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return _told(False, {"failure": f"not over after {limit:.0f} s"}, began)
    if process.returncode:
        return _told(False, {"failure": f"status {process.returncode}; the reason is above"}, began)
    return _told(True, json.loads(output), began)


def _told(passed: bool, figures: dict[str, int | float | str], began: float) -> Result:
    outcome = "passed" if passed else "FAILED"
    print(f"    {outcome} after {time.monotonic() - began:.0f} s: {Findings(figures)}", flush=True)
    return Result(datetime.now(UTC).date().isoformat(), passed, figures)


if __name__ == "__main__":
    main()
