"""Somebody who operates the server, in a tab of Chromium, and what the browser complains of meanwhile.

A breach of the Content-Security-Policy is an error on the browser's console, and so a complaint like any other.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Dialog, Locator, Page, expect

from tests.browser.chromium import WITHIN_SECONDS
from tests.waiting import until

PAGES = {"sessions": "Sessions", "tables": "Tables", "calls": "Calls", "bans": "Bans", "drain": "Draining"}
"""The titles of the operator's pages by their paths."""


@dataclass
class Operator:
    """At the pages below this URL. `has_script`: else the browser runs none, and pages are reloaded by hand."""

    page: Page
    url: str
    has_script: bool = True
    complaints: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Pages that are opened to be refused, of which the browser says so on its console, or not."""

    @classmethod
    async def arriving(
        cls, browser: Browser, server_url: str, key: str | None, *, has_script: bool = True, **look: Any
    ) -> "Operator":
        """Opens a browser of its own, logged in by this key of a session; `look` as in Playwright's new_context."""
        context = await browser.new_context(java_script_enabled=has_script, **look)
        context.set_default_timeout(WITHIN_SECONDS * 1000)
        if key is not None:
            await context.add_cookies([{"name": "sessionid", "value": key, "url": server_url}])
        operator = cls(await context.new_page(), f"{server_url}/status/", has_script)
        operator.page.on("console", operator._hear)
        operator.page.on("pageerror", lambda error: operator.complaints.append(str(error)))
        operator.page.on("dialog", operator._wonder)
        return operator

    def _hear(self, message: ConsoleMessage) -> None:
        is_expected = message.location.get("url") in self.refused and "the server responded with" in message.text
        if message.type in ("error", "warning") and not is_expected:
            self.complaints.append(f"{message.text} ({message.location.get('url')})")

    async def _wonder(self, dialog: Dialog) -> None:
        self.complaints.append(f"a dialogue: {dialog.message}")
        await dialog.dismiss()

    # What somebody does

    async def open(self, path: str = "", *, status: int = 200) -> None:
        """A page below /status/, which comes with this status."""
        if status != 200:
            self.refused.add(self.url + path)
        response = await self.page.goto(self.url + path)
        assert response is not None and response.status == status, path

    async def log_in(self, name: str, password: str) -> None:
        await self.page.get_by_label("Username").fill(name)
        await self.page.get_by_label("Password").fill(password)
        await self.press("Log in")

    async def press(self, name: str) -> None:
        """The button of this name."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def sort_by(self, column: str) -> None:
        """By the head of this column."""
        await self.page.locator("thead").get_by_role("link", name=column, exact=True).click()

    async def search(self, text: str) -> None:
        await self.searchbox.fill(text)
        await self.press("Search")

    async def filter_by(self, words: str) -> None:
        await self.page.locator("#changelist-filter").get_by_role("link", name=words, exact=True).click()

    async def tick(self, name: str) -> None:
        """The box before the row of this name."""
        await self.box(name).check()

    async def is_sure(self) -> None:
        """Confirms what is asked once more."""
        await expect(self.page.get_by_text("Are you sure")).to_be_visible()
        await self.press("Yes, I’m sure")

    # What somebody perceives

    @property
    def searchbox(self) -> Locator:
        return self.page.get_by_role("textbox", name="Search")

    def box(self, name: str) -> Locator:
        return self.page.get_by_role("checkbox", name=f"Select {name}", exact=True)

    def row(self, text: str) -> Locator:
        """The row in which this text is."""
        return self.page.locator("#result_list tbody tr").filter(has_text=text)

    async def sees_title(self, title: str) -> None:
        await expect(self.page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()

    async def sees_names(self, *names: str) -> None:
        """Exactly these sessions, in this order."""
        await self.waits_for(lambda: expect(self.page.locator("#result_list th + td > bdi")).to_have_text(list(names)))

    async def forgets(self, words: str) -> None:
        """What the browser says on its console with these words, as it must, is no complaint."""
        await until(lambda: any(words in complaint for complaint in self.complaints))
        self.complaints[:] = [complaint for complaint in self.complaints if words not in complaint]

    async def is_told(self, text: str) -> None:
        """By a message above the page."""
        await expect(self.page.locator(".messagelist").get_by_text(text)).to_be_visible()

    async def waits_for(self, expecting: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Until it is so: a page renews itself, or else it is loaded again and again."""
        if self.has_script:
            return await expecting()
        for _ in range(10):
            await self.page.get_by_role("link", name="Refresh").click()
            try:
                expect.set_options(timeout=500)
                return await expecting()
            except AssertionError:
                pass
            finally:
                expect.set_options(timeout=WITHIN_SECONDS * 1000)
        return await expecting()
