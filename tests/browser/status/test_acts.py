"""What operators do in a browser, with and without script, what becomes of the peers, and what the history keeps."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from tests.accounts import ACTOR, ADMINISTRATOR, VIEWER, make_accounts
from tests.browser.status.conftest import Operators
from tests.browser.status.operator import PAGES
from tests.browser.status.present import present
from tests.operatorclient import Operator
from tests.server.sockets import DeafSocket
from tests.serverprocess import Server, server
from tests.wsclient import Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITH_AND_WITHOUT_SCRIPT = pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
ACTS = ("sessions/disconnect/", "tables/close/", "bans/lift/", "drain/start/")


@WITH_AND_WITHOUT_SCRIPT
async def test_who_is_disconnected_gets_4503_and_may_not_come_back(
    operators: Operators, here: Server, has_script: bool
) -> None:
    operator = await operators(ACTOR, has_script=has_script)
    async with present(here, "Ada", "Bob") as (ada, bob):
        await operator.open("sessions/?sort=name")
        await operator.tick("Ada")
        await operator.press("Disconnect selected…")
        await operator.sees_title("Disconnect?")
        await expect(operator.page.get_by_text(ada.id)).to_be_visible()
        await operator.is_sure()
        await operator.is_told("1 session disconnected.")
        await operator.sees_names("Bob")
        assert operator.page.url.endswith("sessions/?sort=name")
        await ada.expect_close(4503)
        for secret in ({"resume": ada.welcome["resume"], "seq": ada.seq}, {"proof": ada.welcome["proof"]}):
            async with Peer.connected(here.ws_url) as again:
                await again.send("hello", peer=ada.id, **secret)
                await again.expect_close(4503)
        await bob.expect_nothing_else()
    await expect_history(operators, f"Ada ({ada.id})", "Disconnected; the peer may not come back for a while.")


@WITH_AND_WITHOUT_SCRIPT
async def test_a_table_is_closed_and_all_there_are_sent_away(
    operators: Operators, here: Server, has_script: bool
) -> None:
    table = f"camelot {has_script}"
    operator = await operators(ACTOR, has_script=has_script)
    async with present(here, "Ada", "Bob") as peers:
        for peer in peers:
            await peer.send("join", table=table)
            await peer.expect("joined")
        await operator.open("tables/")
        await operator.row(table).get_by_role("link").first.click()
        await operator.sees_title(f"Table {table}")
        await operator.press("Close…")
        await expect(operator.page.get_by_text("2 peers")).to_be_visible()
        await operator.is_sure()
        await operator.is_told("1 table closed.")
        await expect(operator.page.get_by_text("No table is open.")).to_be_visible()
        for peer in peers:
            assert (await peer.expect("peer_left", table=table, peer=peer.id))["reason"] == "kicked"
            await peer.send("ping", id="still here")
            await peer.expect("pong", id="still here")
    await expect_history(operators, table, "Closed.")


async def expect_history(operators: Operators, subject: str, words: str) -> None:
    """It says who did it when to whom."""
    administrator = await operators(ADMINISTRATOR)
    await administrator.open("admin/logentry/")
    row = administrator.row(subject)
    await expect(row.locator(".field-user")).to_have_text(ACTOR)
    await expect(row.locator(".field-whom")).to_have_text(subject)
    await expect(row.locator(".field-what")).to_have_text(words)
    when = datetime.fromisoformat(await row.locator(".field-when").inner_text() + "Z")
    assert timedelta(seconds=-1) <= datetime.now(UTC) - when < timedelta(minutes=2)


@WITH_AND_WITHOUT_SCRIPT
async def test_a_ban_is_lifted(operators: Operators, here: Server, has_script: bool) -> None:
    operator = await operators(ACTOR, has_script=has_script)
    async with present(here, "Ada") as (ada,):
        await operator.open("sessions/")
        await operator.row("Ada").get_by_role("link").first.click()
        await operator.press("Disconnect…")
        await operator.is_sure()
        await ada.expect_close(4503)
        await operator.open("bans/")
        await operator.tick(ada.id)
        await operator.press("Lift selected")
        await operator.is_told("1 ban lifted.")
        async with Peer.welcomed(here.ws_url, peer=ada.id, proof=ada.welcome["proof"]) as again:
            assert again.id == ada.id
            await again.bye()


async def test_who_has_gone_meanwhile_is_named_as_gone(operators: Operators, here: Server) -> None:
    operator = await operators(ACTOR)
    async with present(here, "Ada"):
        await operator.open("sessions/")
        await operator.tick("Ada")
        await operator.press("Disconnect selected…")
    await operator.is_sure()
    await operator.is_told("1 session was not here any more.")


@WITH_AND_WITHOUT_SCRIPT
async def test_draining_is_started_and_shown_until_the_server_has_gone(operators: Operators, has_script: bool) -> None:
    """Three go when they are told to. One does not, and is waited for."""
    with server({"limits": {"drain_seconds": 9}}) as running:
        keys = await asyncio.to_thread(make_accounts, running)
        operator = await operators(ACTOR, at=(running, keys), has_script=has_script)
        async with AsyncExitStack() as stack:
            guests = [await stack.enter_async_context(Peer.welcomed(running.ws_url)) for _ in range(3)]
            deaf = await stack.enter_async_context(DeafSocket.opened(running.ws_url))
            deaf.send_text(json.dumps({"type": "hello"}))
            await deaf.text()
            await operator.open("drain/")
            await operator.press("Start draining…")
            await expect(operator.page.get_by_text("4 connections will be told to go")).to_be_visible()
            await operator.is_sure()
            for guest in guests:
                await guest.expect("going_away")
                await guest.expect_close(4000)
            await operator.is_told("Draining has begun.")
            await operator.waits_for(lambda: expect(operator.page.get_by_text("3 of 4 connections")).to_be_visible())
            assert await operator.page.locator("progress").get_attribute("value") == "3"
            assert await asyncio.to_thread(running.process.wait, 15) == 0
        if has_script:
            await expect(operator.page.get_by_text("The server has gone. Waiting until it is back …")).to_be_visible()
            await operator.forgets("net::ERR_")


async def test_t35_whoever_may_only_see_is_shown_no_action(operators: Operators, here: Server) -> None:
    operator = await operators(VIEWER)
    async with present(here, "Ada") as (ada,):
        await ada.send("join", table="camelot")
        await ada.expect("joined")
        for path in ("", *(f"{page}/" for page in PAGES), f"sessions/{ada.id}/", "table/camelot/"):
            await operator.open(path)
            assert await operator.page.get_by_role("checkbox").count() == 0, path
            buttons = await operator.page.locator("main").get_by_role("button").all_inner_texts()
            assert set(buttons) <= {"Pause", "Search", "copy", ""}, path
            assert not [act for act in ACTS if act in await operator.page.content()], path


async def test_t35_actions_are_sent_by_our_own_forms_only(status_server: tuple[Server, dict[str, str]]) -> None:
    """Not fetched, not without the token, not from another origin, and not by those who may only see."""
    running, keys = status_server
    async with present(running, "Ada") as (ada,):
        fields = {"selected": ada.id, "post": "yes"}
        async with Operator.at(running.http_url, cookies={"sessionid": keys[ACTOR]}) as actor:
            for act in ACTS:
                assert (await actor.get(f"/status/{act}")).status == 405
                assert (await actor.post(f"/status/{act}", fields)).status == 403
        async with Operator.at(running.http_url, cookies={"sessionid": keys[VIEWER]}) as viewer:
            for act in ACTS:
                assert (await viewer.submit("/status/password_change/", f"/status/{act}", fields)).status == 403
        async with Operator.at(running.http_url) as stranger:
            for act in ACTS:
                assert (await stranger.get(f"/status/{act}")).status == 405
                sent = await stranger.submit("/status/login/", f"/status/{act}", fields)
                assert (sent.status, sent.headers["location"]) == (302, "/status/login/?next=/status/")
        await ada.expect_nothing_else()
