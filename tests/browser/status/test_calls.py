"""Why did it fail? Calls of real clients that fail in every way, and one that does not, on the operator's pages."""

import asyncio
import json
import re

import pytest
from playwright.async_api import expect

from tests.accounts import make_accounts
from tests.browser.chromium import Visits
from tests.browser.status.conftest import Operators
from tests.browser.status.operator import Operator
from tests.browser.status.present import present
from tests.posting import ANSWER, OFFER, offer, post
from tests.serverprocess import Server, server
from tests.wsclient import Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOBODY = "982b666c-6d60-8b3d-90dd-51f75da87abd"
WAY = "host to (?:host|prflx)"
"""prflx: the callee's first packets may come before its candidates."""
LOST = re.compile("The callee lost its connection .+ after the offer and did not come back in time")
HOST = {"candidate": "candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host", "sdpMid": "0"}


async def expect_cause(operator: Operator, call: str, cause: str | re.Pattern[str], outcome: str) -> None:
    """Found from the list, by the caller of whom somebody complains, and said on the call's page."""
    await operator.open("calls/")
    await expect(operator.row(call[:8]).locator(".outcome")).to_have_text(outcome)
    await operator.row(call[:8]).get_by_role("link").first.click()
    await operator.sees_title(f"Call {call}")
    await expect(operator.page.locator("#diagnosis.failed")).to_contain_text(cause)


async def test_there_was_no_such_peer(operators: Operators, here: Server) -> None:
    operator = await operators()
    async with present(here, "Ada") as (ada,):
        call = await ada.dial(NOBODY, OFFER, id="a")
        await ada.expect("error", id="a", code="peer_unavailable")
        await expect_cause(operator, call, "There was no such peer", "no such peer")


async def test_there_was_no_such_peer_for_an_offer_over_http(operators: Operators, here: Server) -> None:
    operator = await operators()
    body = offer(NOBODY)
    assert (await post(here.http_url, body)).status == 503
    await expect_cause(operator, json.loads(body)["OfferUUID"], "There was no such peer", "no such peer")


async def test_the_callee_rejected_it(operators: Operators, here: Server) -> None:
    operator = await operators()
    async with present(here, "Ada", "Bob") as (ada, bob):
        call = await ada.dial(bob.id, OFFER)
        await bob.expect("offer")
        await bob.reject(call, "busy")
        await ada.expect("reject")
        await expect_cause(operator, call, "The callee was busy.", "rejected")


async def test_nobody_answered_whether_the_callee_was_there_or_lost(operators: Operators) -> None:
    """By default an offer waits no longer than a session, so that its callee is not missed before it is over."""
    with server({"timeout": 1}) as running:
        keys = await asyncio.to_thread(make_accounts, running)
        operator = await operators(at=(running, keys))
        async with present(running, "Ada", "Bob") as (ada, bob):
            call = await ada.dial(bob.id, OFFER)
            await ada.expect("error", code="answer_timeout")
            await expect_cause(operator, call, "nobody took the call", "no answer in time")
            call = await ada.dial(bob.id, OFFER)
            await bob.expect("offer")
            bob.socket.transport.abort()
            await ada.expect("error", code="answer_timeout", call=call)
            await expect_cause(operator, call, LOST, "no answer in time")
        await operator.page.close()


async def test_the_callee_was_lost(operators: Operators, here: Server) -> None:
    operator = await operators()
    async with present(here, "Ada") as (ada,), Peer.welcomed(here.ws_url) as bob:
        call = await ada.dial(bob.id, OFFER)
        await bob.expect("offer")
        bob.socket.transport.abort()
        await ada.expect("error", code="peer_gone")
        await expect_cause(operator, call, LOST, "callee lost")


async def test_they_had_no_candidates_in_common(operators: Operators, here: Server) -> None:
    operator = await operators()
    async with present(here, "Ada", "Bob") as (ada, bob):
        call = await ada.dial(bob.id, OFFER)
        await bob.expect("offer")
        await bob.answer(call, ANSWER)
        await ada.expect("answer")
        await ada.trickle(call, HOST, None)
        await bob.trickle(call, HOST, None)
        for peer in (ada, bob):
            await peer.send("report", call=call, state="failed", id="report")
            await peer.expect("ack", id="report")
        cause = "Both sides have host candidates only (no STUN server is configured), and there is no relay candidate"
        await expect_cause(operator, call, cause, "answered, failed")
        await expect(operator.page.get_by_role("row", name="caller 1 0 0 0 yes failed")).to_be_visible()


async def test_a_page_of_a_call_goes_on_with_the_call(operators: Operators, here: Server) -> None:
    operator = await operators()
    async with present(here, "Ada", "Bob") as (ada, bob):
        call = await ada.dial(bob.id, OFFER)
        await bob.expect("offer")
        await operator.open(f"calls/{call}/")
        await bob.answer(call, ANSWER)
        await expect(operator.page.get_by_role("row", name="callee answer")).to_be_visible()
        await ada.hangup(call)
        await expect(operator.page.get_by_role("row", name="caller hangup done")).to_be_visible()


async def test_a_call_between_two_browsers_is_well_and_the_page_says_by_which_way(
    operators: Operators, visits: Visits, here: Server
) -> None:
    ada, bob = await visits("Ada", at=here.http_url), await visits("Bob", at=here.http_url)
    operator = await operators()
    await ada.dial(await bob.get_identifier())
    await bob.press("Accept")
    for visitor in (ada, bob):
        await visitor.hears(1)
        await visitor.page.wait_for_function("probe.frames('ack').some(({ state }) => state === 'done')")
    await operator.open("calls/?state=open")
    await operator.page.locator("#result_list tbody tr").get_by_role("link").first.click()
    diagnosis = operator.page.locator("#diagnosis:not(.failed)")
    await expect(diagnosis).to_contain_text(re.compile(rf"connected directly \({WAY}\) .* it is well"))
    for side in ("caller", "callee"):
        row = operator.page.get_by_role("row", name=re.compile(rf"^{side} .* yes connected, {WAY}$"))
        await expect(row).to_be_visible()
    await ada.press("Hang up")
    await bob.is_back_at_start()
    await expect(diagnosis).to_contain_text("hung up after")
