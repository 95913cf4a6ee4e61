"""What the page says and does when something is not there: a microphone, a secure page, the server."""

import pytest
from playwright.async_api import expect

from tests.browser.chromium import INSECURE_HOST, Visits
from tests.serverprocess import Server, free_port, server

pytestmark = pytest.mark.asyncio(loop_scope="session")


SOON = "Math.random = () => 0.1"
"""The client's back-off has full jitter: with this it is back soon, and the test is quick."""


FAILING_MICROPHONE = """
navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", globalThis.microphoneFailure));
"""
MICROPHONE_FAILURES = {
    "NotAllowedError": "The browser may not use the microphone.",
    "NotFoundError": "No microphone was found.",
    "NotReadableError": "The microphone cannot be used",
}
"""By what getUserMedia is rejected with: Media Capture and Streams, section 10.2.1."""


async def test_without_a_microphone_one_can_listen(visits: Visits, table: str) -> None:
    ada = await visits("Ada", script=FAILING_MICROPHONE)
    for failure, warning in MICROPHONE_FAILURES.items():
        await ada.page.evaluate(f"() => {{ globalThis.microphoneFailure = '{failure}' }}")
        await ada.ask_to_join(table)
        await ada.is_warned(warning)
        await ada.is_back_at_start()
    await ada.page.get_by_label("Microphone", exact=True).select_option("None: I only listen")
    await ada.join(table)
    await expect(ada.tile("Ada")).to_contain_text("You, listening")
    await expect(ada.button("Mute")).to_be_hidden()


async def test_who_only_listens_hears_the_others(visits: Visits, table: str) -> None:
    ada, bob = await visits("Ada"), await visits("Bob")
    await ada.join(table)
    await bob.page.get_by_label("Microphone", exact=True).select_option("None: I only listen")
    await bob.join(table)
    await bob.hears(1)
    await bob.sees_speaking("Ada")
    assert await ada.probe("flow()") == [None], "nothing is sent of who only listens"


async def test_microphone_is_chosen_and_tried(visits: Visits) -> None:
    ada = await visits("Ada")
    await ada.press("Try it")
    meter = ada.page.get_by_role("meter", name="Loudness of your microphone")
    await expect(meter).to_be_visible()
    await ada.comes_true(meter, "meter => meter.value > 0")
    assert await ada.page.locator("#microphone option").all_inner_texts() == [
        "Default",
        "Fake Audio Input 1",
        "Fake Audio Input 2",
        "None: I only listen",
    ]
    await ada.press("Stop")
    await expect(meter).to_be_hidden()


async def test_page_that_is_not_secure_says_what_to_do(visits: Visits, call_server: Server) -> None:
    nobody = await visits("", at=f"http://{INSECURE_HOST}:{call_server.port}")
    await nobody.is_warned("Browsers give the microphone only to secure pages")
    await expect(nobody.page.locator("#start")).to_have_attribute("inert", "")
    # Chromium's own remark on a header that only secure pages can have
    nobody.complaints = [told for told in nobody.complaints if "Cross-Origin-Opener-Policy" not in told]


async def test_voices_go_on_while_the_server_is_away(visits: Visits, table: str) -> None:
    port = free_port()
    with server(port=port) as first:
        ada, bob = [await visits(name, at=first.http_url, script=SOON) for name in ("Ada", "Bob")]
        ada.may_be_cut_off = bob.may_be_cut_off = True
        await ada.join(table)
        await bob.join(table)
        await ada.hears(1)
        first.kill()
        for visitor in (ada, bob):
            await visitor.is_told("The server does not answer.")
            await visitor.hears(1)
    with server(port=port) as second:
        for visitor in (ada, bob):
            await expect(visitor.page.get_by_text("The server does not answer.")).to_be_hidden()
        cyd = await visits("Cyd", at=second.http_url)
        cyd.may_be_cut_off = True
        await cyd.join(table)
        await cyd.hears(2)
        await ada.sees("Ada", "Bob", "Cyd")
        await bob.hears(2)


async def test_waiting_for_the_server_can_be_cancelled(visits: Visits, table: str) -> None:
    with server() as running:
        ada = await visits("Ada", at=running.http_url)
        ada.may_be_cut_off = True
        running.kill()
        await ada.ask_to_join(table)
        await ada.is_told("The server does not answer.")
        await ada.press("Cancel")
        await expect(ada.page.get_by_text("The server does not answer.")).to_be_hidden()
        await expect(ada.button("Cancel")).to_be_hidden()
        await ada.is_back_at_start()
