"""Cut connections in small. `make faults ARGS='R10 R11'` runs them at full size."""

from tests.faults import r10_cuts, r11_gaps
from tests.faults.findings import assert_all_accounted


async def test_r10_a_call_that_is_cut_at_every_frame_boundary_loses_nothing_and_gets_nothing_twice() -> None:
    found = await r10_cuts.run(r10_cuts.QUICK)
    assert found["sockets held"] == 2 * r10_cuts.QUICK.calls_at_once
    assert found["survived"] == found["faults injected"] != 0
    assert_all_accounted(found)
    assert found["seen leaving"] == 0


async def test_r11_who_is_away_for_too_long_or_is_told_too_much_meanwhile_starts_anew_and_everybody_knows() -> None:
    pairs = r11_gaps.QUICK.pairs
    found = await r11_gaps.run(r11_gaps.QUICK)
    assert found["survived"] == found["faults injected"] == 3 * pairs
    assert_all_accounted(found)
    assert (found["resumed"], found["started anew"]) == (pairs, 2 * pairs)
