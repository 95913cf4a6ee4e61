"""Good peers beside strangers: a pair who call each other over and over, and are answered over HTTP, too."""

import asyncio
import time
import uuid
from dataclasses import dataclass, field

from tests.core.wording import ANSWER, CANDIDATE, OFFER
from tests.faults.stranger import Door, Stranger
from tests.posting import offer, post

PAUSE_SECONDS = 0.25
"""Between two calls: below any limit."""


@dataclass
class GoodCalls:
    """What became of them. `seconds` is how long each took from the offer to its answer."""

    seconds: list[float] = field(default_factory=list)
    posted: int = 0

    async def go_on(self, caller: Door, callee: Door) -> None:
        """Calls until it is cancelled. Raises AssertionError as soon as one call does not succeed."""
        async with Stranger.connected(caller) as ada, Stranger.connected(callee) as bob:
            ada.say("hello")
            bob.say("hello")
            await ada.expect("welcome")
            peer = str((await bob.expect("welcome"))["peer"])
            while True:
                await self._call(ada, bob, peer)
                await self._post(bob, peer, callee)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _call(self, ada: Stranger, bob: Stranger, peer: str) -> None:
        call, began = str(uuid.uuid4()), time.monotonic()
        ada.say("offer", call=call, to=peer, description=OFFER, id="offer")
        await bob.expect("offer", call=call)
        bob.say("answer", call=call, description=ANSWER)
        await ada.expect("answer", call=call)
        self.seconds.append(time.monotonic() - began)
        ada.say("candidate", call=call, candidate=CANDIDATE)
        await bob.expect("candidate", call=call)
        bob.say("hangup", call=call)
        await ada.expect("hangup", call=call)

    async def _post(self, bob: Stranger, peer: str, door: Door) -> None:
        call = str(uuid.uuid4())
        posting = asyncio.create_task(post(f"http://{door.host}:{door.port}", offer(peer, call=call)))
        await bob.expect("offer", call=call, via="http")
        bob.say("answer", call=call, description=ANSWER)
        reply = await posting
        assert reply.status == 200, f"a good offer over HTTP was answered {reply.status}"
        self.posted += 1
