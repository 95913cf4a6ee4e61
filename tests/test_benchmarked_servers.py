"""The benchmarks that compare servers work: each is started, and everything is delivered. How fast, is not asserted."""

from pathlib import Path

import pytest

from benchmarks import servers
from benchmarks.client import Crowd, Fault
from benchmarks.dialects import Roundtable
from benchmarks.fences import Shown, keys_for, limits_for, show
from benchmarks.figures import MEASURES, Figures
from benchmarks.idle import measure_flatness, measure_memory
from benchmarks.relay import compare_with_floor
from benchmarks.rounds import interleave, lineup
from benchmarks.servers import PeerJSServer, RoundtableServer, started
from benchmarks.sizes import QUICK

ALL = {"PeerJS", "serve", "uvicorn", "textbook"}
OURS = {"serve", "uvicorn"}
IDLE = {"memory of an idle session", "many idle sessions", "relay, many idle to few"}


def ours(name: str = "serve") -> RoundtableServer:
    return RoundtableServer(name, "serve", keys_for(QUICK))


async def test_every_server_delivers_all_that_is_measured() -> None:
    figures = Figures()
    await interleave(QUICK, lineup(keys_for(QUICK)), figures)
    rows = figures.rows()
    for measure in MEASURES:
        those = [row for row in rows if row.measure == measure.name]
        who = set() if measure.name in IDLE else OURS if measure.name.startswith("POST") else ALL
        assert {row.server for row in those} == who, measure.name
        assert all(row.rounds == QUICK.rounds and row.median > 0 for row in those), measure.name


async def test_the_lane_is_measured_without_the_rules() -> None:
    rows = await compare_with_floor(QUICK)
    assert {row.server for row in rows} == {"PeerJS", "serve", "lane alone"}
    assert all(row.median > 0 for row in rows)


async def test_idle_sessions_are_measured() -> None:
    figures = Figures()
    await measure_memory(QUICK, {"serve": ours}, figures)
    await measure_flatness(QUICK, {"serve": ours}, figures)
    assert {row.measure for row in figures.rows()} == IDLE


async def test_one_past_each_changed_limit_is_refused() -> None:
    limits = limits_for(QUICK)
    async with started(ours()) as (server,):
        shown = await show(server, limits)
    assert {found.limit: found.number for found in shown} == limits
    assert {found.limit: found.refusal for found in shown} == {
        "messages_burst": "rate_limited",
        "connections": "closed with 4004",
    }


@pytest.mark.parametrize("passed", [99, 112])
def test_a_limit_that_is_not_where_it_should_be_fails_the_run(passed: int) -> None:
    with pytest.raises(Fault, match="messages_burst: 100 "):
        Shown("messages_burst", 100, passed, seconds=0.5, refusal="rate_limited").check(per_second=20)


async def test_what_was_not_expected_fails_the_run() -> None:
    async with started(PeerJSServer("PeerJS")) as (server,):
        await server.crowd.pair_up(1)
        [pair] = server.crowd.pairs
        gate = server.crowd.gate(1)
        pair.callee.take = server.crowd.passing("answer", gate)
        pair.caller.say(server.dialect.say("offer", pair.call, pair.callee.peer))
        with pytest.raises(Fault, match=r"not expected: .*OFFER"):
            await gate.opened()
        with pytest.raises(Fault, match="not expected"):
            await server.crowd.relay("candidate", [(pair, pair.call)])


async def test_what_does_not_arrive_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.client.WITHIN_SECONDS", 0.01)
    gate = Crowd(0, Roundtable()).gate(2)
    gate.arrive()
    with pytest.raises(Fault, match="1 messages did not arrive"):
        await gate.opened()


def test_without_peerjs_the_run_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(servers, "PEERJS", tmp_path / "peerjs.js")
    server = PeerJSServer("PeerJS")
    try:
        with pytest.raises(Fault, match="npm ci"):
            server.launch()
    finally:
        server.discard()
