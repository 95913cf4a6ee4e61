"""The map in docs/architecture.md is of what is there, and what it says may not know of each other does not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAP = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for app in ("roundtable", "signalling")
    for path in (ROOT / app).rglob("*.py")
    if path.name != "__init__.py"
)
ASSEMBLY = {"signalling/routing.py", "signalling/runtime.py"}
LOOPS = {"asyncio", "channels", "daphne", "django", "twisted"}


def rooms() -> set[str]:
    """What the table's first column names; a name without a folder is in that of the first one in its row."""
    named = set()
    for row in re.findall(r"^\| \**(`.+?`)\** \|", MAP, re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", row)
        folder = PurePosixPath(first) if first.endswith("/") else PurePosixPath(first).parent
        named |= {first, *(name if "/" in name.rstrip("/") else f"{folder}/{name}" for name in others)}
    return named


def imports(module: str) -> Iterator[str]:
    """What it imports when it runs; not what only type checkers read."""
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def is_pure(module: str) -> bool:
    """Whether its docstring says so."""
    said = ast.get_docstring(ast.parse((ROOT / module).read_text(encoding="utf-8"))) or ""
    return re.search(r"\bPure[.:;]", said) is not None


def test_each_module_has_a_room_on_the_map() -> None:
    named = rooms()
    folders = tuple(name for name in named if name.endswith("/") and name != "signalling/operators/")
    assert [module for module in MODULES if module not in named and not module.startswith(folders)] == []


def test_each_room_on_the_map_is_there() -> None:
    code = [name for name in rooms() if name.startswith(("roundtable/", "signalling/"))]
    assert len(code) > 50
    assert [name for name in code if not (ROOT / name).exists()] == []


def test_what_carries_messages_knows_nothing_of_operators() -> None:
    carrying = {module for module in MODULES if re.fullmatch(r"signalling/\w+\.py", module)} - ASSEMBLY
    assert len(carrying) > 40
    knowing = {module for module in carrying for name in imports(module) if name.startswith("signalling.operators")}
    assert knowing == set()


@pytest.mark.parametrize("module", [module for module in MODULES if is_pure(module)])
def test_what_is_pure_knows_no_event_loop_and_no_django(module: str) -> None:
    assert {name.partition(".")[0] for name in imports(module)} & LOOPS == set()
