"""Names are strangers' words: on a terminal they are text, in columns that stay columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.operators.terminal import fitted, plain, table, width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada", "Ada"),
        ("Zoë 円", "Zoë 円"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\r\tc", "a\\x0ab\\x0d\\x09c"),
        ("a\u00a0b", "a\\xa0b"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2028\u2066\ufeff\u200b", "\\u2028\\u2066\\ufeff\\u200b"),
        ("\x9b31m", "\\x9b31m"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_t36_controls_and_bidirectional_characters_are_escaped(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    assert plain("x" * 300) == "x" * 300
    assert plain("x" * 301) == "x" * 299 + "…"


@pytest.mark.parametrize(("text", "columns"), [("Ada", 3), ("円円", 4), ("e\u0301", 1), ("", 0), ("ｗ", 2)])
def test_width_is_that_of_a_terminal(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [("Ada", 5, "Ada  "), ("Adalbert", 4, "Ada…"), ("円円円", 4, "円… "), ("Ada", 1, "…"), ("Ada", 0, "")],
)
def test_a_text_is_fitted_into_its_column(text: str, columns: int, shown: str) -> None:
    assert fitted(text, columns) == shown


def test_cells_stand_below_each_other() -> None:
    assert table(["peer", "name"], [["1", "円"], ["22222", "\x1b"]], None) == [
        "peer   name",
        "1      円",
        "22222  \\x1b",
    ]


def test_the_widest_column_gives_way() -> None:
    assert table(["peer", "name"], [["12", "a name that is long"]], 12) == ["peer  name", "12    a nam…"]


@given(st.lists(st.lists(st.text(), min_size=3, max_size=3), max_size=5), st.integers(20, 200))
def test_no_line_is_wider_than_the_terminal(rows: list[list[str]], columns: int) -> None:
    lines = table(["a", "b", "c"], rows, columns)
    assert len(lines) == len(rows) + 1
    assert all(width(line) <= columns and line.isprintable() for line in lines)
