"""Peers whom an operator sees come and go."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.serverprocess import Server
from tests.wsclient import Peer


@asynccontextmanager
async def present(running: Server, *names: str) -> AsyncIterator[list[Peer]]:
    """Peers of these names, who say goodbye in the end, if they can."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(_present(running, name)) for name in names]


@asynccontextmanager
async def _present(running: Server, name: str) -> AsyncIterator[Peer]:
    async with Peer.welcomed(running.ws_url, name=name) as peer:
        yield peer
        if peer.socket.close_code is None:
            await peer.bye()
