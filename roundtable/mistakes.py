"""How a mistake in the configuration is told: what was given, never a secret, and what is allowed. Pure."""

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import annotated_types
from pydantic.fields import FieldInfo

_LONGEST = 80
_SECRET = ("credential", "secret", "turn")


@dataclass(frozen=True)
class Allowed:
    """Stands in a field's annotation and says what its key may be."""

    text: str


class NotAllowed(ValueError):
    """A value that cannot be; the text says what can. `key` and `value` when it is not the field's own."""

    def __init__(self, allowed: str, *, key: str | None = None, value: object = None) -> None:
        super().__init__(allowed)
        self.key = key
        self.value = value


def allowed(field: FieldInfo) -> str:
    """What this field may be: its own words, else those that its bounds make."""
    for mark in field.metadata:
        if isinstance(mark, Allowed):
            return mark.text
    kind = "a whole number" if field.annotation is int else "a number"
    return f"{kind} {_bounds(field.metadata)}"


def _bounds(metadata: Iterable[object]) -> str:
    words: dict[str, str] = {}
    for mark in metadata:
        match mark:
            case annotated_types.Ge(ge=low):
                words["low"] = f"from {low}"
            case annotated_types.Gt(gt=low):
                words["low"] = f"over {low}"
            case annotated_types.Le(le=high):
                words["high"] = f"to {high}"
    return " ".join(words[end] for end in ("low", "high") if end in words)


def shown(value: object, key: str = "") -> str:
    """The value in one short line of ASCII: of lists and mappings the kind only, of secrets and user-info nothing."""
    if any(key.endswith(name) for name in _SECRET):
        return "(not shown)"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    if "@" in text:
        text = "...@" + text.rpartition("@")[2]
    return _in_a_line(text if len(text) <= _LONGEST else text[:_LONGEST] + "...")


def shown_path(path: Path) -> str:
    """The whole path, in one line."""
    return _in_a_line(str(path))


def _in_a_line(text: str) -> str:
    is_plain = text.isascii() and text.isprintable() and text == text.strip() and text != ""
    return text if is_plain else json.dumps(text)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like this one."""
    return difflib.get_close_matches(name[:_LONGEST], list(known), n=1, cutoff=0)[0]
