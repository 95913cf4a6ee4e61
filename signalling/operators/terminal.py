"""Text for a terminal or a line of output: what strangers wrote cannot move the cursor or turn the line round. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

CUT = "…"
GAP = "  "


def plain(text: str, longest: int = 300) -> str:
    """The text in one line, cut if longer; controls, bidirectional formats, ends of lines and the like are escaped."""
    shown = "".join(_escaped(character) for character in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + CUT


def width(text: str) -> int:
    """How many columns a terminal needs for this: two for wide characters (UAX #11), none for combining marks."""
    return sum(map(_width, text))


def fitted(text: str, columns: int) -> str:
    """The text in exactly so many columns: filled up with blanks, or cut, which is shown."""
    if width(text) <= columns:
        return text + " " * (columns - width(text))
    kept, room = "", columns - len(CUT)
    for character in text:
        room -= _width(character)
        if room < 0:
            break
        kept += character
    return fitted(kept + CUT, columns) if columns > 0 else ""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], columns: int | None) -> list[str]:
    """Lines with the cells below each other; the widest columns give way until a line has at most so many columns.

    None: as wide as it needs to be. Every cell is made plain.
    """
    cells = [[plain(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    if columns is not None:
        widths = _narrowed(widths, columns - len(GAP) * (len(widths) - 1))
    return [GAP.join(map(fitted, row, widths)).rstrip() for row in cells]


def _narrowed(widths: Sequence[int], room: int) -> list[int]:
    """These widths, of which the widest give way; each keeps a column at least."""
    widths = list(widths)
    while sum(widths) > room and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
