"""Browsers at a table whose server is restarted, or whose connection with it is lost, for a while or for too long."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import expect

from tests.browser.chromium import Visitor, Visits
from tests.browser.flow import unbroken_flow
from tests.faults.flaky import HOST, Flaky
from tests.serverprocess import Server, server
from tests.wsclient import Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")

BACK_SECONDS = 60
"""Three pages, the server that starts and all the other tests share two cores."""

SOON = "Math.random = () => 0.02"
"""The client's back-off has full jitter: with this it tries again after 20 ms, and later every 0.6 s."""
PASSWORD = "grail"
AWAY = "Those who are connected still hear each other."


@pytest.mark.timeout(240)
async def test_talk_goes_on_while_the_server_is_restarted(visits: Visits, table: str) -> None:
    """By SIGTERM, and once more after kill -9."""
    with server() as running:
        endings: list[Callable[[], object]] = [running.stop, running.kill]
        trio = await seated_trio(visits, running, table)
        async with unbroken_flow(*trio):
            for restarts, ending in enumerate(endings, start=1):
                await asyncio.to_thread(ending)
                for visitor in trio:
                    await visitor.is_told(AWAY)
                running.restart()
                for visitor in trio:
                    await visitor.is_sent("joined", times=1 + restarts, within_seconds=BACK_SECONDS)
                    await expect(visitor.page.get_by_text(AWAY)).to_be_hidden()
                found = [len((await visitor.frames("joined"))[-1]["peers"]) for visitor in trio]
                assert sorted(found) == [0, 1, 2], "three seats at one table"
        assert [await visitor.resumptions() for visitor in trio] == [[False] * 3] * 3
        await expect_password_is_asked_for(visits, running, table, trio)


async def test_lost_connection_is_resumed_and_nobody_notices(visits: Visits, table: str) -> None:
    """Ada's is lost for 2 s. What she says meanwhile, and what she is told, comes afterwards, once."""
    with server({"limits": {"resume_seconds": 20}}) as running:
        async with Flaky.before(running.port) as network:
            trio = await seated_trio(visits, running, table, adas_port=network.port)
            ada, bob, cyd = trio
            async with unbroken_flow(*trio):
                network.go_down()
                await ada.is_told(AWAY)
                async with seated(running, table, "Dan"):
                    await ada.press("Lock")
                    await asyncio.sleep(2)
                    await expect(bob.button("Lock")).to_be_hidden()
                    await expect(ada.button("Unlock")).to_be_hidden()
                    network.come_up()
                    await expect(ada.page.get_by_text(AWAY)).to_be_hidden()
                    await expect(ada.button("Unlock")).to_be_visible()
                    await ada.sees("Ada", "Bob", "Cyd", "Dan")
                await ada.is_told("Dan has left.")
            assert await ada.resumptions() == [False, True]
            assert [frame["name"] for frame in await ada.frames("peer_joined")] == ["Bob", "Cyd", "Dan"]
            for other in (bob, cyd):
                assert [frame["locked"] for frame in await other.frames("table")] == [True]
                assert [frame["reason"] for frame in await other.frames("peer_left")] == ["bye"], "only Dan has left"


async def test_who_is_away_for_too_long_leaves_and_comes_back_and_is_heard_all_the_time(
    visits: Visits, table: str
) -> None:
    with server({"limits": {"resume_seconds": 0.5}}) as running:
        async with Flaky.before(running.port) as network:
            trio = await seated_trio(visits, running, table, adas_port=network.port)
            ada, bob, cyd = trio
            async with unbroken_flow(*trio):
                network.go_down()
                for other in (bob, cyd):
                    await other.is_sent("peer_left", times=1)
                network.come_up()
                await ada.is_told("The server is back.")
                for other, arrivals in ((bob, 2), (cyd, 1)):  # Bob has seen Cyd come, too
                    await other.is_sent("peer_joined", times=arrivals)
                await ada.is_sent("joined", times=2)
            assert await ada.resumptions() == [False, False]
            for other, names in ((bob, ["Bob", "Ada", "Cyd"]), (cyd, ["Cyd", "Ada", "Bob"])):
                assert [frame["reason"] for frame in await other.frames("peer_left")] == ["gone"]
                await other.sees(*names)
                await other.is_connected_with(*names[1:])


async def seated_trio(
    visits: Visits, running: Server, table: str, *, adas_port: int | None = None
) -> tuple[Visitor, Visitor, Visitor]:
    """Three at a table with a password, who hear each other. Ada, the host, may have another way to the server."""
    adas_url = f"http://{HOST}:{adas_port or running.port}"
    ada = await visits("Ada", at=adas_url, script=SOON)
    bob, cyd = [await visits(name, at=running.http_url, script=SOON) for name in ("Bob", "Cyd")]
    for visitor in (ada, bob, cyd):
        visitor.may_be_cut_off = True
        await visitor.join(table, password=PASSWORD)
    for visitor in (ada, bob, cyd):
        await visitor.hears(2)
    return ada, bob, cyd


async def expect_password_is_asked_for(visits: Visits, running: Server, table: str, trio: tuple[Visitor, ...]) -> None:
    """Dan, who comes now, has a wrong one first, and then the right one, and hears the three."""
    dan = await visits("Dan", at=running.http_url)
    await dan.ask_to_join(table, password="shrubbery")
    await dan.is_warned(f"That is not the password of “{table}”.")
    await dan.is_back_at_start()
    await dan.join(table, password=PASSWORD)
    for visitor in (dan, *trio):
        await visitor.hears(3)


@asynccontextmanager
async def seated(running: Server, table: str, name: str) -> AsyncIterator[None]:
    """Somebody who sits there for a while, has no browser, and takes no calls."""
    async with Peer.welcomed(running.ws_url, name=name) as peer:
        await peer.send("join", table=table, password=PASSWORD)
        await peer.expect("joined")
        yield
        await peer.bye()
