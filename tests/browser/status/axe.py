"""axe-core, which finds faults that keep people from using a page (WCAG): https://github.com/dequelabs/axe-core.

It is put into the page by the debugger, for the page's own Content-Security-Policy admits no script of others.
"""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

SCRIPT = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
# Preloading would put style sheets into the page, which its policy forbids; only experimental rules need it.
_FAULTS = """axe.run({ preload: false }).then(({ violations }) =>
  violations.flatMap(({ id, impact, nodes }) => nodes.map(({ html, failureSummary: why }) => [impact, id, html, why]))
)"""


async def grave_faults(page: Page) -> list[str]:
    """What is seriously or critically wrong with the page, each with the element that is to blame."""
    assert SCRIPT.exists(), "these tests need axe-core: npm ci"
    debugger = await page.context.new_cdp_session(page)
    try:
        await _run(debugger, SCRIPT.read_text(encoding="utf-8"))
        found = await _run(debugger, _FAULTS)
    finally:
        await debugger.detach()
    return [f"{impact} {id}: {html} {why}" for impact, id, html, why in found if impact in GRAVE]


async def _run(debugger: Any, expression: str) -> Any:
    answer = await debugger.send(
        "Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True}
    )
    assert "exceptionDetails" not in answer, answer
    return answer["result"].get("value")
