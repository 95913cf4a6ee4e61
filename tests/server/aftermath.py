"""What must be true of a server after any attack (docs/security.md): it serves, it made no mistake, it kept nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.loopback import fresh_address
from tests.posting import ANSWER, OFFER, offer, post
from tests.server.sockets import peer_from
from tests.serverprocess import Server, server

SPARE_KIB = 40 * 1024
"""What a process may grow by while attacks last: the interpreter keeps what it once had for its next use."""


@contextmanager
def withstanding(config: Mapping[str, Any] | None = None) -> Iterator[Server]:
    """A server for attacks; after them, good calls succeed and its memory is what it was, but for a little."""
    with server(config) as running:
        make_good_calls(running)
        before = resident_kib(running)
        yield running
        make_good_calls(running)
        assert resident_kib(running) < before + SPARE_KIB
        running.stop()  # no line is missing then
        assert not re.search(r"^time=\S+ level=error|code=internal", running.log, re.MULTILINE), "it made a mistake"


def make_good_calls(running: Server) -> None:
    """One over WebSockets and one over HTTP, in a thread: the caller may have an event loop or none."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, good_calls(running)).result(20)


async def good_calls(running: Server) -> None:
    """From addresses that nobody has had: an offer with its answer, candidates both ways and a hang-up; and a POST."""
    async with peer_from(fresh_address(), running.ws_url) as ada, peer_from(fresh_address(), running.ws_url) as bob:
        await ada.hello()
        await bob.hello()
        call = await ada.dial(bob.id, OFFER, id="good")
        await ada.expect("ack", id="good", state="delivered")
        await bob.expect("offer", call=call)
        await bob.answer(call, ANSWER)
        await ada.expect("answer", call=call)
        for sender, receiver in ((ada, bob), (bob, ada)):
            await sender.trickle(call, None)
            await receiver.expect("candidate", call=call, candidate=None)
        await ada.hangup(call)
        await bob.expect("hangup", call=call)
        posting = asyncio.create_task(post(running.http_url, offer(bob.id)))
        await bob.answer((await bob.expect("offer", via="http"))["call"], ANSWER)
        assert (await posting).status == 200


def resident_kib(running: Server) -> int:
    """What the process holds of the machine's memory."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])
