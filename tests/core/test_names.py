"""Names that people choose: 1 to 64 characters after NFC, without controls and bidirectional overrides."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.names import clean_name


@pytest.mark.parametrize(
    "name", ["A", "Ada Lovelace", "Zoë", "👩‍🚀", "محمد", "名前", " ", "O'Hara <b>", "x" * 64, "👍" * 64]
)
def test_names_are_taken_as_they_are(name: str) -> None:
    assert clean_name(name) == name


def test_a_name_is_brought_into_nfc() -> None:
    assert clean_name("Zoe\u0308") == "Zo\u00eb"


def test_case_matters() -> None:
    assert clean_name("Ada") != clean_name("ada")


def test_the_characters_are_counted_after_nfc() -> None:
    assert clean_name("e\u0308" * 64) == "\u00eb" * 64
    assert clean_name("e\u0308" * 65) is None
    assert clean_name("\u0958" * 32) == "\u0915\u093c" * 32  # NFC makes two of one here
    assert clean_name("\u0958" * 33) is None


@pytest.mark.parametrize("name", ["", "x" * 65, "x" * 10_000, "e\u0308" * 5_000])
def test_t31_a_name_is_neither_empty_nor_long(name: str) -> None:
    assert clean_name(name) is None


@pytest.mark.parametrize("character", ["\x00", "\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
def test_t31_controls_and_line_separators_are_no_part_of_a_name(character: str) -> None:
    assert clean_name(f"Ada{character}") is None


@pytest.mark.parametrize("character", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_t31_bidirectional_controls_are_no_part_of_a_name(character: str) -> None:
    assert clean_name(f"A{character}da") is None


@given(st.text(max_size=200))
def test_a_name_is_legal_once_and_for_all(text: str) -> None:
    name = clean_name(text)
    if name is not None:
        assert 1 <= len(name) <= 64
        assert unicodedata.is_normalized("NFC", name)
        assert clean_name(name) == name
