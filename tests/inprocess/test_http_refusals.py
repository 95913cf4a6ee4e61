"""What a limit refuses over HTTP: its status, its Retry-After, its count, and its name in the log."""

import logging
from typing import Any

import pytest

from tests.answerers import answering, listening
from tests.inprocess.application import Application, Socket, application
from tests.posting import NIL_UUID, Reply, offer

NOBODY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "signalling.refusals")
    return caplog


def counted(app: Application) -> dict[str, int]:
    """The limits that refused, and how often."""
    return {limit: count for limit, count in app.runtime.switchboard.tally.refusals.items() if count}


def said(log: pytest.LogCaptureFixture, event: str) -> list[Any]:
    """The limits that lines of this event name."""
    return [vars(record)["fields"]["limit"] for record in log.records if record.getMessage() == event]


async def post_to(app: Application, callee: Socket | None = None, at: str = "", size: int = 0) -> Reply:
    """The reply to an offer, of this size at least."""
    return await app.post(offer(callee.id if callee else NIL_UUID if at else NOBODY, at).ljust(size))


async def test_a_body_that_is_too_large(log: pytest.LogCaptureFixture) -> None:
    async with application() as app:
        (await post_to(app, size=65_537)).assert_problem(413, "too_large")
        assert counted(app) == {"message_bytes": 1}
    assert said(log, "problem sent") == ["message_bytes"]


async def test_too_many_posts_of_one_source(log: pytest.LogCaptureFixture) -> None:
    async with application(limits={"posts_burst": 1, "posts_per_second": 0.1}) as app:
        await post_to(app)
        refused = await post_to(app)
        refused.assert_problem(429, "rate_limited")
        assert refused.retry_after == 10
        assert counted(app) == {"posts_per_second": 1}
    assert said(log, "problem sent") == [None, "posts_per_second"]


async def test_too_many_unanswered_calls(log: pytest.LogCaptureFixture) -> None:
    async with application(limits={"unanswered_per_source": 1}) as app, app.peer() as callee:
        ringing = await app.ringing(callee)
        refused = await post_to(app, callee)
        refused.assert_problem(503, "limit_exceeded")
        assert refused.retry_after == 5
        assert counted(app) == {"unanswered_per_source": 1}
        await ringing.hang_up()
    assert said(log, "problem sent") == ["unanswered_per_source"]


async def test_too_many_offers_to_one_address(log: pytest.LogCaptureFixture) -> None:
    config: dict[str, Any] = {"forwardallow": ["127.0.0.0/8"], "limits": {"silent_target_burst": 1}}
    async with application(**config) as app, listening(answering(b"", "500 Oops")) as answerer:
        (await post_to(app, at=answerer.target.prefix)).assert_problem(503, "target_failed")
        refused = await post_to(app, at=answerer.target.prefix)
        refused.assert_problem(429, "rate_limited")
        assert 1 <= refused.retry_after <= 5
        assert counted(app) == {"silent_target_per_second": 1}
    assert said(log, "posting refused") == ["silent_target_per_second"]


async def test_an_address_that_is_left_alone_is_counted_and_looks_like_any_failure() -> None:
    config: dict[str, Any] = {"forwardallow": ["127.0.0.0/8"], "limits": {"breaker_failures": 1}}
    async with application(**config) as app, listening(answering(b"", "500 Oops")) as answerer:
        failed, left_alone = [await post_to(app, at=answerer.target.prefix) for _ in range(2)]
        left_alone.assert_problem(503, "target_failed")
        assert {**failed.json, "instance": ""} == {**left_alone.json, "instance": ""}
        assert counted(app) == {"breaker_failures": 1}
