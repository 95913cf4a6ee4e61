"""One server and one Chromium for all tests here. Each visitor has a tab, and so is a peer of its own."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext

from tests.browser.chromium import INSECURE_HOST, Visitor, Visits, chromium, profile
from tests.serverprocess import Server, server

_TABLES = count(1)


@pytest.fixture(scope="session")
def call_server() -> Iterator[Server]:
    """It refuses a third wrong password, and serves its pages under a name that is no secure context, too."""
    config = {"loglevel": "info", "allowedhosts": ["127.0.0.1", INSECURE_HOST], "limits": {"failures": 2}}
    with server(config) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def usual_profile(browser: Browser) -> BrowserContext:
    """What pages have in common: the browser's cache, which makes them open quickly, and what the page remembers."""
    return await profile(browser)


@pytest.fixture
def table() -> str:
    """A table where nobody sits."""
    return f"table {next(_TABLES)}"


@pytest_asyncio.fixture(loop_scope="session")
async def visits(browser: Browser, usual_profile: BrowserContext, call_server: Server) -> AsyncIterator[Visits]:
    """In the end nobody's console may have an error or a warning that a test has not expected and taken away."""
    visitors: list[Visitor] = []

    async def visit(name: str, fragment: str = "", *, at: str | None = None, script: str = "", **look: Any) -> Visitor:
        context = await profile(browser, **look) if look else usual_profile
        visitor = await Visitor.arriving(context, f"{at or call_server.http_url}/call/{fragment}", name, script)
        visitors.append(visitor)
        return visitor

    yield visit
    for visitor in visitors:
        await visitor.page.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []
