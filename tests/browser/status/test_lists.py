"""The operator's lists in a browser, with and without script: sessions come and go, are sorted and searched."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.accounts import ACTOR, PASSWORD, STRANGER, VIEWER
from tests.browser.status.conftest import Operators
from tests.browser.status.present import present
from tests.posting import offer, post
from tests.serverprocess import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITH_AND_WITHOUT_SCRIPT = pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
PLACE = """() => ({
    focused: document.activeElement.textContent.trim(),
    scrolled: document.scrollingElement.scrollTop,
    marked: globalThis.marked,
})"""


async def test_operator_logs_in_and_out(operators: Operators) -> None:
    operator = await operators(None)
    await operator.open("sessions/")
    assert operator.page.url == f"{operator.url}login/?next=/status/sessions/"
    await operator.log_in(VIEWER, "a guess")
    await expect(operator.page.get_by_text("Please enter the correct username and password")).to_be_visible()
    await operator.log_in(VIEWER, PASSWORD)
    await operator.sees_title("Sessions")
    await operator.press("Log out")
    await expect(operator.page.get_by_text("Thanks for spending some quality time")).to_be_visible()
    await operator.open("sessions/")
    assert "/login/" in operator.page.url


async def test_whoever_may_see_nothing_is_told_so(operators: Operators) -> None:
    operator = await operators(STRANGER)
    await operator.open(status=403)
    await operator.sees_title("You may not see this page")
    await expect(operator.page.get_by_role("link", name="Sessions")).to_have_count(0)


@WITH_AND_WITHOUT_SCRIPT
async def test_sessions_appear_and_go(operators: Operators, here: Server, has_script: bool) -> None:
    operator = await operators(has_script=has_script)
    await operator.open("sessions/")
    await expect(operator.page.get_by_text("Nobody is here.")).to_be_visible()
    async with present(here, "Ada"):
        await operator.sees_names("Ada")
        async with present(here, "Bob"):
            await operator.sees_names("Bob", "Ada")
            await expect(operator.page.get_by_text("2 sessions")).to_be_visible()
        await operator.sees_names("Ada")
    await operator.waits_for(lambda: expect(operator.page.get_by_text("Nobody is here.")).to_be_visible())


async def test_the_reader_keeps_the_place_while_others_come_and_go(operators: Operators, here: Server) -> None:
    """The page is not loaded again, and what is ticked, focused and scrolled to stays so."""
    operator = await operators(viewport={"width": 1_200, "height": 300})
    page = operator.page
    async with present(here, *"ABCDEF"):
        await operator.open("sessions/?sort=name")
        await page.evaluate("() => { globalThis.marked = 'not loaded again'; }")
        await operator.tick("B")
        await operator.tick("E")
        await operator.row("E").get_by_role("link").first.focus()
        await page.mouse.wheel(0, 150)
        await page.wait_for_function("document.scrollingElement.scrollTop >= 100")
        before = await page.evaluate(PLACE)
        async with present(here, "G"):
            await operator.sees_names(*"ABCDEFG")
            assert await page.evaluate(PLACE) == before
        await operator.sees_names(*"ABCDEF")
        assert await page.evaluate(PLACE) == before
        assert before["marked"] == "not loaded again"
        assert [await operator.box(name).is_checked() for name in "ABCDEF"] == [name in "BE" for name in "ABCDEF"]
        await expect(page.get_by_text("2 of 6 selected")).to_be_visible()
        async with present(here, "@"):  # before all others: rows move, and are the same rows
            await operator.sees_names(*"@ABCDEF")
            place = await page.evaluate(PLACE)
            assert (place["focused"], place["marked"]) == (before["focused"], before["marked"])
            await expect(operator.box("E")).to_be_checked()


async def test_who_writes_is_not_disturbed_and_who_pauses_sees_no_change(operators: Operators, here: Server) -> None:
    operator = await operators()
    await operator.open("sessions/")
    await operator.searchbox.fill("half a wo")
    async with present(here, "Ada"):
        async with operator.page.expect_response(lambda response: "/sessions/" in response.url) as renewed:
            await operator.page.get_by_role("button", name="Pause").focus()
            await renewed.value
        await operator.sees_names("Ada")
        await expect(operator.searchbox).to_have_value("half a wo")
        await operator.press("Pause")
        async with present(here, "Bob"):
            await operator.press("Go on")
            await operator.sees_names("Bob", "Ada")


@WITH_AND_WITHOUT_SCRIPT
async def test_sessions_are_sorted_searched_and_filtered(operators: Operators, here: Server, has_script: bool) -> None:
    operator = await operators(VIEWER, has_script=has_script)
    async with present(here, "Cyd", "Ada", "Bob") as (_, _, bob):
        await operator.open("sessions/")
        await operator.sees_names("Bob", "Ada", "Cyd")
        await operator.sort_by("Name")
        await operator.sees_names("Ada", "Bob", "Cyd")
        await operator.sort_by("Name")
        await operator.sees_names("Cyd", "Bob", "Ada")
        await operator.search("b")
        assert "sort=-name" in operator.page.url, "one choice does not undo another"
        await operator.search("BO")
        await operator.sees_names("Bob")
        await expect(operator.page.get_by_text("1 of 3 (all)")).to_be_visible()
        waiting = asyncio.create_task(post(here.http_url, offer(bob.id)))
        call = (await bob.expect("offer"))["call"]
        await operator.open("sessions/")
        await operator.filter_by("HTTP")
        await operator.waits_for(lambda: expect(operator.row("waiting")).to_have_count(1))
        await bob.reject(call)
        assert (await waiting).code == "rejected"
        await operator.waits_for(lambda: expect(operator.page.get_by_text("No session is like that.")).to_be_visible())
        await operator.filter_by("WebSocket")
        await operator.sees_names("Bob", "Ada", "Cyd")


@WITH_AND_WITHOUT_SCRIPT
async def test_a_session_has_a_page_and_so_has_its_table(operators: Operators, here: Server, has_script: bool) -> None:
    operator = await operators(has_script=has_script)
    async with present(here, "Ada") as (ada,):
        await ada.send("join", table="Tafel Ünß/?#%", password="opensesame")
        await ada.expect("joined")
        await operator.open("sessions/")
        await operator.row("Ada").get_by_role("link").first.click()
        await operator.sees_title("Session of Ada")
        await expect(operator.page.get_by_text(ada.id)).to_be_visible()
        await expect(operator.page.get_by_text("127.0.0.x")).to_be_visible()
        await operator.page.get_by_role("link", name="show whole").click()
        await expect(operator.page.get_by_text("127.0.0.1 (")).to_be_visible()
        await operator.page.get_by_role("link", name="Tafel").click()
        await operator.sees_title("Table Tafel Ünß/?#%")
        await expect(operator.page.get_by_text("1 of 16")).to_be_visible()
    await operator.waits_for(lambda: expect(operator.page.get_by_text("is open.")).to_be_visible())
    await operator.forgets("status of 404")


async def test_ids_are_copied(operators: Operators, here: Server) -> None:
    operator = await operators(ACTOR, permissions=["clipboard-read", "clipboard-write"])
    async with present(here, "Ada") as (ada,):
        await operator.open("sessions/")
        await operator.press(f"Copy {ada.id}")
        assert await copied(operator.page) == ada.id


async def copied(page: Page) -> str:
    text: str = await page.evaluate("() => navigator.clipboard.readText()")
    return text
