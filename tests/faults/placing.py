"""Brings a client and its partner as far as the corpus of bad inputs says: `given` in tests/corpus/websocket.yaml."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.core.wording import ANSWER, OFFER
from tests.faults.stranger import Door, Stranger

Peers = tuple[str, str, str]
"""The client's id, its partner's, and that of the call between them."""


@asynccontextmanager
async def placed(door: Door, given: str, peers: Peers) -> AsyncIterator[tuple[Stranger, Stranger]]:
    """The client and its partner."""
    own, other, call = peers
    async with AsyncExitStack() as stack:
        partner = await stack.enter_async_context(Stranger.connected(door))
        await _greet(partner, other)
        if given.startswith("bystander"):
            await _occupy(partner, call, await stack.enter_async_context(Stranger.connected(door)))
        client = await stack.enter_async_context(Stranger.connected(door))
        if not given.endswith("silent"):
            await _greet(client, own)
        if given == "ringing":
            partner.say("offer", call=call, to=own, description=OFFER)
            await client.expect("offer")
        elif given in {"dialling", "established", "complete", "ended"}:
            await _dial(client, partner, given, peers)
        yield client, partner


async def _greet(client: Stranger, peer: str | None) -> str:
    client.say("hello", **({"peer": peer} if peer else {}))
    return str((await client.expect("welcome"))["peer"])


async def _occupy(partner: Stranger, call: str, third: Stranger) -> None:
    peer = await _greet(third, None)
    partner.say("offer", call=call, to=peer, description=OFFER)
    await third.expect("offer")
    third.say("answer", call=call, description=ANSWER)
    await partner.expect("answer")


async def _dial(client: Stranger, partner: Stranger, given: str, peers: Peers) -> None:
    _, other, call = peers
    client.say("offer", call=call, to=other, description=OFFER, trickle=given != "complete")
    await partner.expect("offer")
    if given == "dialling":
        return
    partner.say("answer", call=call, description=ANSWER)
    await client.expect("answer")
    if given == "ended":
        partner.say("hangup", call=call)
        await client.expect("hangup")
