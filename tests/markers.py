"""The parts of the documents that a program writes: what stands between two markers."""

import re
from dataclasses import dataclass
from pathlib import Path

END = "<!-- end of figures -->"


@dataclass(frozen=True)
class Markers:
    """Those of one part; `by` is the command that writes it."""

    by: str

    @property
    def begin(self) -> str:
        """The marker before it."""
        return f"<!-- figures: made by {self.by} -->"

    def renewed(self, document: str, part: str) -> str:
        """The document with this part in the place of what is there."""
        between = re.compile(f"{re.escape(self.begin)}.*?{re.escape(END)}", re.DOTALL)
        assert between.search(document), f"the document has lost its markers for {self.by}"
        return between.sub(lambda _: f"{self.begin}\n\n{part}\n\n{END}", document)

    def renew(self, path: Path, part: str) -> None:
        """The same in a file."""
        path.write_text(self.renewed(path.read_text(encoding="utf-8"), part), encoding="utf-8")


def markdown_table(rows: list[tuple[str, ...]]) -> str:
    """The rows, of which the first is the heading."""
    heading, *others = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, tuple("---" for _ in heading), *others))
