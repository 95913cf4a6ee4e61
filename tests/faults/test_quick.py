"""The scenarios in small. `make faults` runs them at full size."""

from tests.faults import (
    r01_relay,
    r02_posts,
    r03_rush,
    r04_kill,
    r05_sigterm,
    r06_in_flight,
    r07_stop,
    r08_vanish,
    r09_deaf,
    r22_all_at_once,
    r25_churn,
)


async def test_r1_nothing_is_lost_at_full_tables() -> None:
    await r01_relay.run(r01_relay.QUICK)


async def test_r2_every_posted_offer_has_one_outcome_and_causes_one_request_at_most() -> None:
    await r02_posts.run(r02_posts.QUICK)


async def test_r3_all_who_come_at_once_are_let_in() -> None:
    await r03_rush.run(r03_rush.QUICK)


async def test_r4_after_a_kill_everybody_is_back_as_who_they_were() -> None:
    await r04_kill.run(r04_kill.QUICK)


async def test_r5_sigterm_under_load_tells_everybody() -> None:
    await r05_sigterm.run(r05_sigterm.QUICK)


async def test_r6_sigterm_leaves_no_caller_over_http_without_a_response() -> None:
    await r06_in_flight.run(r06_in_flight.QUICK)


async def test_r7_a_process_that_stood_still_has_lost_nothing() -> None:
    await r07_stop.run(r07_stop.QUICK)


async def test_r8_peers_that_vanish_are_reaped_and_their_mates_are_told_once() -> None:
    await r08_vanish.run(r08_vanish.QUICK)


async def test_r9_only_those_who_do_not_read_are_cut_off() -> None:
    await r09_deaf.run(r09_deaf.QUICK)


async def test_r22_good_calls_succeed_beside_floods_of_every_kind() -> None:
    await r22_all_at_once.run(r22_all_at_once.QUICK)


async def test_r25_nothing_is_left_of_those_who_came_and_went() -> None:
    await r25_churn.run(r25_churn.QUICK)
