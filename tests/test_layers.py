"""The in-memory channel layer: what Channels promises, and what its own layer gets wrong."""

import asyncio
from typing import Any

import pytest
from channels.exceptions import ChannelFull

from signalling.layers import DirectChannelLayer

Event = dict[str, Any]
EMPTY = {"groups": 0, "channels": 0}
HELLO: Event = {"type": "greeting", "text": "hello"}


@pytest.fixture
def layer() -> DirectChannelLayer:
    """A layer on which four events may wait for a reader."""
    return DirectChannelLayer(capacity=4)


async def test_a_group_reaches_its_members_and_nobody_else(layer: DirectChannelLayer) -> None:
    for channel in ("ada", "bob", "eve"):
        await layer.group_add("camelot", channel)
    await layer.group_discard("camelot", "eve")
    await layer.group_send("camelot", HELLO)
    assert await layer.receive("ada") == await layer.receive("bob") == HELLO
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(layer.receive("eve"), 0.01)


async def test_a_reader_that_waits_is_woken(layer: DirectChannelLayer) -> None:
    reading = asyncio.create_task(layer.receive("ada"))
    await asyncio.sleep(0)
    await layer.send("ada", HELLO)
    assert await reading == HELLO
    assert layer.census() == EMPTY


async def test_a_reader_that_gives_up_leaves_nothing_behind(layer: DirectChannelLayer) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(layer.receive("ada"), 0.01)
    assert layer.census() == EMPTY


async def test_an_attached_channel_gets_its_events_at_once_and_in_order(layer: DirectChannelLayer) -> None:
    got: list[Event] = []
    layer.attach("ada", got.append)
    layer.join("camelot", "ada")
    for number in range(500):
        layer.publish("camelot", {"type": "event", "number": number})
    assert [event["number"] for event in got] == list(range(500))


async def test_a_full_channel_is_told_to_its_sender(layer: DirectChannelLayer) -> None:
    for _ in range(4):
        await layer.send("ada", HELLO)
    with pytest.raises(ChannelFull):
        await layer.send("ada", HELLO)


async def test_a_member_that_reads_too_slowly_is_told_and_the_others_lose_nothing(layer: DirectChannelLayer) -> None:
    got: list[Event] = []
    layer.attach("bob", got.append)
    for channel in ("ada", "bob"):
        await layer.group_add("camelot", channel)
    for _ in range(5):
        await layer.group_send("camelot", HELLO)
    assert len(got) == 5
    for _ in range(4):
        assert await layer.receive("ada") == HELLO
    with pytest.raises(ChannelFull):
        await layer.receive("ada")


async def test_a_detached_channel_is_in_no_group_any_longer(layer: DirectChannelLayer) -> None:
    got: list[Event] = []
    layer.attach("ada", got.append)
    layer.join("camelot", "ada")
    layer.join("avalon", "ada")
    layer.detach("ada")
    layer.publish("camelot", HELLO)
    layer.publish("avalon", HELLO)
    assert got == []
    assert layer.census() == EMPTY


async def test_members_may_leave_while_an_event_goes_round(layer: DirectChannelLayer) -> None:
    got: list[str] = []

    def ada_gets(event: Event) -> None:
        got.append("ada")
        layer.detach("bob")

    layer.attach("ada", ada_gets)
    layer.attach("bob", lambda event: got.append("bob"))
    layer.join("camelot", "ada")
    layer.join("camelot", "bob")
    layer.publish("camelot", HELLO)
    assert got == ["ada"]
    assert layer.census() == {"groups": 1, "channels": 1}


async def test_names_are_checked_as_in_channels(layer: DirectChannelLayer) -> None:
    with pytest.raises(TypeError):
        await layer.group_add("not a name", "ada")
    with pytest.raises(TypeError):
        await layer.send("not a name", HELLO)
