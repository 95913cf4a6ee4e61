"""The storm works: everybody is welcomed, or the run fails. How soon, is not asserted."""

import pytest

from benchmarks import storm
from benchmarks.client import Fault
from benchmarks.servers import RoundtableServer, started


def ours(name: str = "serve") -> RoundtableServer:
    return RoundtableServer(name, "serve", {})


async def test_after_a_storm_everybody_is_welcomed_as_who_they_were() -> None:
    figures = await storm.measure(storm.QUICK, {"serve": ours})
    measured = {row.measure: row.median for row in figures.rows()}
    assert set(measured) <= {measure.name for measure in storm.MEASURES}
    assert measured["attempts for each client"] >= 1
    assert measured["all welcomed"] >= measured["welcomed after the storm, p50"] > 0
    assert measured["a call before, p99"] > 0


async def test_a_client_that_lost_its_session_is_told_from_one_that_is_back() -> None:
    async with started(ours()) as (server,):
        [client] = await server.crowd.gather(1)
        client.is_leaving = True
        client.say(b'{"type":"bye"}')
        await client.transport.wait_disconnected()
        with pytest.raises(Fault, match="somebody else"):
            await storm.come_back(server, client)
