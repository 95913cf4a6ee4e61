"""Measures the fences that the application keeps by itself. Each measure says in a word what came of an attempt."""

from contextlib import AsyncExitStack

from websockets.exceptions import InvalidStatus

from tests.loopback import fresh_address
from tests.posting import NIL_UUID, offer, post, request
from tests.programs.places import PATIENT, TRUSTED_PROXY, Place
from tests.server.sockets import peer_from
from tests.serverprocess import HOST, Server
from tests.wsclient import Peer

PER_ADDRESS = PATIENT["limits"]["connections_per_address"]
POSTS = PATIENT["limits"]["posts_burst"]
MESSAGES = 700
"""The burst of 600, what comes back meanwhile, and more than may be refused."""


def outcome(code: int, wanted: int) -> str:
    """In a word: as it should be, or what came instead."""
    return "yes" if code == wanted else str(code or "no")


async def rate_of_messages(place: Place) -> str:
    async with peer_from(fresh_address(), place.patient.ws_url) as mallory:
        await mallory.hello()
        for _ in range(MESSAGES):
            await mallory.send("ping")
        code = await mallory.closed()
        assert any(frame.get("code") == "rate_limited" for frame in mallory.received)
    return outcome(code, 4003)


async def misbehaviour(place: Place) -> str:
    async with peer_from(fresh_address(), place.patient.ws_url) as mallory:
        await mallory.hello()
        for _ in range(10):
            await mallory.send_text("{")
        return outcome(await mallory.closed(), 4500)


async def late_hello(place: Place) -> str:
    async with peer_from(fresh_address(), place.hasty.ws_url) as late:
        return outcome(await late.closed(), 4005)


async def many_connections(place: Place) -> str:
    address = fresh_address()
    async with AsyncExitStack() as stack:
        for _ in range(PER_ADDRESS):
            await (await stack.enter_async_context(peer_from(address, place.patient.ws_url))).hello()
        one_more = await stack.enter_async_context(peer_from(address, place.patient.ws_url))
        return outcome(await one_more.closed(), 4004)


async def offers_let_through(running: Server, sources: list[str], forwarded_for: list[str]) -> int:
    """How many of the posted offers are not refused for their number."""
    statuses = []
    for source, claimed in zip(sources, forwarded_for, strict=True):
        headers = {"X-Forwarded-For": claimed} if claimed else {}
        reply = await post(running.http_url, offer(NIL_UUID, running.http_url), source=source, headers=headers)
        statuses.append(reply.status)
    return len(statuses) - statuses.count(429)


async def rate_of_offers(place: Place) -> str:
    passed = await offers_let_through(place.patient, [fresh_address()] * (POSTS + 1), [""] * (POSTS + 1))
    return "yes" if passed == POSTS else "no"


async def forged_addresses(place: Place) -> str:
    """Neither a stranger, though it is on this machine, nor what stands left of the trusted proxy's own entry."""
    claims = [f"198.51.100.{number}" for number in range(POSTS + 1)]
    through_stranger = await offers_let_through(place.patient, [HOST] * len(claims), claims)
    right = fresh_address()
    through_proxy = await offers_let_through(
        place.patient, [TRUSTED_PROXY] * len(claims), [f"{claim}, {right}" for claim in claims]
    )
    another = await offers_let_through(place.patient, [TRUSTED_PROXY], [f"{right}, {fresh_address()}"])
    return "yes" if (through_stranger, through_proxy, another) == (POSTS, POSTS, 1) else "no"


async def other_origins(place: Place) -> str:
    try:
        async with Peer.connected(place.patient.ws_url, origin="https://evil.example"):
            return "no"
    except InvalidStatus as refused:
        return outcome(refused.response.status_code, 403)


async def other_paths(place: Place) -> str:
    try:
        async with Peer.connected(place.patient.ws_url + "/x"):
            return "no"
    except InvalidStatus as refused:
        return outcome(refused.response.status_code, 403)


async def root_path(place: Place) -> str:
    forged = {"Daphne-Root-Path": "/evil"}
    page = await request("GET", f"{place.patient.http_url}/", headers=forged)
    async with Peer.connected(place.patient.ws_url, headers=forged) as ada:
        await ada.hello()
    return "yes" if page.status == 200 and b"evil" not in page.body else "no"
