"""Table events that nobody takes, in small. `make faults ARGS=R15` runs it at full size."""

from tests.faults import r15_events


async def test_r15_500_table_events_to_a_session_that_does_not_take_them_come_or_it_is_told() -> None:
    size = r15_events.QUICK
    found = await r15_events.run(size)
    assert found["events"] == 3 * size.events + size.buffer_frames + 1
    assert found["lost in silence"] == 0
