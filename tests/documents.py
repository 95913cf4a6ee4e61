"""The published documents as the tests read them: fenced blocks, conversations, tables and sections of Markdown."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

DOCS = Path(__file__).parent.parent / "docs"

_FENCED = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_ARROW = re.compile(r"^(?:(?P<party>\w+) )?(?P<arrow>[→←]) (?P<json>\{.*)$")
_HEADING = re.compile(r"^(?P<level>#+) (?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block; `info` is what follows the opening fence."""

    info: str
    body: str


@dataclass(frozen=True)
class Line:
    """One message of a conversation: which party sends it to the server, or gets it from there."""

    party: str
    direction: Literal["→", "←"]
    text: str

    @property
    def message(self) -> dict[str, Any]:
        """The message as decoded JSON."""
        decoded: dict[str, Any] = json.loads(self.text)
        return decoded


def read_markdown(name: str) -> str:
    """The text of one document."""
    return (DOCS / name).read_text(encoding="utf-8")


def read_yaml(name: str) -> dict[str, Any]:
    """The content of one document."""
    content: dict[str, Any] = yaml.safe_load(read_markdown(name))
    return content


def fenced_blocks(markdown: str) -> list[Block]:
    """All fenced blocks, in their order."""
    return [Block(match["info"], match["body"]) for match in _FENCED.finditer(markdown)]


def conversation(block: Block) -> list[Line]:
    """The messages of a block: `[party] → {…}` from a client, `[party] ← {…}` to it; an indented line continues."""
    lines: list[Line] = []
    for text in block.body.splitlines():
        match = _ARROW.match(text)
        if match:
            direction: Literal["→", "←"] = "→" if match["arrow"] == "→" else "←"
            lines.append(Line(match["party"] or "", direction, match["json"]))
        else:
            assert lines and text.startswith(" "), f"neither a message nor its continuation: {text!r}"
            lines[-1] = Line(lines[-1].party, lines[-1].direction, lines[-1].text + text.strip())
    return lines


def section(markdown: str, title: str) -> str:
    """What stands under the heading of this title, subsections included."""
    headings = list(_HEADING.finditer(_FENCED.sub(lambda fenced: " " * len(fenced[0]), markdown)))
    for position, heading in enumerate(headings):
        if heading["title"] == title:
            rest = headings[position + 1 :]
            end = next((h.start() for h in rest if len(h["level"]) <= len(heading["level"])), len(markdown))
            return markdown[heading.end() : end]
    raise AssertionError(f"there is no section {title!r}")


def tables(markdown: str) -> list[list[dict[str, str]]]:
    """The tables, each a list of rows by column; backquotes around a whole cell are taken off."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE):
        rows = [[_bare(cell) for cell in line.strip("|").split("|")] for line in block.splitlines()]
        found.append([dict(zip(rows[0], row, strict=True)) for row in rows[2:]])
    return found


def table(markdown: str, first_column: str) -> list[dict[str, str]]:
    """The one table whose first column is this."""
    (found,) = [rows for rows in tables(markdown) if next(iter(rows[0])) == first_column]
    return found


def anchors(markdown: str) -> set[str]:
    """The fragments by which headings can be linked to, as GitHub makes them."""
    titles = [heading["title"].lower() for heading in _HEADING.finditer(markdown)]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def _bare(cell: str) -> str:
    return cell.strip().strip("`")
