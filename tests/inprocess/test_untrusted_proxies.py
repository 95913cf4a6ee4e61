"""A proxy that `trustedproxies` does not name: all behind it share one allowance, and the log says why (T24)."""

import logging
from typing import Any

import pytest

from signalling.visitor import MOST_STRANGERS
from tests.inprocess.application import Application, Header, application
from tests.posting import offer

PROXY = "10.0.0.1"
STRANGER = "203.0.113.5"
NOBODY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
HEADERS: list[Header] = [
    (b"x-forwarded-for", b"198.51.100.7"),
    (b"x-forwarded-proto", b"https"),
    (b"forwarded", b"for=198.51.100.7"),
    (b"cf-connecting-ip", b"198.51.100.7"),
    (b"x-real-ip", b"198.51.100.7"),
]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "signalling")
    return caplog


def warnings(log: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The fields of the warnings in the log."""
    return [vars(record)["fields"] for record in log.records if record.levelno == logging.WARNING]


async def come(app: Application, *headers: Header, client: str | None = PROXY) -> None:
    """One offer with these headers."""
    await app.post(offer(NOBODY), headers=headers, client=client)


@pytest.mark.parametrize("header", HEADERS, ids=[name.decode() for name, _ in HEADERS])
async def test_t24_the_log_names_the_key_and_the_value_to_set(header: Header, log: pytest.LogCaptureFixture) -> None:
    async with application() as app:
        await come(app, header)
    assert warnings(log) == [{"address": PROXY, "set": 'trustedproxies: ["10.0.0.1/32"]'}]
    assert "198.51.100.7" not in log.text


async def test_t24_it_says_so_once_for_each_address_whatever_came(log: pytest.LogCaptureFixture) -> None:
    async with application() as app:
        for client in (PROXY, "2001:db8::7", PROXY):
            await come(app, *HEADERS, client=client)
            socket = app.socket(headers=HEADERS, client=client)
            await socket.open()
            await socket.vanish()
    assert [fields["set"] for fields in warnings(log)] == [
        'trustedproxies: ["10.0.0.1/32"]',
        'trustedproxies: ["2001:db8::7/128"]',
    ]


async def test_t24_strangers_cannot_flood_the_log_with_it(log: pytest.LogCaptureFixture) -> None:
    async with application() as app:
        for number in range(100):
            await come(app, *HEADERS, client=f"203.0.113.{number}")
    assert len(warnings(log)) == MOST_STRANGERS


@pytest.mark.parametrize(
    ("trusted", "headers", "client"),
    [(["10.0.0.0/8"], HEADERS, PROXY), ([], [(b"via", b"1.1 x")], PROXY), ([], HEADERS, None)],
    ids=["a trusted proxy", "no such header", "a client without an address"],
)
async def test_t24_nothing_is_said_of(
    trusted: list[str], headers: list[Header], client: str | None, log: pytest.LogCaptureFixture
) -> None:
    async with application(trustedproxies=trusted) as app:
        await come(app, *headers, client=client)
    assert warnings(log) == []


async def test_t24_one_too_many_behind_it_is_told_of_trustedproxies(log: pytest.LogCaptureFixture) -> None:
    reasons = {}
    async with application(limits={"connections_per_address": 1}) as app:
        for client, headers in ((PROXY, HEADERS[:1]), (STRANGER, [])):
            here = [app.socket(headers=headers, client=client) for _ in range(2)]
            for socket in here:
                await socket.open()
            reasons[client] = await here[1].expect_close(4004)
            for socket in here:
                await socket.vanish()
    assert reasons[PROXY] == "too many connections from your address; behind a proxy? see trustedproxies"
    assert reasons[STRANGER] == "too many connections from your address"
    closed = [vars(record)["fields"] for record in log.records if record.getMessage() == "connection closed"]
    assert [fields["why"] for fields in closed] == list(reasons.values())
    assert {fields["limit"] for fields in closed} == {"connections_per_address"}
