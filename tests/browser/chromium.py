"""The system's Chromium with fake microphones, and somebody who uses the page /call/ in it.

Whoever has such a microphone hums without a pause. Nothing is sent but to loopback addresses (probe.js), and
Chromium's own services, which would look up hosts elsewhere, are off.
"""

import math
import re
import shutil
import wave
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, async_playwright, expect

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first is the same engine without what draws windows, and takes half the processor time."""
EXECUTABLE = next(filter(None, map(shutil.which, PROGRAMS)), None)
INSECURE_HOST = "roundtable.test"
"""A name for this machine that browsers do not hold to be a secure context, as they do localhost."""
WITHIN_SECONDS = 15.0
SAMPLES_PER_SECOND = 48_000
PROBE = Path(__file__).with_name("probe.js")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--renderer-process-limit=1",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1, EXCLUDE 127.0.0.1, MAP * ~NOTFOUND",
]

expect.set_options(timeout=WITHIN_SECONDS * 1000)


def hum(path: Path) -> None:
    """Writes a second of a wavering tone, which Chromium repeats: a steady one it would take for noise, and remove."""
    samples = (
        int(12_000 * math.sin(math.tau * 440 * at) * (0.6 + 0.4 * math.sin(math.tau * 8 * at)))
        for at in (sample / SAMPLES_PER_SECOND for sample in range(SAMPLES_PER_SECOND))
    )
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLES_PER_SECOND, 0, "NONE", ""))
        file.writeframes(array("h", samples).tobytes())


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Browser]:
    """Its microphones play a file, which is put into the folder."""
    assert EXECUTABLE, "these tests need Chromium (on Debian and Ubuntu: apt-get install chromium)"
    async with async_playwright() as playwright:
        hum(folder / "hum.wav")
        arguments = [*ARGUMENTS, f"--use-file-for-fake-audio-capture={folder / 'hum.wav'}"]
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=arguments)
        try:
            yield browser
        finally:
            await browser.close()


async def profile(browser: Browser, **look: Any) -> BrowserContext:
    """A profile of its own, in which the microphone is allowed: `look` as in Playwright's new_context."""
    context = await browser.new_context(permissions=["microphone", "clipboard-read", "clipboard-write"], **look)
    context.set_default_timeout(WITHIN_SECONDS * 1000)
    await context.add_init_script(path=PROBE)
    return context


@dataclass
class Visitor:
    """Somebody at the page, in a tab of their own. `complaints` is what the browser's console has."""

    name: str
    page: Page
    complaints: list[str] = field(default_factory=list)
    may_be_cut_off: bool = False
    """A browser says of each WebSocket on its console that it could not be opened; no script can prevent that."""

    @classmethod
    async def arriving(cls, context: BrowserContext, url: str, name: str, script: str = "") -> "Visitor":
        """Opens the page and says who they are, if anybody; `script` runs before the page's own."""
        page = await context.new_page()
        await page.add_init_script(script)
        visitor = cls(name, page)
        page.on("console", visitor._hear)
        page.on("pageerror", lambda error: visitor.complaints.append(f"{name}: {error}"))
        await page.goto(url)
        if name:
            await page.get_by_label("Your name").fill(name)
        return visitor

    def _hear(self, message: ConsoleMessage) -> None:
        is_expected = self.may_be_cut_off and message.text.startswith("WebSocket connection to")
        if message.type in ("error", "warning") and not is_expected:
            self.complaints.append(f"{self.name}: {message.text} ({message.location.get('url')})")

    # What somebody does

    async def ask_to_join(self, table: str, password: str = "") -> None:
        await self.page.get_by_label("Table", exact=True).fill(table)
        await self.page.get_by_label("Password").fill(password)
        await self.press("Join the table")

    async def join(self, table: str, password: str = "") -> None:
        await self.ask_to_join(table, password)
        await self.sees_title(table)

    async def get_identifier(self) -> str:
        await self.press("Get my identifier")
        identifier = self.page.get_by_role("textbox", name="Your identifier")
        await expect(identifier).to_have_text(re.compile("^eyJ"))
        return await identifier.inner_text()

    async def dial(self, identifier: str) -> None:
        await self.page.get_by_label("Their identifier").fill(identifier)
        await self.press("Call")

    async def press(self, name: str) -> None:
        """The button of this name."""
        await self.look()
        await self.button(name).click()

    async def look(self) -> None:
        """Brings the tab to the front: what is not seen is hardly ever drawn, and one does not click on it."""
        await self.page.bring_to_front()

    async def remove(self, other: str) -> None:
        await self.press(f"Remove {other}")
        await self.page.get_by_role("dialog").get_by_role("button", name="Remove").click()

    # What somebody perceives

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def tile(self, name: str) -> Locator:
        return self.page.get_by_role("listitem").filter(has=self.page.get_by_text(name, exact=True))

    async def sees_title(self, title: str) -> None:
        await expect(self.page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()

    async def sees(self, *names: str) -> None:
        """Exactly these tiles, one's own the first, in the order of the seats."""
        await expect(self.page.get_by_role("listitem").locator(".name")).to_have_text(list(names))

    async def is_connected_with(self, *names: str) -> None:
        for name in names:
            await expect(self.tile(name)).to_contain_text("Connected")

    async def hears(self, others: int) -> None:
        """So many are connected, and from each comes RTP, and sound in it."""
        await self.probe(f"hears({others}, true, {WITHIN_SECONDS})")

    async def hears_silence(self, others: int) -> None:
        """So many are connected, and from each comes RTP, and no sound in it."""
        await self.probe(f"hears({others}, false, {WITHIN_SECONDS})")

    async def sees_speaking(self, *names: str) -> None:
        """By WebAudio: the tile lights up."""
        await self.look()
        for name in names:
            await self.comes_true(self.tile(name), "tile => tile.classList.contains('speaking')")

    async def is_warned(self, text: str) -> None:
        await expect(self.page.get_by_role("alert").filter(has_text=text)).to_be_visible()

    async def is_told(self, text: str) -> None:
        await expect(self.page.get_by_role("status").filter(has_text=text)).to_be_visible()

    async def is_back_at_start(self) -> None:
        await expect(self.button("Join the table")).to_be_visible()
        await expect(self.button("Leave")).to_be_hidden()

    async def is_sent(self, kind: str, *, times: int, within_seconds: float = WITHIN_SECONDS) -> None:
        """So many frames of this type have come from the server, over whatever connections."""
        await self.probe(f"until(() => probe.frames('{kind}').length >= {times}, {within_seconds})")
        assert len(await self.frames(kind)) == times

    async def frames(self, kind: str) -> list[Any]:
        """All frames of this type that have come from the server."""
        frames: list[Any] = await self.probe(f"frames('{kind}')")
        return frames

    async def resumptions(self) -> list[bool]:
        """For each time that the server has said welcome, whether it was to the session that there was before."""
        return [welcome["resumed"] for welcome in await self.frames("welcome")]

    async def comes_true(self, locator: Locator, check: str) -> None:
        """For what may be true for a moment only, as with microphones that beep: it is looked at often."""
        await locator.evaluate(f"(element, seconds) => probe.until(() => ({check})(element), seconds)", WITHIN_SECONDS)

    async def probe(self, expression: str) -> Any:
        """What probe.js tells."""
        return await self.page.evaluate(f"() => probe.{expression}")


class Visits(Protocol):
    """Makes somebody open the page: `fragment` as in the link to a table; with a `look`, in a profile of their own."""

    async def __call__(
        self, name: str, fragment: str = "", *, at: str | None = None, script: str = "", **look: Any
    ) -> Visitor: ...
