"""The operator's list while hundreds of peers connect and disconnect: no error, and no total that cannot be true."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

import pytest

from tests.accounts import VIEWER, Keys, make_accounts
from tests.loopback import fresh_address
from tests.operatorclient import Operator
from tests.posting import Reply
from tests.server.sockets import peer_from
from tests.serverprocess import Server, server
from tests.waiting import until

STAYING = 120
"""More than a page has."""
AT_ONCE, VISITS = 20, 12
"""So many come and go beside each other, so often."""
LOST_EVERY = 5
ROWS = 100
VIEWS = ("", "?sort=name", "?sort=-messages_in&page=2", "?page=99", "?q=guest", "?state=connected", "?addresses=1")
_TOTAL = re.compile(r'<span id="count" role="status">(\d+) sessions?<')
_ROW = re.compile(r'<tr id="session-([^"]+)"')


@dataclass
class Presence:
    """Who is surely here, and who may be: a server learns of an end a moment after it, and of a loss later."""

    surely: set[str] = field(default_factory=set)
    perhaps: set[str] = field(default_factory=set)
    came: list[str] = field(default_factory=list)

    def begin(self, name: str) -> None:
        self.perhaps.add(name)
        self.came.append(name)


@pytest.fixture(scope="module")
def watched() -> Iterator[tuple[Server, Keys]]:
    with server({"loglevel": "info", "limits": {"resume_seconds": 0.2}}) as running:
        yield running, make_accounts(running)


async def test_under_churn_the_list_shows_no_error_and_no_wrong_total(watched: tuple[Server, Keys]) -> None:
    running, keys = watched
    presence, gone = Presence(), asyncio.Event()
    async with (
        asyncio.TaskGroup() as tasks,
        Operator.at(running.http_url, cookies={"sessionid": keys[VIEWER]}) as operator,
    ):
        for number in range(STAYING):
            tasks.create_task(stay(running, presence, f"guest {number}", gone))
        await until(lambda: len(presence.surely) == STAYING, within=30)
        coming = [tasks.create_task(come_and_go(running, presence, number)) for number in range(AT_ONCE)]
        for looks, view in enumerate(cycle(VIEWS), 1):
            await look(operator, presence, view)
            if looks >= 2 * len(VIEWS) and all(task.done() for task in coming):
                break
        shown = await until_total(operator, STAYING)
        assert len(_ROW.findall(shown)) == ROWS
        gone.set()
    async with Operator.at(running.http_url, cookies={"sessionid": keys[VIEWER]}) as operator:
        await until_total(operator, 0)
    await asyncio.to_thread(running.stop)
    assert "level=error" not in running.log


async def stay(running: Server, presence: Presence, name: str, gone: asyncio.Event) -> None:
    presence.begin(name)
    async with peer_from(fresh_address(), running.ws_url) as peer:
        await peer.hello(name=name)
        presence.surely.add(name)
        await gone.wait()
        await peer.bye()


async def come_and_go(running: Server, presence: Presence, number: int) -> None:
    """One after the other; some say goodbye, some are lost without a word."""
    for visit in range(VISITS):
        name = f"visitor {number} {visit}"
        presence.begin(name)
        async with peer_from(fresh_address(), running.ws_url) as peer:
            await peer.hello(name=name)
            presence.surely.add(name)
            await peer.send("ping", id="1")
            await peer.expect("pong", id="1")
            presence.surely.discard(name)
            if visit % LOST_EVERY == 0:
                peer.socket.transport.abort()
                continue
            await peer.bye()
            await peer.closed()
        presence.perhaps.discard(name)


async def look(operator: Operator, presence: Presence, view: str) -> None:
    """At the list, once; whoever was here all the time is counted, and whoever was not here at all is not."""
    before, perhaps, already = set(presence.surely), set(presence.perhaps), len(presence.came)
    page = await operator.get(f"/status/sessions/{view}")
    assert page.status == 200, view
    least = before & presence.surely
    most = perhaps | set(presence.came[already:])
    if view == "?q=guest":
        least, most = ({name for name in names if name.startswith("guest")} for names in (least, most))
    total, rows = total_of(page), _ROW.findall(page.body.decode())
    assert len(least) <= total <= len(most), view
    assert len(rows) == len(set(rows)) <= ROWS
    if "page=" not in view:
        assert len(rows) == min(total, ROWS), view


async def until_total(operator: Operator, total: int) -> str:
    """The page as soon as it shows this total: who was lost is forgotten after a moment."""
    for _ in range(50):
        page = await operator.get("/status/sessions/")
        if total_of(page) == total:
            return page.body.decode()
        await asyncio.sleep(0.1)
    raise AssertionError(f"{total_of(page)} instead of {total}")


def total_of(page: Reply) -> int:
    found = _TOTAL.search(page.body.decode())
    assert found, "the list has no total"
    return int(found[1])
