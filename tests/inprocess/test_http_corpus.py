"""The bad requests of tests/corpus/http.yaml: each is answered, nothing leaves, and a good call beside it succeeds."""

import json
import logging
from collections.abc import AsyncIterator, Sequence
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler

from signalling import forward, runtime
from signalling.addresses import IPAddress
from tests.inprocess.application import Application, application
from tests.posting import ANSWER, offer

CORPUS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent.parent / "corpus" / "http.yaml").read_text())
NOBODY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


@pytest.fixture(scope="module")
def pages() -> ASGIHandler:
    return get_asgi_application()


@pytest.fixture
async def app(pages: ASGIHandler, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Application]:
    """The application, with Django's pages, a resolver that asks nobody, and no way out."""
    monkeypatch.setattr(runtime, "Forwarder", partial(forward.Forwarder, resolve=resolve))
    monkeypatch.setattr(forward._GuardedConnector, "_make_socket", dial)
    async with application(pages) as running:
        yield running


async def resolve(host: str) -> Sequence[IPAddress]:
    assert host.rstrip(".") == "localhost", "the corpus names no other host"
    return [ip_address("127.0.0.1")]


def dial(*_: object) -> None:
    raise AssertionError("something was dialled")


def test_there_are_enough_of_them_and_no_two_alike() -> None:
    names = [case["name"] for case in CORPUS]
    assert len(names) == len(set(names)) >= 60


@pytest.mark.parametrize("case", CORPUS, ids=[case["name"] for case in CORPUS])
async def test_a_bad_request(case: dict[str, Any], app: Application, caplog: pytest.LogCaptureFixture) -> None:
    reply = await app.post(
        body_of(case),
        method=case.get("method", "POST"),
        path=case.get("path", "/signal"),
        headers=headers_of(case),
    )
    if case["status"] == 404:
        assert reply.status == 404
    else:
        reply.assert_problem(case["status"], case.get("code"))
    app.assert_no_call()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
    await assert_a_good_call_succeeds(app)


async def assert_a_good_call_succeeds(app: Application) -> None:
    async with app.peer() as callee:
        posted = await app.ringing(callee)
        await callee.say("answer", call="6ba7b811-9dad-11d1-80b4-00c04fd430c8", description=ANSWER)
        assert (await posted.reply()).status == 200


def body_of(case: dict[str, Any]) -> bytes:
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    if "repeat" in case:
        text, times = case["repeat"]
        return str(text).encode() * int(times)
    if "body" in case:
        return str(case["body"]).encode()
    return changed(offer(NOBODY), case.get("with", {}), case.get("without", ()))


def changed(body: bytes, members: dict[str, Any], without: Sequence[str]) -> bytes:
    fields = json.loads(body)
    for name, value in members.items():
        if name == "public_ip":
            fields["AnsweringPeerID"]["PublicIP"] = value
        else:
            fields[name] = value
    for name in without:
        del fields[name]
    return json.dumps(fields).encode()


def headers_of(case: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    headers = {"host": "here.example", **case.get("headers", {})}
    return [(name.encode(), value.encode()) for name, value in headers.items()]
