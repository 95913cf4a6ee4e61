"""Tables, whichever program serves: passwords, the lock, the host, and who is told what."""

from tests.posting import ANSWER, OFFER
from tests.serverprocess import Program, Server
from tests.wsclient import Frame, Peer

PASSWORD = "excalibur"


async def join(peer: Peer, table: str, **fields: object) -> Frame:
    """Takes a seat."""
    await peer.send("join", id="j", table=table, **fields)
    return await peer.expect("joined", id="j", table=table)


async def refusal(peer: Peer, table: str, **fields: object) -> str:
    """The code with which a seat is refused."""
    await peer.send("join", id="r", table=table, **fields)
    return str((await peer.expect("error", id="r", about="join"))["code"])


async def test_a_table_with_a_password(running: Server, program: Program) -> None:
    table = f"password {program}"
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url, name="Bob") as bob:
        assert (await join(ada, table, password=PASSWORD))["opened"] is True
        assert await refusal(bob, table) == "table_password"
        assert await refusal(bob, table, password="wrong") == "table_password"
        joined = await join(bob, table, password=PASSWORD)
        assert [member["peer"] for member in joined["peers"]] == [ada.id]
        assert (joined["host"], joined["protected"]) == (ada.id, True)
        await ada.expect("peer_joined", table=table, peer=bob.id, name="Bob")
        call = await bob.dial(ada.id, OFFER, table=table)
        await ada.expect("offer", call=call, table=table)
        await ada.answer(call, ANSWER)
        await bob.expect("answer", call=call)


async def test_a_locked_table_and_a_full_one_refuse_newcomers(running: Server, program: Program) -> None:
    table = f"locked {program}"
    async with (
        Peer.welcomed(running.ws_url) as ada,
        Peer.welcomed(running.ws_url) as bob,
        Peer.welcomed(running.ws_url) as carol,
    ):
        await join(ada, table, capacity=2)
        await ada.send("lock", table=table, locked=True)
        await ada.expect("table", table=table, locked=True)
        assert await refusal(bob, table) == "table_locked"
        await ada.send("lock", table=table, locked=False)
        await ada.expect("table", table=table, locked=False)
        await join(bob, table)
        assert await refusal(carol, table) == "table_full"
        await bob.send("lock", id="b", table=table, locked=True)
        await bob.expect("error", id="b", code="not_host")


async def test_who_is_kicked_is_out_and_stays_out(running: Server, program: Program) -> None:
    table = f"kick {program}"
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as mallory:
        await join(ada, table)
        await join(mallory, table)
        call = await mallory.dial(ada.id, OFFER, table=table)
        await ada.expect("offer", call=call)
        await ada.answer(call, ANSWER)
        await mallory.expect("answer", call=call)
        await ada.send("kick", table=table, peer=mallory.id)
        for peer in (ada, mallory):
            await peer.expect("hangup", call=call, reason="kicked")
            await peer.expect("peer_left", table=table, peer=mallory.id, reason="kicked")
        assert await refusal(mallory, table) == "forbidden"


async def test_when_the_host_leaves_who_sat_longest_is_host(running: Server, program: Program) -> None:
    table = f"host {program}"
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
        await join(ada, table)
        await join(bob, table)
        await ada.send("leave", table=table)
        await bob.expect("peer_left", table=table, peer=ada.id, reason="left")
        await bob.expect("table", table=table, host=bob.id)
