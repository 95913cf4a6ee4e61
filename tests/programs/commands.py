"""The four ways to run the server, as the README gives them, at a loopback address and in a test's own measures."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from tests import test_readme
from tests.documents import fenced_blocks, read_markdown
from tests.serverprocess import HOST, Command, Program, command

PROGRAMS: tuple[Program, ...] = get_args(Program)
PRODUCTION: tuple[Program, ...] = ("serve", "daphne", "uvicorn")
APPLICATION = "roundtable.asgi:application"


def in_the_readme(
    program: Program, options: Mapping[str, str] | None = None, *, application: str = APPLICATION
) -> Command:
    """The README's command; `options` are those whose values are others here."""

    def arguments(config: Path, port: int) -> Sequence[str]:
        if program != "daphne":
            return command(program, config, port)
        own = {"-b": HOST, "-p": str(port), **(options or {})}
        given = with_values(test_readme.command(program), own)
        assert {HOST, str(port)} < set(given)
        return [str(Path(sys.executable).with_name(program)), *given[:-1], application]

    return arguments


def bare_daphne(config: Path, port: int) -> Sequence[str]:
    """Daphne with nothing but an address and the application."""
    return [str(Path(sys.executable).with_name("daphne")), "-b", HOST, "-p", str(port), APPLICATION]


def with_jemalloc() -> dict[str, str]:
    """What the deployment document's unit says of allocators."""
    (unit,) = [block.body for block in fenced_blocks(read_markdown("deployment.md")) if "jemalloc" in block.body]
    return dict(re.findall(r"^Environment=(?!ROUNDTABLE_)(\w+)=(\S+)$", unit, re.MULTILINE))


def with_values(arguments: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The arguments, with these values after these options."""
    before = ["", *arguments]
    return [values.get(option, argument) for option, argument in zip(before, arguments, strict=False)]
