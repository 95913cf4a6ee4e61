"""The bad requests of tests/corpus/http.yaml: each is answered, nothing leaves, and a good call beside it succeeds."""

import logging
from collections.abc import AsyncIterator, Sequence
from functools import partial
from ipaddress import ip_address

import pytest
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler

from signalling import forward, runtime
from signalling.addresses import IPAddress
from tests.httpcorpus import BadRequest, read_corpus
from tests.inprocess.application import Application, application
from tests.posting import ANSWER

CORPUS = read_corpus()


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
    names = [bad.name for bad in CORPUS]
    assert len(names) == len(set(names)) >= 60


@pytest.mark.parametrize("bad", CORPUS, ids=[bad.name for bad in CORPUS])
async def test_a_bad_request(bad: BadRequest, app: Application, caplog: pytest.LogCaptureFixture) -> None:
    headers = [(name.encode(), value.encode()) for name, value in bad.headers.items()]
    reply = await app.post(bad.body, method=bad.method, path=bad.path, headers=headers)
    if bad.status == 404:
        assert reply.status == 404
    else:
        reply.assert_problem(bad.status, bad.code)
    app.assert_no_call()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
    await assert_a_good_call_succeeds(app)


async def assert_a_good_call_succeeds(app: Application) -> None:
    async with app.peer() as callee:
        posted = await app.ringing(callee)
        await callee.say("answer", call="6ba7b811-9dad-11d1-80b4-00c04fd430c8", description=ANSWER)
        assert (await posted.reply()).status == 200
