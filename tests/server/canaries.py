"""Listeners that nothing may connect to, and one to which nothing can."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

from tests.answerers import Answerer, canary
from tests.waiting import until


@asynccontextmanager
async def untouched(host: str = "127.0.0.1") -> AsyncIterator[Answerer]:
    """A listener to which nobody connects as long as this block lasts."""
    async with canary(host) as listener:
        yield listener
        await assert_untouched(listener)


async def assert_untouched(listener: Answerer) -> None:
    """Nobody has connected. The system hands connections over in their order, so whoever had would come before us."""
    _, ours = await asyncio.open_connection(listener.host, listener.port)
    await until(lambda: listener.connections)
    assert (listener.connections, listener.requests, listener.received) == (1, [], b"")
    ours.close()
    await ours.wait_closed()


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose listener never accepts and has no room left: to whoever dials it, filtered."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
