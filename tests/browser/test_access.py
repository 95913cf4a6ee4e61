"""The page without a mouse, on a phone, and for those who asked for less motion."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.chromium import Visits

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOCUSED = """() => {
    const { activeElement: focused } = document;
    return focused.labels?.[0]?.firstChild.textContent.trim() || focused.ariaLabel || focused.textContent.trim();
}"""


async def test_table_is_joined_and_left_by_keyboard(visits: Visits, table: str) -> None:
    ada, bob = await visits("Ada"), await visits("Bob")
    await bob.join(table)
    await ada.look()
    assert await tab_through(ada.page, 8) == [
        "Microphone",
        "Try it",
        "Table",
        "Password",
        "Join the table",
        "Their identifier",
        "Call",
        "Get my identifier",
    ]
    await ada.page.get_by_label("Table", exact=True).focus()
    await ada.page.keyboard.type(table)
    await ada.page.keyboard.press("Enter")
    await ada.sees("Ada", "Bob")
    await ada.is_connected_with("Bob")
    assert await ada.page.evaluate(FOCUSED) == table
    assert await tab_through(ada.page, 4) == ["Mute Bob for me", "Mute", "Copy link", "Leave"]
    await ada.page.keyboard.press("Enter")
    await ada.is_back_at_start()
    assert await ada.page.evaluate(FOCUSED) == "A voice call"


async def test_call_is_accepted_by_keyboard(visits: Visits) -> None:
    ada, bob = await visits("Ada"), await visits("Bob")
    await ada.dial(await bob.get_identifier())
    await bob.look()
    await bob.is_warned("Ada is calling")
    assert await bob.page.evaluate(FOCUSED) == "Incoming call"
    assert await tab_through(bob.page, 1) == ["Accept"]
    await bob.page.keyboard.press("Enter")
    await bob.sees_title("Call with Ada")
    assert await bob.page.evaluate(FOCUSED) == "Call with Ada"


async def test_nothing_is_wider_than_a_phone(visits: Visits, table: str) -> None:
    ada = await visits("A" * 64, "#" + "W" * 64, viewport={"width": 390, "height": 700})
    await ada.get_identifier()
    await expect_no_sideways_scrolling(ada.page)
    await ada.join("W" * 40 + table)
    await expect_no_sideways_scrolling(ada.page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_texts_stand_out(visits: Visits, table: str, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5, for what is read on the way into a call and in it."""
    ada = await visits("Ada", color_scheme=scheme)
    await ada.get_identifier()
    assert await faint_texts(ada.page) == []
    await ada.join(table)
    await ada.press("Mute")
    assert await faint_texts(ada.page) == []


async def test_nothing_moves_for_those_who_asked_for_that(visits: Visits, table: str) -> None:
    ada = await visits("Ada", reduced_motion="reduce")
    await ada.join(table)
    await ada.press("Mute")
    halo = """(loudness) => {
        const tile = document.querySelector(".tile");
        tile.classList.remove("speaking");
        tile.style.setProperty("--loudness", loudness);
        return getComputedStyle(tile.querySelector(".avatar")).boxShadow;
    }"""
    assert {await ada.page.evaluate(halo, loudness) for loudness in (0, 0.5, 1)} == {"none"}


async def tab_through(page: Page, count: int) -> list[str]:
    """What has the focus after each press of the tabulator key."""
    names = []
    for _ in range(count):
        await page.keyboard.press("Tab")
        names.append(await page.evaluate(FOCUSED))
    return names


async def expect_no_sideways_scrolling(page: Page) -> None:
    for width in (390, 320):
        await page.set_viewport_size({"width": width, "height": 700})
        await expect(page.locator("html")).to_have_js_property("scrollWidth", width)


async def faint_texts(page: Page) -> list[str]:
    """Visible texts whose contrast with what is behind them is below 4.5."""
    faint: list[str] = await page.evaluate(
        """() => {
        const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        const rgba = (color) => {
            context.clearRect(0, 0, 1, 1);
            context.fillStyle = color;
            context.fillRect(0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data];
        };
        const luminance = (color) => {
            const [r, g, b] = color.map((c) => (c / 255 <= 0.04045 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const background = (element) => {
            for (let at = element; at; at = at.parentElement) {
                const color = rgba(getComputedStyle(at).backgroundColor);
                if (color[3] === 255) return color;
            }
            return [255, 255, 255];
        };
        const contrast = (element) => {
            const [a, b] = [rgba(getComputedStyle(element).color), background(element)].map(luminance);
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        };
        const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        return [...document.querySelectorAll("main *, header *")]
            .filter((element) => element.checkVisibility() && hasText(element) && contrast(element) < 4.5)
            .map((element) => `${element.textContent.trim()}: ${contrast(element).toFixed(2)}`);
    }"""
    )
    return faint
