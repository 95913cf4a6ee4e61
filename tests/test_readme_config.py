"""The documents' tables of keys say what the schema says."""

from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from roundtable.config import Configuration
from signalling.limits import Limits

ROOT = Path(__file__).resolve().parent.parent
DEFAULTS_IN_WORDS = {
    "allowedhosts": "see right",
    "allowedorigins": "any",
    "callpage": "`true`",
    "controlsocket": "`roundtable.sock`",
    "forwardallow": "none",
    "forwardfrom": "the system's choice",
    "iceservers": "none",
    "limits": "see docs/operating.md",
    "localaddress": "all interfaces",
    "logfile": "standard output",
    "metricsallow": "loopback and private",
    "publicaddress": "guessed",
    "secretkeyfile": "`secret.key`",
    "trustedproxies": "none",
    "turn": "none",
}


def default(name: str, field: FieldInfo) -> str:
    return DEFAULTS_IN_WORDS.get(name) or f"`{field.default}`"


def rows(schema: type[BaseModel], prefix: str = "") -> list[str]:
    return [
        f"| `{prefix}{name}` | {default(name, field)} | {field.description} |"
        for name, field in schema.model_fields.items()
    ]


def table(document: Path) -> list[str]:
    """The rows of the first table whose header begins with `| key |`."""
    lines = iter(document.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith("| key |"):
            next(lines)
            break
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append(line)
    return found


@pytest.mark.parametrize(
    ("document", "expected"),
    [("README.md", rows(Configuration)), ("docs/operating.md", rows(Limits, "limits."))],
    ids=["README.md", "operating.md"],
)
def test_table_of_keys_is_the_schema(document: str, expected: list[str]) -> None:
    assert table(ROOT / document) == expected, "\n".join(["the table should be:", *expected])


def test_every_key_is_described() -> None:
    for schema in (Configuration, Limits):
        assert [name for name, field in schema.model_fields.items() if not field.description] == []


def test_words_for_defaults_are_of_keys_that_exist() -> None:
    assert DEFAULTS_IN_WORDS.keys() <= Configuration.model_fields.keys()
