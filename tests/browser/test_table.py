"""Three and more browsers at a table, who hear each other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import expect

from tests.browser.chromium import Visits
from tests.serverprocess import Server
from tests.wsclient import Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_three_hear_each_other_and_one_leaves(visits: Visits, table: str) -> None:
    ada, bob, cyd = [await visits(name) for name in ("Ada", "Bob", "Cyd")]
    for visitor in (ada, bob, cyd):
        await visitor.join(table)
    await ada.sees("Ada", "Bob", "Cyd")
    await bob.sees("Bob", "Ada", "Cyd")
    await cyd.sees("Cyd", "Ada", "Bob")
    for visitor, others in ((ada, ["Bob", "Cyd"]), (bob, ["Ada", "Cyd"]), (cyd, ["Ada", "Bob"])):
        await visitor.is_connected_with(*others)
        await visitor.hears(2)
        await visitor.sees_speaking(*others)
        assert set(await visitor.probe("addresses()")) <= {"127.0.0.1", "::1"}

    await ada.press("Leave")
    await ada.is_back_at_start()
    assert await ada.probe("openConnections()") == 0
    await bob.sees("Bob", "Cyd")
    await cyd.sees("Cyd", "Bob")
    await cyd.is_told("Ada has left.")
    await bob.hears(1)
    await expect(bob.button("Lock")).to_be_visible()
    await expect(cyd.button("Lock")).to_be_hidden()


async def test_who_comes_late_joins_unless_it_is_locked(visits: Visits, table: str) -> None:
    ada, bob = await visits("Ada"), await visits("Bob")
    await ada.join(table)
    await bob.join(table)
    await ada.hears(1)

    cyd = await visits("Cyd")
    await cyd.join(table)
    await ada.is_told("Cyd has joined.")
    for visitor in (ada, bob, cyd):
        await visitor.hears(2)

    await ada.press("Lock")
    await expect(cyd.page.get_by_text("3 of 16 seats taken · locked")).to_be_visible()
    dan = await visits("Dan")
    await dan.ask_to_join(table)
    await dan.is_warned(f"“{table}” is locked: its host lets nobody in.")
    await dan.is_back_at_start()

    await ada.press("Unlock")
    await expect(cyd.page.get_by_text("3 of 16 seats taken", exact=True)).to_be_visible()
    await dan.press("Join the table")
    await dan.hears(3)


async def test_who_is_kicked_is_told_and_does_not_come_back(visits: Visits, call_server: Server, table: str) -> None:
    ada, bob = await visits("Ada"), await visits("Bob")
    await ada.join(table)
    await bob.join(table)
    await ada.hears(1)
    async with seated(call_server, table, name="Cyd") as cyd:
        await bob.sees("Bob", "Ada", "Cyd")
        await expect(bob.button("Remove Cyd")).to_be_hidden()
        await ada.remove("Bob")
        await bob.is_warned(f"The host has removed you from “{table}”.")
        await bob.is_back_at_start()
        await ada.is_told("Bob was removed by the host.")
        await ada.sees("Ada", "Cyd")
        assert (await cyd.expect("peer_left"))["reason"] == "kicked"
    assert await bob.probe("openConnections()") == await ada.probe("openConnections()") == 0

    await bob.press("Join the table")
    await bob.is_warned(f"The host has removed you from “{table}”. Try again in 10 minutes.")


async def test_nobody_is_kicked_by_mistake(visits: Visits, call_server: Server, table: str) -> None:
    ada = await visits("Ada")
    await ada.join(table)
    async with seated(call_server, table, name="Bob"):
        await ada.press("Remove Bob")
        await expect(ada.page.get_by_role("dialog")).to_contain_text("Remove Bob?")
        await ada.page.keyboard.press("Enter")
        await expect(ada.page.get_by_role("dialog")).to_be_hidden()
        await ada.sees("Ada", "Bob")


async def test_nobody_is_asked_about_who_has_left(visits: Visits, call_server: Server, table: str) -> None:
    ada = await visits("Ada")
    await ada.ask_to_join(f" {table} ")
    await ada.sees_title(table)
    async with seated(call_server, table, name="Bob"):
        await ada.press("Remove Bob")
        await expect(ada.page.get_by_role("dialog")).to_be_visible()
    await expect(ada.page.get_by_role("dialog")).to_be_hidden()


async def test_password_is_asked_for_and_checked(visits: Visits, table: str) -> None:
    ada, bob = await visits("Ada"), await visits("Bob")
    await ada.join(table, password="grail")
    await expect(ada.page.get_by_text("1 of 16 seats taken · with a password")).to_be_visible()
    assert "grail" not in ada.page.url
    await bob.join(table, password="grail")
    await bob.hears(1)
    await bob.press("Leave")

    await bob.ask_to_join(table)
    await bob.is_warned(f"“{table}” needs a password.")
    await expect(bob.page.get_by_label("Password")).to_be_focused()
    await bob.ask_to_join(table, password="shrubbery")
    await bob.is_warned(f"That is not the password of “{table}”.")
    await bob.ask_to_join(table, password="grail")
    await bob.is_warned("That was too often. Try again in 30 minutes.")


async def test_no_seat_is_left(visits: Visits, call_server: Server, table: str) -> None:
    async with seated(call_server, table, capacity=1):
        ada = await visits("Ada")
        await ada.ask_to_join(table)
        await ada.is_warned(f"All seats at “{table}” are taken.")
        await ada.is_back_at_start()
        assert [error["code"] for error in await ada.frames("error")] == ["table_full"]


async def test_link_leads_to_the_table(visits: Visits) -> None:
    table = "Tafel Ünß/?#%"
    ada = await visits("Ada")
    await ada.join(table)
    await ada.press("Copy link")
    await ada.is_told("The link was copied.")
    link = await ada.page.evaluate("() => navigator.clipboard.readText()")
    assert link == ada.page.url
    assert link.endswith(f"/call/#{quote(table, safe='')}")

    bob = await visits("Bob", link[link.index("#") :])
    await bob.sees_title(f"You are invited to “{table}”")
    await bob.press("Join the table")
    await bob.sees("Bob", "Ada")


async def test_one_mutes_oneself_and_another_for_oneself(visits: Visits, table: str) -> None:
    ada, bob = await visits("Ada"), await visits("Bob")
    await ada.join(table)
    await ada.press("Mute")
    await expect(ada.tile("Ada")).to_contain_text("Muted")
    await bob.join(table)
    await ada.hears(1)
    await bob.hears_silence(1)
    await ada.press("Unmute")
    await expect(ada.tile("Ada")).to_contain_text("You")
    await bob.hears(1)

    is_silent = "() => document.querySelector('audio').muted"
    await ada.press("Mute Bob for me")
    assert await ada.page.evaluate(is_silent) is True
    await ada.press("Unmute Bob for me")
    assert await ada.page.evaluate(is_silent) is False


async def test_name_is_a_text_and_nothing_else(visits: Visits, call_server: Server, table: str) -> None:
    markup = "<img src=x onerror=alert(1)>"
    ada = await visits("Ada")
    await ada.join(table)
    async with seated(call_server, table, name=markup), seated(call_server, table) as nameless:
        await ada.sees("Ada", markup, f"Peer {nameless.id[:8]}")
        assert await ada.page.locator("img[src=x]").count() == 0
    await ada.sees("Ada")


async def test_who_leaves_is_forgotten_by_the_server(visits: Visits, call_server: Server, table: str) -> None:
    """The page keeps no connection that nobody asked for."""
    ada = await visits("Ada")
    await ada.join(table)
    async with seated(call_server, table) as bob:
        [member] = bob.received[-1]["peers"]
        await ada.press("Leave")
        await bob.expect("peer_left", peer=member["peer"])
        await bob.dial(member["peer"], {"type": "offer", "sdp": "v=0\r\n"}, id="1")
        await bob.expect("error", id="1", code="peer_unavailable")


@asynccontextmanager
async def seated(server: Server, table: str, *, name: str | None = None, **join: Any) -> AsyncIterator[Peer]:
    """Somebody at the table who has no browser, and takes no calls."""
    async with Peer.welcomed(server.ws_url, **({} if name is None else {"name": name})) as peer:
        await peer.send("join", table=table, **join)
        await peer.expect("joined")
        yield peer
        await peer.bye()  # else the seat would wait for them
