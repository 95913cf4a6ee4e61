"""Two people call each other by identifier, one of them not always from a browser."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests import goclient
from tests.browser.chromium import Visitor, Visits
from tests.browser.voice import VoicePeer
from tests.serverprocess import Server
from tests.wsclient import Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")

OFFER = {"type": "offer", "sdp": "v=0\r\n"}
NOBODY = "982b666c-6d60-8b3d-90dd-51f75da87abd"
PRIVATE = goclient.identifier("http://127.0.0.1:1067")

VIDEO_ONLY = """
const { addTrack } = RTCPeerConnection.prototype;
RTCPeerConnection.prototype.addTrack = function () {
  const stream = document.createElement("canvas").captureStream();
  return addTrack.call(this, stream.getVideoTracks()[0], stream);
};
"""
"""What is sent instead of a voice."""
KEEPING_REPORTS = """
globalThis.reports = [];
const { send } = WebSocket.prototype;
WebSocket.prototype.send = function (text) {
  const { type, state, local, remote } = JSON.parse(text);
  if (type === "report") reports.push([state, local, remote]);
  return send.call(this, text);
};
"""


@pytest_asyncio.fixture(loop_scope="session")
async def caller(call_server: Server) -> AsyncIterator[Peer]:
    """Somebody who can call, and has no browser."""
    async with Peer.welcomed(call_server.ws_url, name="Carl") as peer:
        yield peer


async def ring(caller: Peer, visitor: Visitor) -> str:
    """The caller dials the visitor; the call's id."""
    call = await caller.dial(await visitor.get_identifier(), OFFER)
    await visitor.is_warned("Carl is calling")
    return call


async def test_two_browsers_talk_until_one_hangs_up(visits: Visits) -> None:
    ada, bob = await visits("Ada"), await visits("Bob")
    await ada.dial(await bob.get_identifier())
    await bob.is_warned("Ada is calling")
    await bob.press("Accept")
    await bob.sees_title("Call with Ada")
    for visitor in (ada, bob):
        await visitor.hears(1)
    await bob.sees("Bob", "Ada")
    await bob.sees_speaking("Ada")
    await expect(bob.button("Copy link")).to_be_hidden()
    await expect(bob.button("Lock")).to_be_hidden()

    await ada.press("Hang up")
    await ada.is_back_at_start()
    await bob.is_warned("Ada hung up.")
    await bob.is_back_at_start()
    assert await bob.probe("openConnections()") == 0


async def test_two_browsers_report_that_they_are_connected_without_a_relay(visits: Visits) -> None:
    ada, bob = await visits("Ada", script=KEEPING_REPORTS), await visits("Bob", script=KEEPING_REPORTS)
    await ada.dial(await bob.get_identifier())
    await bob.press("Accept")
    for visitor in (ada, bob):
        await visitor.hears(1)
        await visitor.page.wait_for_function("reports.length > 0")
        ((state, local, remote),) = await visitor.page.evaluate("reports")
        assert state == "connected"
        assert {local, remote} <= {"host", "prflx"}
        await visitor.page.wait_for_function("probe.frames('ack').some(({ state }) => state === 'done')")
    await ada.press("Hang up")
    await bob.is_back_at_start()


async def test_http_caller_reaches_a_browser_by_identifier(visits: Visits, call_server: Server) -> None:
    """A stand-in for the Go client: it posts its offer, and gets the browser's whole answer in the response."""
    ada = await visits("Ada")
    await ada.get_identifier()
    peer = await ada.page.evaluate("() => JSON.parse(atob(document.getElementById('identifier').textContent))")
    async with VoicePeer() as caller:
        dialling = asyncio.create_task(
            goclient.dial(caller, call_server.http_url, peer["PublicIP"], callee=peer["Uuid"])
        )
        await ada.is_warned("Somebody with another client is calling")
        await expect(ada.page.get_by_text("nobody vouches for who they are")).to_be_visible()
        await ada.press("Accept")
        assert (await dialling).status == 200
        await ada.hears(1)
        await ada.sees_speaking("Somebody with another client")
        await caller.hears()


async def test_call_can_be_declined(visits: Visits, caller: Peer) -> None:
    ada = await visits("Ada")
    call = await ring(caller, ada)
    await ada.press("Decline")
    assert (await caller.expect("reject", call=call))["reason"] == "declined"
    await expect(ada.button("Accept")).to_be_hidden()

    for reason, warning in (("declined", "declined the call."), ("busy", "is busy.")):
        await ada.dial(caller.identifier)
        await caller.reject((await caller.expect("offer"))["call"], reason)
        await ada.is_warned(f"Peer {caller.id[:8]} {warning}")
        await ada.is_back_at_start()


async def test_who_is_in_a_call_is_busy(visits: Visits, caller: Peer, table: str) -> None:
    ada = await visits("Ada")
    identifier = await ada.get_identifier()
    await ada.join(table)
    call = await caller.dial(identifier, OFFER)
    assert (await caller.expect("reject", call=call))["reason"] == "busy"
    await ada.is_told("Carl called, and was told that you are busy.")


async def test_one_call_rings_at_a_time(visits: Visits, caller: Peer) -> None:
    ada = await visits("Ada")
    await ring(caller, ada)
    second = await caller.dial(await peer_of(ada), OFFER)
    assert (await caller.expect("reject", call=second))["reason"] == "busy"
    await ada.is_warned("Carl is calling")


async def test_caller_who_gives_up_was_missed(visits: Visits, caller: Peer) -> None:
    ada = await visits("Ada")
    await ring(caller, ada)
    await caller.bye()
    await ada.is_told("You missed a call from Carl.")
    await expect(ada.button("Accept")).to_be_hidden()


@pytest.mark.parametrize(
    ("adas", "bobs"), [("0", "f"), ("f", "0")], ids=["the first call stays", "the second call stays"]
)
async def test_two_who_dial_each_other_at_once_are_connected_once(visits: Visits, adas: str, bobs: str) -> None:
    """The server sees both offers before either is answered, and lets the call with the smaller id stand."""
    ada = await visits("Ada", script=calls_beginning_with(adas))
    bob = await visits("Bob", script=calls_beginning_with(bobs))
    identifiers = [await ada.get_identifier(), await bob.get_identifier()]
    for visitor, identifier in zip((ada, bob), reversed(identifiers), strict=True):
        await visitor.probe("holdBack()")
        await visitor.dial(identifier)
        await expect(visitor.page.get_by_text("Calling …")).to_be_visible()
    for visitor in (ada, bob):
        await visitor.probe("letGo()")
    for visitor in (ada, bob):
        await visitor.hears(1)
        await expect(visitor.page.get_by_role("listitem")).to_have_count(2)
        await expect(visitor.button("Accept")).to_be_hidden()
    called, caller = (bob, ada) if adas < bobs else (ada, bob)
    await called.sees_title(f"Call with {caller.name}")


async def test_who_cannot_be_called(visits: Visits) -> None:
    ada = await visits("Ada")
    for identifier, warning in (
        (NOBODY, "Nobody can be reached under that identifier now."),
        ("not an identifier", "That is not the identifier of somebody you can call."),
        (PRIVATE, "This server does not place calls to the address in that identifier."),
    ):
        await ada.dial(identifier)
        await ada.is_warned(warning)
        await ada.is_back_at_start()
    codes = [error["code"] for error in await ada.frames("error")]
    assert codes == ["peer_unavailable", "bad_peer", "target_not_allowed"]


async def test_nobody_calls_oneself(visits: Visits) -> None:
    ada = await visits("Ada")
    await ada.dial(await ada.get_identifier())
    await ada.is_warned("That is your own identifier.")
    await expect(ada.page.get_by_role("textbox", name="Your identifier")).to_be_visible()


async def test_identifier_is_copied_and_given_up(visits: Visits, caller: Peer) -> None:
    ada = await visits("Ada")
    identifier = await ada.get_identifier()
    await ada.press("Copy")
    await ada.is_told("Your identifier was copied.")
    assert await ada.page.evaluate("() => navigator.clipboard.readText()") == identifier
    await ada.press("Stop being reachable")
    await caller.dial(identifier, OFFER)
    assert (await caller.expect("error"))["code"] in ("peer_unavailable", "peer_gone"), "they may have crossed"


async def test_new_name_is_what_others_are_told(visits: Visits, caller: Peer) -> None:
    ada = await visits("Ada")
    await ada.get_identifier()
    await ada.page.get_by_label("Your name").fill("Countess Ada")
    await ada.dial(caller.identifier)
    assert (await caller.expect("offer"))["name"] == "Countess Ada"


async def test_new_name_does_not_end_the_call_that_is_accepted(visits: Visits, caller: Peer) -> None:
    ada, bob = await visits("Ada"), await visits("Bob")
    await ada.dial(await bob.get_identifier())
    await bob.is_warned("Ada is calling")
    await bob.page.get_by_label("Your name").fill("Robert")
    await bob.press("Accept")
    for visitor in (ada, bob):
        await visitor.hears(1)
    await ada.press("Hang up")
    await bob.is_back_at_start()
    await bob.dial(caller.identifier)
    assert (await caller.expect("offer"))["name"] == "Robert"


async def test_new_name_is_told_when_the_call_was_declined(visits: Visits, caller: Peer) -> None:
    ada = await visits("Ada")
    call = await ring(caller, ada)
    await ada.page.get_by_label("Your name").fill("Countess Ada")
    await ada.press("Decline")
    assert (await caller.expect("reject", call=call))["reason"] == "declined"
    await ada.is_sent("welcome", times=2)
    await ada.dial(caller.identifier)
    assert (await caller.expect("offer"))["name"] == "Countess Ada"


async def test_video_alone_is_not_played(visits: Visits) -> None:
    """Others send what they like: a page does not fail because of it."""
    ada, bob = await visits("Ada", script=VIDEO_ONLY), await visits("Bob")
    await ada.dial(await bob.get_identifier())
    await bob.press("Accept")
    await bob.is_connected_with("Ada")
    await expect(bob.page.locator("audio")).to_have_count(0)


async def test_page_that_comes_back_from_the_cache_is_reachable_again(visits: Visits, caller: Peer) -> None:
    """The browser keeps a page that one leaves, without its connections (HTML, section 7.4.6)."""
    ada = await visits("Ada")
    identifier = await ada.get_identifier()
    await ada.page.evaluate("() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    await ada.page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    await expect(ada.button("Cancel")).to_be_hidden()
    await expect(ada.button("Stop being reachable")).to_be_visible()
    await caller.dial(identifier, OFFER)
    await ada.is_warned("Carl is calling")


def calls_beginning_with(digit: str) -> str:
    """A script that makes the ids of calls sort before others or after them."""
    return f"const uuid = crypto.randomUUID.bind(crypto); crypto.randomUUID = () => '{digit}' + uuid().slice(1)"


async def peer_of(visitor: Visitor) -> str:
    """Their UUID."""
    peer: str = await visitor.page.evaluate(
        "() => JSON.parse(atob(document.getElementById('identifier').textContent)).Uuid"
    )
    return peer
