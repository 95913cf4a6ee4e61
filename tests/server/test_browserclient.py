"""roundtable.js, run by Node, with a real server and a network that fails at every place there is."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from tests.faults.flaky import HOST, Cut, Direction, Flaky, How
from tests.serverprocess import ROOT, Server, server

NODE = shutil.which("node")
ROOMY = {"connections_per_address": 1000, "http_connections_per_address": 1000}
"""All conversations come from one address, for Node's WebSocket cannot choose another."""
SHARES = (0.0, 0.5, 1.0)
"""Before a frame, inside it, and after it."""


@dataclass(frozen=True)
class Case:
    """One conversation: who is cut off (0: Ada, 1: Bob), and where; the first connection, and maybe the next one."""

    whose: int
    cuts: tuple[Cut, ...]


async def test_browser_client_that_is_cut_off_at_every_frame_boundary_loses_nothing_and_gets_nothing_twice() -> None:
    with server({"loglevel": "info", "limits": ROOMY}) as running:
        uncut, frames = await held_without_a_cut(running)
        assert uncut["got"][0]["negotiated"] == [["remote offer", "answer", "offer", "remote answer"]]
        assert uncut["got"][1]["events"] == [["table", True]]
        cases = [case for whose in (0, 1) for case in cases_of(whose, frames[whose])]
        outcomes = await held(running, cases)
    for case, outcome in zip(cases, outcomes, strict=True):
        assert outcome["fault"] is None, (case, outcome)
        assert outcome["got"] == uncut["got"], case
        assert outcome["isResumed"], case
        assert outcome["losses"] == len(case.cuts), case


async def held_without_a_cut(running: Server) -> tuple[dict[str, Any], list[dict[Direction, int]]]:
    """What becomes of a conversation that nothing disturbs, and how many frames it has for Ada and for Bob."""
    async with AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Flaky.before(running.port)) for _ in range(2)]
        (outcome,) = await converse([[address(proxy.port) for proxy in proxies]])
        counts = [proxy.links[0].frames for proxy in proxies]
    assert outcome["fault"] is None, outcome
    return outcome, [{"server": count["server"], "client": count["client"]} for count in counts]


def cases_of(whose: int, frames: dict[Direction, int]) -> list[Case]:
    """The last frame each way is the end of what is looked at: what comes after it need not be lost."""
    ways, seconds = (
        cycle(How),
        cycle(((), (Cut("client", 1, 0.0),), (Cut("server", 1, 0.5),), (Cut("client", 1, 1.0),))),
    )
    return [
        Case(whose, (Cut(to, frame, share, next(ways)), *next(seconds)))
        for to, count in frames.items()
        for frame in range(1, count)
        for share in SHARES
    ]


async def held(running: Server, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """What becomes of all of them, at once."""
    async with AsyncExitStack() as stack:
        conversations = []
        for case in cases:
            proxy = await stack.enter_async_context(Flaky.before(running.port, case.cuts))
            ports = [running.port, running.port]
            ports[case.whose] = proxy.port
            conversations.append([address(port) for port in ports])
        return await converse(conversations)


def address(port: int) -> str:
    return f"ws://{HOST}:{port}/signal"


async def converse(conversations: list[list[str]]) -> list[dict[str, Any]]:
    """Lets Node hold them. See conversations.js."""
    assert NODE, "the browser client's tests need Node.js 20.10 or later"
    node = await asyncio.create_subprocess_exec(
        NODE,
        "--experimental-websocket",  # Node 22 has it without being asked
        "--no-warnings",
        str(ROOT / "tests/js/conversations.js"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await node.communicate(json.dumps(conversations).encode())
    assert node.returncode == 0
    outcomes: list[dict[str, Any]] = json.loads(output)
    return outcomes
