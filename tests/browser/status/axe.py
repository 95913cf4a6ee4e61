"""axe-core, which finds faults that keep people from using a page (WCAG): https://github.com/dequelabs/axe-core.

It is put into the page by the debugger, for the page's own Content-Security-Policy admits no script of others.
"""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

SCRIPT = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
# Preloading would put style sheets into the page, which its policy forbids; only experimental rules need it.
# Colours that are on their way to others are looked at when they are there.
_FAULTS = """document.getAnimations().forEach((animation) => animation.finish());
axe.run({ preload: false, %s }).then(({ violations }) =>
  violations.flatMap(({ id, impact, nodes }) => nodes.map(({ html, failureSummary: why }) => [impact, id, html, why]))
)"""
_RULES_ABOUT_COLOURS = 'runOnly: ["color-contrast"]'


async def grave_faults(page: Page) -> list[str]:
    """What is seriously or critically wrong with the page, light and dark, each with the element that is to blame."""
    assert SCRIPT.exists(), "these tests need axe-core: npm ci"
    debugger = await page.context.new_cdp_session(page)
    try:
        await _run(debugger, SCRIPT.read_text(encoding="utf-8"))
        found = await _run(debugger, _FAULTS % "")
        await page.emulate_media(color_scheme="dark")
        found += await _run(debugger, _FAULTS % _RULES_ABOUT_COLOURS)
        await page.emulate_media(color_scheme="light")
    finally:
        await debugger.detach()
    return [f"{impact} {id}: {html} {why}" for impact, id, html, why in found if impact in GRAVE]


async def _run(debugger: Any, expression: str) -> Any:
    answer = await debugger.send(
        "Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True}
    )
    assert "exceptionDetails" not in answer, answer
    return answer["result"].get("value")
