"""What a real server makes of connections that are reset while something from them is still to be read."""

import asyncio
import random
import socket
import struct

from tests.faults.vitals import open_sockets
from tests.loopback import fresh_address
from tests.serverprocess import HOST, Server, server
from tests.waiting import until
from tests.wsclient import Peer

SOONER_THAN_ANY_PING_SECONDS = 10.0


async def send_and_reset(running: Server, source: str, chance: random.Random) -> None:
    """Half a request, and the reset so shortly after it that the server may be told of both at once."""
    _, writer = await asyncio.open_connection(HOST, running.port, local_addr=(source, 0))
    writer.write(b"GET /signal HTTP/1.1\r\nHost: ")
    await asyncio.sleep(chance.uniform(0, 0.002))
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_a_reset_right_after_some_octets_is_noticed_at_once() -> None:
    chance = random.Random(7)
    with server() as running:
        async with Peer.welcomed(running.ws_url) as ada:
            here = open_sockets(running.process.pid)
            for _ in range(10):
                source = fresh_address()
                await asyncio.gather(*(send_and_reset(running, source, chance) for _ in range(20)))
            await until(lambda: open_sockets(running.process.pid) <= here, SOONER_THAN_ANY_PING_SECONDS)
            await ada.expect_nothing_else()
