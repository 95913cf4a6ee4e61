"""One fence that is taken out: where it stands, what is put in its place, and which tests shall notice. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

FENCES = Path(__file__).with_name("fences")


class Stale(Exception):
    """The code has changed, and the mutant with it no longer fits; the message says how."""


@dataclass(frozen=True)
class Mutant:
    """The program with one fence less."""

    guard: str
    """The kind of fence: the name of the file in `fences/`."""
    name: str
    """What comes of it, in a few words."""
    file: str
    code: str
    """Stands in the file once."""
    becomes: str
    tests: tuple[str, ...]
    """Files, or tests in them as pytest names them: `file::test` or `file::Class::test`."""

    def __str__(self) -> str:
        return f"{self.guard}: {self.name}"

    def of(self, text: str) -> str:
        """The file's text without the fence. Raises Stale unless the fence stands there once."""
        found = text.count(self.code)
        if found != 1:
            raise Stale(f"its code stands {found} times in {self.file}")
        return text.replace(self.code, self.becomes)


def read(directory: Path = FENCES) -> list[Mutant]:
    """All mutants, in the order of the files and of what is in them."""
    return [mutant for file in sorted(directory.glob("*.yaml")) for mutant in _read_file(file)]


def _read_file(file: Path) -> Iterator[Mutant]:
    guard = file.stem.replace("_", " ")
    for entry in yaml.safe_load(file.read_text(encoding="utf-8")):
        tests = tuple(entry.pop("tests"))
        yield Mutant(guard, tests=tests, **{name: str(value).rstrip("\n") for name, value in entry.items()})
