"""docs/security.md says how each threat is met and which tests show it: what it says is compared with those."""

import re
from fnmatch import filter as matching

import pytest

from tests.documents import read_markdown, tables
from tests.names import names_of_tests

NUMBERS = {*range(1, 41), 42}
ROWS = [row for rows in tables(read_markdown("security.md")) for row in rows if "threat" in row]
_NAME = re.compile(r"\btest_[a-z0-9_]+\*?")


def number_of(row: dict[str, str]) -> int:
    return int(row["threat"].removeprefix("T"))


def proofs_of(number: int) -> list[str]:
    """Those named after this threat."""
    return matching(names_of_tests(), f"test_t{number}_*")


def test_every_threat_is_in_the_table_once() -> None:
    assert sorted(number_of(row) for row in ROWS) == sorted(NUMBERS)


@pytest.mark.parametrize("number", sorted(NUMBERS), ids="T{}".format)
def test_a_threat_has_a_test_that_is_named_after_it(number: int) -> None:
    assert proofs_of(number)


@pytest.mark.parametrize("row", ROWS, ids=[row["threat"] for row in ROWS])
def test_the_tests_that_a_row_names_exist_and_are_of_its_threat(row: dict[str, str]) -> None:
    named = _NAME.findall(row["proof"])
    number = number_of(row)
    assert named
    for name in named:
        assert matching(proofs_of(number), name), name


def test_every_row_says_how_and_what() -> None:
    assert all(row["how it is tried"] and row["what it gets"] for row in ROWS)


def test_names_after_threats_have_one_form_and_a_row() -> None:
    numbered = [name for name in names_of_tests() if re.match(r"test_t\d", name, re.IGNORECASE)]
    wrong = [name for name in numbered if not re.match(r"test_t[1-9]\d?_[a-z0-9_]+$", name)]
    assert not wrong
    assert {int(name[6:].partition("_")[0]) for name in numbered} <= NUMBERS
