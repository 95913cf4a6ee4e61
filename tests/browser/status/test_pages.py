"""Every page of the operator's site, Django's own included: can be used by all, and runs no words of strangers.

That no browser complains of a page, of a breach of its policy least of all, is seen to by the fixture of operators.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse
from playwright.async_api import expect

from tests.accounts import ADMINISTRATOR, PASSWORD, STRANGER
from tests.browser.status.axe import grave_faults
from tests.browser.status.conftest import Operators
from tests.browser.status.operator import PAGES, Operator
from tests.browser.status.present import present
from tests.posting import ANSWER, OFFER
from tests.serverprocess import Server
from tests.wsclient import Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")

OF_DJANGO = (
    "auth/user/",
    "auth/user/add/",
    "auth/user/2/change/",
    "auth/user/2/password/",
    "auth/user/2/history/",
    "auth/user/4/delete/",
    "auth/group/",
    "auth/group/add/",
    "admin/logentry/",
    "password_change/",
    "password_change/done/",
)
NOBODY = "982b666c-6d60-8b3d-90dd-51f75da87abd"
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7|add:7 }}'
LONG = "W" * 64
HEBREW = "\u05d0\u05d1\u05d2"
NAME, TABLE = f"{HOSTILE[:50]}{HEBREW}", HOSTILE[:60]
SOFTWARE = f"{HOSTILE} \u202e{HEBREW}"


@asynccontextmanager
async def conversation(
    here: Server, name: str = "Ada", table: str = "camelot", *, software: str | None = None
) -> AsyncIterator[tuple[Peer, str]]:
    """Ada, whatever she is called, who sits at a table and is in a call, and the call."""
    headers = None if software is None else {"User-Agent": software}
    async with present(here, "Bob") as (bob,), Peer.connected(here.ws_url, headers=headers) as ada:
        await ada.hello(name=name)
        for peer in (ada, bob):
            await peer.send("join", table=table)
            await peer.expect("joined")
        call = await ada.dial(bob.id, OFFER, table=table)
        await bob.expect("offer")
        await bob.answer(call, ANSWER)
        await ada.expect("answer")
        yield ada, call
        if ada.socket.close_code is None:
            await ada.bye()


@pytest.mark.timeout(120)
async def test_axe_finds_no_grave_fault_on_our_pages(operators: Operators, here: Server) -> None:
    operator = await operators(ADMINISTRATOR)
    async with conversation(here) as (ada, call):
        described = (f"sessions/{ada.id}/", "table/camelot/", f"calls/{call}/")
        await expect_no_grave_fault(operator, "", *(f"{page}/" for page in PAGES), *described)
        await expect_no_grave_fault(operator, "sessions/?q=ada&state=connected&sort=-name&addresses=1", "calls/?q=none")
        for path, words in (("sessions/", "Disconnect selected…"), ("tables/", "Close selected…")):
            await operator.open(path)
            await operator.page.locator("input.action-select").first.check()
            await operator.press(words)
            await operator.sees_title(words.replace(" selected…", "?"))
            assert await grave_faults(operator.page) == [], path
        await operator.open("drain/")
        await operator.press("Start draining…")
        await operator.sees_title("Stop the server?")
        assert await grave_faults(operator.page) == []
    missing = (f"calls/{NOBODY}/", f"sessions/{NOBODY}/", "table/nowhere/", "no-such-page/")
    await expect_no_grave_fault(operator, *missing, status=404)


@pytest.mark.timeout(120)
async def test_axe_finds_no_grave_fault_on_pages_of_django(operators: Operators) -> None:
    await expect_no_grave_fault(await operators(ADMINISTRATOR), *OF_DJANGO)
    await expect_no_grave_fault(await operators(STRANGER), "", status=403)
    guest = await operators(None)
    await expect_no_grave_fault(guest, "login/")
    guest.refused.add(guest.url)
    await guest.log_in(STRANGER, PASSWORD)
    await guest.press("Log out")
    await expect(guest.page.get_by_text("Thanks for spending some quality time")).to_be_visible()
    assert await grave_faults(guest.page) == []


async def expect_no_grave_fault(operator: Operator, *paths: str, status: int = 200) -> None:
    found = {}
    for path in paths:
        await operator.open(path, status=status)
        found[path] = await grave_faults(operator.page)
    assert {path: faults for path, faults in found.items() if faults} == {}


async def test_axe_does_find_faults(operators: Operators) -> None:
    operator = await operators(ADMINISTRATOR)
    await operator.open("sessions/")
    await operator.page.evaluate("() => document.querySelector('#changelist-search label').remove()")
    assert [fault for fault in await grave_faults(operator.page) if "label" in fault]


async def test_axe_does_find_colours_that_are_too_faint_in_the_dark_only(operators: Operators) -> None:
    operator = await operators(ADMINISTRATOR)
    await operator.open("sessions/")
    assert await grave_faults(operator.page) == []
    await operator.page.evaluate("() => { document.querySelector('h1').style.color = '#555' }")
    assert [fault for fault in await grave_faults(operator.page) if "color-contrast" in fault]


@pytest.mark.parametrize("width", [390, 1_280])
async def test_no_page_is_wider_than_the_window_whatever_strangers_are_called(
    operators: Operators, here: Server, width: int
) -> None:
    operator = await operators(ADMINISTRATOR, viewport={"width": width, "height": 700})
    async with conversation(here, LONG, LONG, software=2 * LONG) as (ada, call):
        described = (f"sessions/{ada.id}/", f"table/{LONG}/", f"calls/{call}/")
        for path in ("", *(f"{page}/" for page in PAGES), *described, "auth/user/2/change/", "admin/logentry/"):
            await operator.open(path)
            await expect(operator.page.locator("html")).to_have_js_property("scrollWidth", width)
        for path, words in (("sessions/", "Disconnect selected…"), ("tables/", "Close selected…")):
            await operator.open(path)
            await operator.tick(LONG)
            await operator.press(words)
            await expect(operator.page.locator("html")).to_have_js_property("scrollWidth", width)


async def test_no_name_pushes_the_other_columns_out_of_sight(operators: Operators, here: Server) -> None:
    """On a usual screen, with the navigation beside it."""
    operator = await operators(ADMINISTRATOR, viewport={"width": 1_280, "height": 700})
    async with conversation(here, LONG, LONG) as (ada, call):
        await operator.open("sessions/")
        await expect(operator.row(ada.id[:8]).locator(".state")).to_be_in_viewport(ratio=1)
        await operator.open("tables/")
        await expect(operator.row(LONG).locator("td").last).to_be_in_viewport(ratio=1)
        await operator.open("calls/")
        await expect(operator.row(call[:8]).locator("td").last).to_be_in_viewport(ratio=1)


async def test_accounts_and_their_permissions_are_made_in_the_browser(operators: Operators) -> None:
    administrator = await operators(ADMINISTRATOR)
    await administrator.open("auth/user/add/")
    await administrator.page.get_by_label("Username").fill("galahad")
    for field in ("Password:", "Password confirmation:"):
        await administrator.page.get_by_label(field, exact=True).fill("a grail for Camelot 9")
    await administrator.page.get_by_role("button", name="Save", exact=True).click()
    await administrator.page.get_by_label("Staff status").check()
    await administrator.page.get_by_label("Can see sessions, tables, calls and figures").check()
    await administrator.page.get_by_role("button", name="Save", exact=True).click()
    await administrator.is_told("was changed successfully")
    galahad = await operators(None)
    await galahad.open()
    await galahad.log_in("galahad", "a grail for Camelot 9")
    await galahad.sees_title("Overview")


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
async def test_t34_words_of_strangers_are_text(operators: Operators, here: Server, has_script: bool) -> None:
    """Also those that come while the page renews itself. What would turn the text around them is not shown."""
    operator = await operators(ADMINISTRATOR, has_script=has_script)
    page = operator.page
    await operator.open("sessions/")
    async with mallory(here) as (socket, peer, call):
        await operator.sees_names(NAME)
        assert await is_plain(operator)
        await operator.search(HOSTILE[:20])
        await operator.sees_names(NAME)
        for path in (f"sessions/{peer}/", "tables/", "calls/", f"calls/{call}/"):
            await operator.open(path)
            await expect(page.locator("main").get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
            assert await is_plain(operator), path
        await operator.open(f"sessions/{peer}/")
        await expect(page.locator("bdi").filter(has_text="{{ 7|add:7 }}")).to_be_visible()
        assert "\u202e" not in await page.content()
        await operator.press("Disconnect…")
        assert await is_plain(operator)
        await operator.is_sure()
        await operator.is_told("1 session disconnected.")
        assert [message async for message in socket][-1:] == [] and socket.close_code == 4503
    await operator.open("admin/logentry/")
    await expect(operator.row(peer)).to_contain_text(NAME)
    assert await is_plain(operator)


@asynccontextmanager
async def mallory(here: Server) -> AsyncIterator[tuple[ClientWebSocketResponse, str, str]]:
    """Somebody whose words are hostile, with a seat and a call that was refused. (Not by websockets, which refuses.)"""
    async with ClientSession() as session, session.ws_connect(here.ws_url, headers={"User-Agent": SOFTWARE}) as socket:
        await socket.send_json({"type": "hello", "name": f"{NAME}\u202e"})
        assert (await socket.receive_json())["code"] == "bad_message"
        await socket.send_json({"type": "hello", "name": NAME})
        peer = (await socket.receive_json())["peer"]
        await socket.send_json({"type": "join", "table": TABLE})
        assert (await socket.receive_json())["table"] == TABLE
        call = str(uuid.uuid4())
        await socket.send_json({"type": "offer", "call": call, "to": NOBODY, "table": TABLE, "description": OFFER})
        assert (await socket.receive_json())["code"] == "table_unknown"
        yield socket, peer, call


async def is_plain(operator: Operator) -> bool:
    """Nothing of what was written became an element."""
    return await operator.page.locator("img[src=x], main script, [onerror]").count() == 0
