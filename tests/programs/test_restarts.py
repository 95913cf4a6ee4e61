"""SIGTERM and a new start, under each program: what clients are told, and that everybody sits where they sat."""

import asyncio

import pytest

from tests.programs.commands import PRODUCTION, in_the_readme
from tests.resumingclient import Frame, ResumingClient
from tests.serverprocess import HOST, Program, server
from tests.wsclient import Peer

TABLE, PASSWORD = "camelot", "excalibur"
QUICKLY = {"first_wait_seconds": 0.2, "most_wait_seconds": 0.5, "patience_seconds": 20.0}
TOLD = {"serve": 4000, "daphne": 1006, "uvicorn": 4000}


async def sit_down(peer: ResumingClient) -> Frame:
    peer.say("join", table=TABLE, password=PASSWORD)
    return await peer.expect("joined", table=TABLE)


@pytest.mark.parametrize("program", PRODUCTION)
async def test_r5_after_a_restart_everybody_is_back_with_the_old_id_and_at_the_table(program: Program) -> None:
    command = in_the_readme(program)
    with server(program=command, makes_tracebacks=program == "daphne") as running:
        coming = [ResumingClient.welcomed(HOST, running.port, HOST, **QUICKLY) for _ in range(2)]
        async with coming[0] as ada, coming[1] as bob:
            await sit_down(ada)
            await sit_down(bob)
            names = {ada.peer, bob.peer}
            await asyncio.to_thread(running.stop)
            running.restart(command)
            assert not any(await asyncio.gather(*(one.comes_back() for one in (ada, bob))))
            assert {ada.close_codes[0], bob.close_codes[0]} == {TOLD[program]}
            assert bool(ada.received_as("going_away")) == (TOLD[program] == 4000)
            assert (await sit_down(ada))["opened"] is True
            assert [member["peer"] for member in (await sit_down(bob))["peers"]] == [ada.peer]
            await ada.expect("peer_joined", peer=bob.peer)
            assert names == {ada.peer, bob.peer}
            async with Peer.welcomed(running.ws_url) as mallory:
                await mallory.send("join", id="m", table=TABLE, password="wrong")
                await mallory.expect("error", id="m", code="table_password")
