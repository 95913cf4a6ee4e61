"""One server with operators' accounts for all tests here that do not end it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.accounts import ACTOR, Keys, make_accounts
from tests.browser.status.operator import Operator
from tests.serverprocess import Server, server


class Operators(Protocol):
    """Makes somebody open a browser, logged in under this name (None: not at all), at this server or the usual one."""

    async def __call__(
        self, name: str | None = ACTOR, *, at: tuple[Server, Keys] | None = None, **look: Any
    ) -> Operator: ...


@pytest.fixture(scope="session")
def status_server() -> Iterator[tuple[Server, Keys]]:
    """Its accounts are logged in already, and nobody may log these out. Whoever was lost there is soon forgotten."""
    with server({"loglevel": "info", "limits": {"resume_seconds": 0.2}}) as running:
        yield running, make_accounts(running)


@pytest.fixture
def here(status_server: tuple[Server, Keys]) -> Server:
    running, _ = status_server
    return running


@pytest_asyncio.fixture(loop_scope="session")
async def operators(browser: Browser, status_server: tuple[Server, Keys]) -> AsyncIterator[Operators]:
    """In the end nobody's console may have an error or a warning that a test has not expected and taken away."""
    opened: list[Operator] = []

    async def operator(name: str | None = ACTOR, *, at: tuple[Server, Keys] | None = None, **look: Any) -> Operator:
        running, keys = at or status_server
        made = await Operator.arriving(browser, running.http_url, None if name is None else keys[name], **look)
        opened.append(made)
        return made

    yield operator
    for operator_ in opened:
        await operator_.page.context.close()
    assert [complaint for each in opened for complaint in each.complaints] == []
