"""The corpus of bad inputs for the WebSocket, read from its file, which says what its fields mean."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.core.wording import ADA, ANSWER, BOB, CALL, NOBODY, OFFER

FILE = Path(__file__).parent.parent / "corpus" / "websocket.yaml"
STANDS_FOR = {
    "<SELF>": ADA,
    "<PARTNER>": BOB,
    "<NOBODY>": NOBODY,
    "<CALL>": CALL,
    "<OFFER>": json.dumps(OFFER),
    "<ANSWER>": json.dumps(ANSWER),
}


class BadInput(NamedTuple):
    """One of them."""

    name: str
    frames: list[str | bytes]
    """Bytes are binary frames."""
    given: str = "welcome"
    code: str | None = None
    state: str | None = None
    close: int | None = None


@cache
def read_corpus() -> list[BadInput]:
    """All bad inputs, in the order of the file."""
    written: list[dict[str, Any]] = yaml.safe_load(FILE.read_text("utf-8"))
    return [BadInput(**{**case, "frames": [_frame(frame) for frame in case["frames"]]}) for case in written]


def _frame(written: str | dict[str, Any]) -> str | bytes:
    if isinstance(written, str):
        return _filled_in(written)
    if "binary" in written:
        return bytes.fromhex(written["binary"])
    repeated = written["repeat"] * written["times"]
    return f"{_filled_in(written.get('before', ''))}{repeated}{written.get('after', '')}"


def _filled_in(text: str) -> str:
    for placeholder, value in STANDS_FOR.items():
        text = text.replace(placeholder, value)
    return text
