"""The corpus of bad requests to `POST /signal`, read from its file, which says what its fields mean."""

import json
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.posting import offer

FILE = Path(__file__).parent / "corpus" / "http.yaml"
NOBODY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
"""To whom the offers go that say nothing else."""


class BadRequest(NamedTuple):
    """One of them: what is sent, and what becomes of it."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    code: str | None

    @property
    def octets(self) -> bytes:
        """The whole request as it goes over the wire."""
        return octets(self.method, self.path, self.headers, self.body)


def octets(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A request as it goes over the wire; its length is told unless the headers tell another."""
    told = {} if "content-length" in map(str.lower, headers) else {"Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, **told}.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


@cache
def read_corpus() -> list[BadRequest]:
    """All bad requests, in the order of the file."""
    return [_request(case) for case in yaml.safe_load(FILE.read_text("utf-8"))]


def _request(case: dict[str, Any]) -> BadRequest:
    return BadRequest(
        case["name"],
        case.get("method", "POST"),
        case.get("path", "/signal"),
        {"host": "here.example", **case.get("headers", {})},
        _body(case),
        case["status"],
        case.get("code"),
    )


def _body(case: dict[str, Any]) -> bytes:
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    if "repeat" in case:
        text, times = case["repeat"]
        return str(text).encode() * int(times)
    if "body" in case:
        return str(case["body"]).encode()
    call = str(uuid.uuid5(uuid.NAMESPACE_URL, case["name"]))  # its own, and always the same
    return _changed(offer(NOBODY, call=call), case.get("with", {}), case.get("without", ()))


def _changed(body: bytes, members: dict[str, Any], without: Sequence[str]) -> bytes:
    fields = json.loads(body)
    for name, value in members.items():
        if name == "public_ip":
            fields["AnsweringPeerID"]["PublicIP"] = value
        else:
            fields[name] = value
    for name in without:
        del fields[name]
    return json.dumps(fields).encode()
