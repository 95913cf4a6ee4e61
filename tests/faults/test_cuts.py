"""Cut connections in small. `make faults ARGS='R10 R11'` runs them at full size."""

from tests.faults import r10_cuts, r11_gaps


async def test_r10_a_call_that_is_cut_at_every_frame_boundary_loses_nothing_and_gets_nothing_twice() -> None:
    await r10_cuts.run(r10_cuts.QUICK)


async def test_r11_who_is_away_for_too_long_or_is_told_too_much_meanwhile_starts_anew_and_everybody_knows() -> None:
    await r11_gaps.run(r11_gaps.QUICK)
