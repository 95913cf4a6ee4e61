"""Table events on their way through the channel layer: who gets them, and that nothing stays behind in it."""

import pytest

from signalling.layers import DirectChannelLayer
from signalling.runtime import Runtime
from tests.inprocess.application import RESUME_SECONDS, Application, Socket, configuration
from tests.waiting import until

EMPTY = {"groups": 0, "channels": 0}
TABLES = ["camelot", "avalon"]


@pytest.fixture
def layer() -> DirectChannelLayer:
    return DirectChannelLayer()


@pytest.fixture
def app(layer: DirectChannelLayer) -> Application:
    """An application with this layer."""
    return Application(Runtime(configuration(limits={"resume_seconds": RESUME_SECONDS}), layer))


async def sit_down(socket: Socket, *tables: str) -> None:
    for table in tables:
        await socket.say("join", table=table)
        await socket.expect("joined", table=table)


async def test_who_sits_at_no_table_has_no_channel(app: Application, layer: DirectChannelLayer) -> None:
    async with app.peer() as ada:
        assert layer.census() == EMPTY
        await sit_down(ada, *TABLES)
        await ada.say("leave", id="l", table="camelot")
        await ada.expect("ack", id="l")
        assert layer.census() == {"groups": 1, "channels": 1}
        await ada.say("leave", id="l", table="avalon")
        await ada.expect("ack", id="l")
        assert layer.census() == EMPTY


async def test_who_left_one_table_still_hears_of_the_other(app: Application) -> None:
    async with app.peer() as ada, app.peer() as bob:
        await sit_down(ada, *TABLES)
        await ada.say("leave", id="l", table="camelot")
        await ada.expect("ack", id="l")
        await sit_down(bob, *TABLES)
        await ada.expect("peer_joined", table="avalon", peer=bob.id)
        await ada.expect_nothing_else()


async def test_a_session_that_ends_leaves_all_its_tables(app: Application, layer: DirectChannelLayer) -> None:
    async with app.peer() as bob:
        await sit_down(bob, *TABLES)
        async with app.peer() as ada:
            await sit_down(ada, *TABLES)
            for table in TABLES:
                await bob.expect("peer_joined", table=table, peer=ada.id)
        for table in TABLES:
            await bob.expect("peer_left", table=table, peer=ada.id, reason="gone")
        await bob.expect_nothing_else()
    await until(lambda: layer.census() == EMPTY)


async def test_a_drain_closes_all_tables(app: Application, layer: DirectChannelLayer) -> None:
    async with app.peer() as ada, app.peer() as bob:
        await sit_down(ada, *TABLES)
        await sit_down(bob, *TABLES)
        for table in TABLES:
            await ada.expect("peer_joined", table=table)
        app.runtime.drain()
        for socket in (ada, bob):
            await socket.expect("going_away")
            await socket.expect_close(4000)
    assert layer.census() == EMPTY
    assert not app.runtime.switchboard.tables.open_tables
