"""The names of all tests in Python, read from their files without importing them."""

import ast
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent


@cache
def names_of_tests() -> frozenset[str]:
    """Every function whose name begins with `test_`, anywhere below `tests/`."""
    return frozenset(
        node.name
        for file in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )
