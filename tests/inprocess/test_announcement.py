"""What the operator is told at start."""

import logging
from typing import Any

import pytest

from roundtable.config import Configuration
from signalling.announcement import announce
from signalling.turn import Turn

STUN = {"urls": ["stun:stun.example.org"]}
TURN_SERVER = {"urls": ["turn:turn.example.org"], "username": "u", "credential": "c"}


def announced(caplog: pytest.LogCaptureFixture, **keys: Any) -> list[tuple[str, dict[str, Any]]]:
    caplog.set_level(logging.INFO, "roundtable")
    announce(Configuration.model_validate(keys))
    return [(record.getMessage(), vars(record)["fields"]) for record in caplog.records]


def test_the_address_for_clients_is_the_configured_one(caplog: pytest.LogCaptureFixture) -> None:
    (told, fields), *_ = announced(caplog, publicaddress="https://signal.example.org")
    assert told == "give clients this address"
    assert fields == {"publicaddress": "https://signal.example.org/signal"}


@pytest.mark.parametrize(
    ("localaddress", "guess"),
    [
        ("", "http://localhost:1066/signal"),
        ("0.0.0.0:1067", "http://localhost:1067/signal"),
        ("[::]:1067", "http://localhost:1067/signal"),
        ("[::1]:1067", "http://[::1]:1067/signal"),
        ("192.0.2.7", "http://192.0.2.7:1066/signal"),
    ],
)
def test_without_it_there_is_a_warning_that_names_the_key_and_a_guess(
    caplog: pytest.LogCaptureFixture, localaddress: str, guess: str
) -> None:
    (told, fields), *_ = announced(caplog, localaddress=localaddress)
    assert "guess" in told
    assert fields == {"key": "publicaddress", "here": guess}


@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        ({}, "no STUN or TURN server"),
        ({"iceservers": [STUN]}, "no TURN server"),
        ({"iceservers": [TURN_SERVER]}, None),
        ({"turn": {"urls": "turn:turn.example.org", "secret": "s"}}, None),
    ],
)
def test_missing_ice_servers_are_told_with_what_that_means(
    caplog: pytest.LogCaptureFixture, keys: dict[str, Any], missing: str | None
) -> None:
    _, *rest = announced(caplog, **keys)
    assert [told.partition(" is configured")[0] for told, _ in rest] == ([missing] if missing else [])
    assert not any(isinstance(value, Turn) for _, fields in rest for value in fields.values())
