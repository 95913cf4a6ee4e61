"""The scenarios in small. `make faults` runs them at full size."""

from tests.faults import r01_relay


async def test_r1_nothing_is_lost_at_full_tables() -> None:
    await r01_relay.run(r01_relay.QUICK)
