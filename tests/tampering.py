"""A proxy before a real server that is faithful but for what a test wants changed, and so a server that is not well."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

Frame = dict[str, Any]
Tamper = Callable[[Frame], Frame | str | bytes | int | None]
"""What comes instead of a frame of the server: another frame, a text, bytes, a close with this code, or nothing."""
Post = Callable[[bytes], Awaitable[web.Response]]


def faithful(frame: Frame) -> Frame:
    return frame


@asynccontextmanager
async def tampering(http_url: str, tamper: Tamper = faithful, post: Post | None = None) -> AsyncIterator[str]:
    """The proxy's URL; `post` answers offers over HTTP instead of the server."""
    async with aiohttp.ClientSession() as beyond:

        async def get(request: web.Request) -> web.WebSocketResponse:
            near = web.WebSocketResponse(protocols=("roundtable.v1",))
            await near.prepare(request)
            async with beyond.ws_connect(f"{http_url}/signal", protocols=("roundtable.v1",)) as far:
                upwards = asyncio.create_task(_pass_on(near, far))
                await _pass_back(far, near, tamper)
                upwards.cancel()
            return near

        async def posted(request: web.Request) -> web.Response:
            body = await request.read()
            if post is not None:
                return await post(body)
            async with beyond.post(f"{http_url}/signal", data=body) as response:
                return web.Response(status=response.status, body=await response.read())

        application = web.Application()
        application.add_routes([web.get("/signal", get), web.post("/signal", posted)])
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def _pass_on(near: web.WebSocketResponse, far: aiohttp.ClientWebSocketResponse) -> None:
    async for message in near:
        await far.send_str(message.data)
    await far.close()


async def _pass_back(far: aiohttp.ClientWebSocketResponse, near: web.WebSocketResponse, tamper: Tamper) -> None:
    async for message in far:
        match tamper(json.loads(message.data)):
            case dict() as frame:
                await near.send_str(json.dumps(frame))
            case str() as text:
                await near.send_str(text)
            case bytes() as octets:
                await near.send_bytes(octets)
            case int() as code:
                await near.close(code=code)
                return
    await near.close(code=far.close_code or 1000)
