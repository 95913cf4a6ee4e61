"""What a probe of a signalling server has found: its steps, how long each took, and where it failed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from signalling.operators.terminal import plain

ALL_WELL, STEP_FAILED, UNREACHABLE = 0, 1, 3
"""Exit statuses; 2 is that of a command that was not understood."""


class Unexpected(Exception):
    """The server did something else than the protocol says."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


class Unreachable(Exception):
    """There is no connection to the server; the text says why, in plain words."""


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the conversation, done."""

    name: str
    milliseconds: float

    def __str__(self) -> str:
        return f"{self.name:<12}{self.milliseconds:>9.1f} ms"


@dataclass(frozen=True, slots=True)
class Failure:
    """Where it ended: what was expected there, and what came. All three are plain text."""

    step: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Finding:
    """All of one probe. `server` is what the server calls itself, empty if it did not come to that."""

    url: str
    steps: tuple[Step, ...]
    server: str = ""
    failure: Failure | None = None
    is_reachable: bool = True

    @property
    def status(self) -> int:
        """The exit status of the command."""
        if not self.is_reachable:
            return UNREACHABLE
        return ALL_WELL if self.failure is None else STEP_FAILED

    @property
    def milliseconds(self) -> float:
        """How long the steps took together."""
        return round(sum(step.milliseconds for step in self.steps), 1)

    def as_object(self) -> dict[str, Any]:
        """What `--json` writes."""
        return {
            "url": self.url,
            "ok": self.failure is None,
            "status": self.status,
            "server": self.server,
            "milliseconds": self.milliseconds,
            "steps": [{"name": step.name, "milliseconds": step.milliseconds} for step in self.steps],
            "failure": self.failure and {name: getattr(self.failure, name) for name in ("step", "expected", "got")},
        }

    @property
    def last_line(self) -> str:
        """What people are told after the steps."""
        failure = self.failure
        if failure is None:
            return f"all well: {plain(self.server)} at {self.url} carried a call in {self.milliseconds:.1f} ms"
        if self.is_reachable:
            return f"{failure.step:<12}  FAILED    expected {plain(failure.expected)}; got {plain(failure.got)}"
        return f"cannot connect to {self.url}: {plain(failure.got)}"
