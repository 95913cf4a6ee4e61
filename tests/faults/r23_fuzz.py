"""R23: both corpora of bad inputs and seeded mutations of everything, against a real server, beside good calls.

make fuzz                                   ten minutes, a seed of its own
make fuzz ARGS='--seconds 60 --seed 7'
make fuzz ARGS=/tmp/roundtable-fuzz/….json  one input again
"""

import argparse
import asyncio
import itertools
import re
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.faults.attempts import Attempt
from tests.faults.findings import Findings, latency
from tests.faults.fuzzing import corpora, mutations
from tests.faults.goodcalls import GoodCalls
from tests.faults.stranger import Door
from tests.faults.together import together
from tests.faults.vitals import assert_empty, memory_megabytes
from tests.serverprocess import HOST, Server, server

TITLE = "bad inputs and seeded mutations of them in a loop"
FOUND = Path(tempfile.gettempdir()) / "roundtable-fuzz"
"""Where inputs are kept that the server did not withstand."""
COMPLAINT_CHARACTERS = 2_000
RESUME_SECONDS = 1
CONFIG = {
    "loglevel": "info",
    "timeout": 2,
    "forward": "off",  # a mutated address may be anybody's: nothing may leave this machine
    "limits": {"resume_seconds": RESUME_SECONDS},
}


@dataclass(frozen=True)
class Size:
    """How long, from which seed (None: another each time), how many at once, and beside how many good pairs."""

    seconds: float
    seed: int | None = None
    at_once: int = 48
    pairs: int = 2


QUICK = Size(seconds=3, seed=23)
FULL = Size(seconds=600, pairs=10)


@dataclass
class Fuzz:
    """One run at one server."""

    running: Server
    at_once: int
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    """A line each."""
    _log_read: int = 0
    _sources: Iterator[int] = field(default_factory=itertools.count)

    def door(self) -> Door:
        """From one of 5,000 addresses, so that their number is not what is refused."""
        number = next(self._sources) % 5_000
        return Door(HOST, self.running.port, f"127.{100 + number // 250}.{1 + number % 250}.1")

    async def perform_all(self, batch: Sequence[Attempt]) -> None:
        """All of them, some at once; then the log is read."""
        gate = asyncio.Semaphore(self.at_once)

        async def one(attempt: Attempt) -> None:
            async with gate:
                await self._perform(attempt)

        await together(one(attempt) for attempt in batch)
        if complaint := self._complaint():
            await self._find_culprit(batch, complaint)

    async def _perform(self, attempt: Attempt) -> None:
        try:
            outcome = await attempt.perform(self.door())
        except (AssertionError, OSError) as fault:
            outcome = "fault"
            self._report(attempt, str(fault) or repr(fault))
        self.outcomes[f"{attempt.kind} {outcome}"] += 1

    async def _find_culprit(self, batch: Sequence[Attempt], first_complaint: str) -> None:
        """Something of this batch made the server log an error: each again, alone."""
        for attempt in batch:
            await self._perform(attempt)
            await asyncio.sleep(0.1)  # for the log's own thread
            if complaint := self._complaint():
                self._report(attempt, complaint)
                return
        self.faults.append(f"an error was logged that no single input brings about: {first_complaint}")

    def _complaint(self) -> str | None:
        """What the server logged as an error of its own since the last look, and what followed."""
        log = self.running.log
        new, self._log_read = log[self._log_read :], len(log)
        error = re.search(r"^.*(level=error|Traceback).*", new, re.MULTILINE)
        return None if error is None else new[error.start() :][:COMPLAINT_CHARACTERS]

    def _report(self, attempt: Attempt, fault: str) -> None:
        FOUND.mkdir(exist_ok=True)
        file = FOUND / f"{attempt.name.replace(' ', '-').replace(',', '').replace('/', '-')}.json"
        attempt.write(file)
        self.faults.append(f"{attempt.name}: {fault[:600]}\n    make fuzz ARGS='{file}'")


async def run(size: Size) -> Findings:
    """Fuzzes for so long. Raises AssertionError that names each input which was not withstood, and how to repeat it."""
    seed = secrets.randbelow(10**6) if size.seed is None else size.seed
    print(f"seed {seed}", file=sys.stderr, flush=True)  # standard output is for figures
    good = GoodCalls()
    with server(CONFIG) as running:
        fuzz = Fuzz(running, size.at_once)
        before = memory_megabytes(running.process.pid)
        calling = [asyncio.create_task(good.go_on(fuzz.door(), fuzz.door())) for _ in range(size.pairs)]
        await _fuzz(fuzz, seed, size.seconds)
        for task in calling:
            task.cancel()
        await _raise_failures(calling)
        await asyncio.sleep(RESUME_SECONDS + 1)
        after = memory_megabytes(running.process.pid)
        await asyncio.to_thread(running.stop)
        assert not (complaint := fuzz._complaint()), f"seed {seed}: the server logged, at last: {complaint}"
        assert not fuzz.faults, f"seed {seed}: {len(fuzz.faults)} faults\n" + "\n".join(fuzz.faults[:20])
        assert_empty(running, "draining")
    assert good.seconds and good.posted, "no good call was made"
    return Findings({"memory before MB": before, "memory after MB": after, **_findings(seed, fuzz, good)})


async def _fuzz(fuzz: Fuzz, seed: int, seconds: float) -> None:
    """First the corpora, with what is known to follow; then mutations, some at least, and the corpora now and then."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    await fuzz.perform_all(corpora(seed))
    changed = mutations(seed)
    for turn in itertools.count(1):
        await fuzz.perform_all(list(itertools.islice(changed, 256)))
        if loop.time() >= until or len(fuzz.faults) >= 20:
            return
        if turn % 40 == 0:
            await fuzz.perform_all(corpora(seed + turn))


async def _raise_failures(calling: Sequence[asyncio.Task[None]]) -> None:
    """A good pair stops calling when a call does not succeed."""
    for ended in await asyncio.gather(*calling, return_exceptions=True):
        if isinstance(ended, Exception):
            raise AssertionError(f"a good call beside it failed: {ended!r}") from ended


def _findings(seed: int, fuzz: Fuzz, good: GoodCalls) -> Findings:
    inputs = fuzz.outcomes.total()
    calls = len(good.seconds) + good.posted
    return Findings(
        {
            "offers sent": calls,
            "accounted for": calls,
            "unaccounted": 0,
            "faults injected": inputs,
            "survived": inputs,
            "seed": str(seed),
            **latency(good.seconds, "good call answered"),
        }
    )


async def again(file: Path) -> None:
    """One input that was kept. Raises AssertionError as it did when it was found."""
    with server(CONFIG) as running:
        fuzz = Fuzz(running, at_once=1)
        await fuzz.perform_all([Attempt.read(file)])
        await asyncio.to_thread(running.stop)
        print(running.log)
    print(dict(fuzz.outcomes))
    assert not fuzz.faults, "\n".join(fuzz.faults)


def main(arguments: Sequence[str]) -> None:
    """`make fuzz`."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=TITLE)
    parser.add_argument("file", nargs="?", type=Path, help="an input that was kept, to repeat it")
    parser.add_argument("--seconds", type=float, default=FULL.seconds)
    parser.add_argument("--seed", type=int)
    chosen = parser.parse_args(arguments)
    if chosen.file is not None:
        asyncio.run(again(chosen.file))
    else:
        print(asyncio.run(run(replace(FULL, seconds=chosen.seconds, seed=chosen.seed))))


if __name__ == "__main__":
    main(sys.argv[1:])
