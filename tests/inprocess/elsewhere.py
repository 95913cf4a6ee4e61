"""An address elsewhere to which offers are posted, without a network: the forwarder's place is taken."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from signalling.addresses import Target
from tests.inprocess.application import CALL, Application, Header, Request
from tests.posting import offer
from tests.waiting import WITHIN_SECONDS

NOBODY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
ELSEWHERE = "http://answerer.example:1067"
HOST = (b"host", b"here.example")


class Forwarder:
    """In place of the real one, which dials: keeps what is to be posted, and the test decides what comes of it."""

    def __init__(self) -> None:
        self.posting: asyncio.Queue[Posting] = asyncio.Queue()

    async def post(
        self, target: Target, body: bytes, *, source: str, from_browser: bool, admitted: Callable[[], None]
    ) -> bytes:
        posting = Posting(target, body, source, from_browser, admitted)
        self.posting.put_nowait(posting)
        try:
            return await posting.reply
        finally:
            posting.is_over = True

    async def close(self) -> None:
        pass


class Posting:
    """One offer that is being posted."""

    def __init__(
        self, target: Target, body: bytes, source: str, from_browser: bool, admitted: Callable[[], None]
    ) -> None:
        self.target = target
        self.body = body
        self.source = source
        self.from_browser = from_browser
        self.admitted = admitted
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.is_over = False


def forwarder_of(app: Application) -> Forwarder:
    forwarder = Forwarder()
    app.runtime._forwarder = forwarder  # type: ignore[assignment]
    return forwarder


async def posted_elsewhere(
    app: Application, *, to: str = NOBODY, call: str = CALL, headers: Iterable[Header] = (HOST,)
) -> tuple[Request, Posting]:
    """An offer to another address, and how the forwarder has it."""
    forwarder = forwarder_of(app)
    posted = app.request(headers=headers)
    await posted.send_body(offer(to, ELSEWHERE, call=call))
    return posted, await soon(forwarder.posting.get())


async def soon(event: Awaitable[Posting]) -> Posting:
    async with asyncio.timeout(WITHIN_SECONDS):
        return await event
