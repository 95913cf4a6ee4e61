"""Each limit that the core enforces: what it refuses is counted under its name, said in the log, and says how long.

Where exactly each limit lies is tested in test_bounds.py and test_tables.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from signalling import frames
from signalling.codes import CloseCode, ErrorCode
from signalling.refusals import Refusal
from signalling.tally import Tally
from tests.core.client import Client
from tests.core.scene import ANSWERER, Scene, identifier
from tests.core.wording import ADA, BOB, EVE, NOBODY

ELSEWHERE = "203.0.113.1"


def new_calls() -> Iterator[str]:
    """Ids of calls, which never come to an end."""
    return (str(uuid.UUID(int=(number << 96) + 7)) for number in range(1, 1_000))


def refused_post(scene: Scene, *to: Client | str, **offer: Any) -> float | None:
    """The `retry_after` of an offer over HTTP that is refused."""
    with pytest.raises(Refusal) as caught:
        scene.post(*to, from_=EVE, **offer)  # type: ignore[arg-type]
    return caught.value.retry_after


def refused_message(client: Client) -> float | None:
    """The `retry_after` of the error that came last."""
    last = client.takes()[-1]
    assert last["type"] == "error"
    retry_after: float | None = last.get("retry_after")
    return retry_after


# One past each limit; each gives the `retry_after` with which it was refused.


def too_many_messages(scene: Scene) -> float | None:
    client = scene.peer()
    for _ in range(2):
        client.say("ping")
    return refused_message(client)


def too_large_a_message(scene: Scene) -> float | None:
    client = scene.peer()
    client.write("x" * 4_097)
    return refused_message(client)


def too_many_open_calls(scene: Scene) -> float | None:
    ada, calls = scene.peer(ADA), new_calls()
    for callee in (scene.peer(BOB), scene.peer(EVE)):
        ada.dial(callee, next(calls))
    return refused_message(ada)


def too_many_calls_of_a_callee(scene: Scene) -> float | None:
    bob, calls = scene.peer(BOB), new_calls()
    scene.established(scene.peer(ADA), bob, next(calls))
    return refused_post(scene, bob, call=next(calls))


def too_many_unanswered(scene: Scene, *, sessions: int, sources: int) -> float | None:
    callee, calls = scene.peer(BOB, source=ELSEWHERE), new_calls()
    callers = [scene.peer(source=f"192.0.2.{number % sources}") for number in range(sessions)]
    for number in range(3):
        callers[number % sessions].dial(callee, next(calls))
    return refused_message(callers[2 % sessions])


def too_many_tables(scene: Scene) -> float | None:
    client = scene.peer()
    for name in ("camelot", "avalon"):
        client.say("join", table=name)
    return refused_message(client)


def too_large_a_table(scene: Scene) -> float | None:
    client = scene.peer()
    client.say("join", table="camelot", capacity=3)
    return refused_message(client)


def too_many_at_a_table(scene: Scene) -> float | None:
    for peer in (ADA, BOB, EVE):
        client = scene.peer(peer)
        client.say("join", table="camelot")
    return refused_message(client)


def back_after_a_kick(scene: Scene) -> float | None:
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    for client in (ada, bob):
        client.say("join", table="camelot")
    ada.say("kick", table="camelot", peer=BOB)
    bob.say("join", table="camelot")
    return refused_message(bob)


def too_many_passwords(scene: Scene) -> float | None:
    scene.peer(ADA).say("join", table="camelot", password="Excalibur")
    bob = scene.peer(BOB)
    for _ in range(2):
        bob.say("join", table="camelot", password="guess")
    return refused_message(bob)


def too_many_proofs(scene: Scene) -> float | None:
    scene.peer(ADA)
    for _ in range(2):
        thief = scene.connect()
        thief.hello(peer=ADA)
    assert thief.closed is CloseCode.RATE_LIMITED
    return refused_message(thief)


def too_many_unknown_peers(scene: Scene) -> float | None:
    client, calls = scene.peer(), new_calls()
    for _ in range(2):
        client.dial(NOBODY, next(calls))
    return refused_message(client)


def too_many_posts(scene: Scene) -> float | None:
    calls = new_calls()
    scene.post(NOBODY, ANSWERER, from_=EVE, call=next(calls))
    return refused_post(scene, NOBODY, ANSWERER, call=next(calls))


def too_many_offers_to_identifiers(scene: Scene) -> float | None:
    client, calls = scene.peer(), new_calls()
    for _ in range(2):
        client.dial(identifier(), next(calls))
    return refused_message(client)


def hello_of_a_banned_peer(scene: Scene) -> float | None:
    scene.peer(ADA)
    scene.switchboard.orders.disconnect(ADA, scene.now)
    client = scene.connect()
    client.hello(peer=ADA)
    return refused_message(client)


def post_of_a_banned_peer(scene: Scene) -> float | None:
    scene.peer(EVE)
    scene.switchboard.orders.disconnect(EVE, scene.now)
    return refused_post(scene, NOBODY)


ONE_PAST: list[tuple[str, dict[str, float], Callable[[Scene], float | None], float | None]] = [
    ("messages_per_second", {"messages_per_second": 0.5, "messages_burst": 2}, too_many_messages, 2),
    ("message_bytes", {"message_bytes": 4_096}, too_large_a_message, None),
    ("open_calls", {"open_calls": 1}, too_many_open_calls, 5),
    ("open_calls", {"open_calls": 1}, too_many_calls_of_a_callee, 5),
    ("unanswered_per_session", {}, lambda scene: too_many_unanswered(scene, sessions=1, sources=1), 5),
    ("unanswered_per_source", {"unanswered_per_source": 2}, lambda s: too_many_unanswered(s, sessions=3, sources=1), 5),
    ("unanswered_per_callee", {"unanswered_per_callee": 2}, lambda s: too_many_unanswered(s, sessions=3, sources=3), 5),
    ("tables_per_session", {"tables_per_session": 1}, too_many_tables, 5),
    ("table_capacity", {"table_capacity": 2}, too_large_a_table, None),
    ("table_capacity", {"table_capacity": 2}, too_many_at_a_table, 5),
    ("kick_seconds", {"kick_seconds": 60}, back_after_a_kick, 60),
    ("ban_seconds", {"ban_seconds": 80}, hello_of_a_banned_peer, 80),
    ("ban_seconds", {"ban_seconds": 80}, post_of_a_banned_peer, 80),
    ("failures", {"failures": 1, "failures_seconds": 90}, too_many_passwords, 90),
    ("failures", {"failures": 1, "failures_seconds": 90}, too_many_proofs, 90),
    ("unknown_peers", {"unknown_peers": 1, "unknown_peers_seconds": 70}, too_many_unknown_peers, 70),
    ("posts_per_second", {"posts_per_second": 0.25, "posts_burst": 1}, too_many_posts, 4),
    ("posts_per_second", {"posts_per_second": 0.25, "posts_burst": 1}, too_many_offers_to_identifiers, 4),
]


@pytest.mark.parametrize(
    ("limit", "limits", "one_past", "retry_after"), ONE_PAST, ids=[case[2].__name__ for case in ONE_PAST]
)
def test_a_refusal_is_counted_under_its_limit_and_says_when_to_come_again(
    limit: str, limits: dict[str, float], one_past: Callable[[Scene], float | None], retry_after: float | None
) -> None:
    scene = Scene(**limits)
    assert one_past(scene) == (pytest.approx(retry_after) if retry_after is not None else None)
    assert counted(scene) == {limit: 1}


# What closes the connection


def too_long_without_hello(scene: Scene) -> Client:
    client = scene.connect()
    scene.wait(5)
    return client


def one_too_many_from_an_address(scene: Scene) -> Client:
    return [scene.connect() for _ in range(3)][-1]


def one_too_many_in_all(scene: Scene) -> Client:
    return [scene.connect(source=f"192.0.2.{number}") for number in range(3)][-1]


def malformed_messages(scene: Scene) -> Client:
    client = scene.peer()
    for _ in range(10):
        client.write("{")
    return client


def a_flood(scene: Scene) -> Client:
    client = scene.peer()
    for _ in range(4):
        client.say("ping")
    return client


def a_client_that_does_not_read(scene: Scene) -> Client:
    client = scene.peer()
    scene.cut_off(client)
    return client


CLOSES: list[tuple[str, dict[str, float], Callable[[Scene], Client], CloseCode]] = [
    ("hello_seconds", {}, too_long_without_hello, CloseCode.NO_HELLO),
    (
        "connections_per_address",
        {"connections_per_address": 2},
        one_too_many_from_an_address,
        CloseCode.TOO_MANY_CONNECTIONS,
    ),
    ("connections", {"connections": 2}, one_too_many_in_all, CloseCode.TOO_MANY_CONNECTIONS),
    ("misbehaviour", {}, malformed_messages, CloseCode.PROTOCOL_ERROR),
    ("refused_messages", {"messages_burst": 1, "refused_messages": 4}, a_flood, CloseCode.RATE_LIMITED),
    ("unsent_bytes", {}, a_client_that_does_not_read, CloseCode.SLOW_CONSUMER),
]


@pytest.mark.parametrize(("limit", "limits", "offence", "code"), CLOSES, ids=[case[2].__name__ for case in CLOSES])
def test_a_close_is_counted_under_its_limit_and_said_once_in_the_log(
    limit: str, limits: dict[str, float], offence: Callable[[Scene], Client], code: CloseCode
) -> None:
    scene = Scene(**limits)
    client = offence(scene)
    assert client.closed is code
    assert counted(scene).get(limit) == 1
    (closed,) = [complaint for complaint in scene.complaints if complaint.event == "connection closed"]
    assert (closed.fields["code"], closed.fields["limit"], closed.fields["why"]) == (int(code), limit, client.reason)


def test_each_refused_message_of_a_flood_is_counted() -> None:
    scene = Scene(messages_burst=1, refused_messages=4)
    a_flood(scene)
    assert counted(scene) == {"messages_per_second": 4, "refused_messages": 1}


# Where else it is seen


def test_the_log_says_which_limit_refused_a_message() -> None:
    scene = Scene(tables_per_session=1)
    too_many_tables(scene)
    (complaint,) = scene.complaints
    assert complaint.event == "message refused"
    assert (complaint.fields["code"], complaint.fields["limit"]) == ("limit_exceeded", "tables_per_session")


def test_what_the_forwarder_refuses_is_counted_and_logged() -> None:
    scene = Scene()
    caller = scene.post(NOBODY, ANSWERER)
    scene.refuse(scene.errands[0], ErrorCode.RATE_LIMITED, 7, limit="network_per_second")
    assert caller.outcome is not None
    assert counted(scene) == {"network_per_second": 1}
    (complaint,) = scene.complaints
    assert (complaint.event, complaint.fields["limit"]) == ("posting refused", "network_per_second")


def test_an_open_breaker_is_counted_and_its_caller_sees_any_failure() -> None:
    scene = Scene()
    told = []
    for limit in ("breaker_failures", None):
        caller = scene.post(NOBODY, ANSWERER)
        scene.fail(scene.errands[-1], limit=limit)
        assert isinstance(caller.outcome, frames.Error)
        told.append(frames.encode(caller.outcome))
    assert told[0] == told[1]
    assert counted(scene) == {"breaker_failures": 1}


def test_other_refusals_are_no_limits() -> None:
    scene = Scene()
    ada = scene.peer(ADA)
    for text in ("{", '{"type":"nonsense"}', '{"type":"hello"}', '{"type":"leave","table":"camelot"}'):
        ada.write(text)
    ada.dial(NOBODY)
    assert len(scene.complaints) == 5
    assert counted(scene) == {}


def test_the_33rd_connection_behind_a_proxy_that_is_not_trusted_is_told_of_trustedproxies() -> None:
    scene = Scene()
    clients = [scene.connect(through_stranger=True) for _ in range(33)]
    assert [client.closed for client in clients[:32]] == [None] * 32
    assert clients[32].closed is CloseCode.TOO_MANY_CONNECTIONS
    assert "trustedproxies" in clients[32].reason
    assert "trustedproxies" in scene.complaints[0].fields["why"]
    assert "proxy" not in one_too_many_from_an_address(Scene(connections_per_address=2)).reason


def test_the_tally_has_the_keys_of_limits_and_no_others() -> None:
    tally = Tally()
    tally.count(None)
    with pytest.raises(KeyError):
        tally.count("timeout")
    assert set(tally.refusals) == set(Scene().limits.model_dump())
    assert not any(tally.refusals.values())


def counted(scene: Scene) -> dict[str, int]:
    """The limits that refused, and how often."""
    return {limit: count for limit, count in scene.switchboard.tally.refusals.items() if count}
