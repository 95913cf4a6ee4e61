"""Names that people choose: which are legal, and their one form. Pure."""

import unicodedata

MAX_CHARACTERS = 64
_BIDIRECTIONAL_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Controls, surrogates, and U+2028/2029, which end a line wherever they are logged."""


def clean_name(text: str) -> str | None:
    """The name in NFC, or None when it is not 1-64 characters without controls and bidirectional overrides."""
    if len(text) > 4 * MAX_CHARACTERS:
        return None
    name = unicodedata.normalize("NFC", text)
    if not 1 <= len(name) <= MAX_CHARACTERS:
        return None
    if any(c in _BIDIRECTIONAL_OVERRIDES or unicodedata.category(c) in _FORBIDDEN_CATEGORIES for c in name):
        return None
    return name
