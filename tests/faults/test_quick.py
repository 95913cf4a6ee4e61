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
from tests.faults.findings import assert_all_accounted


async def test_r1_nothing_is_lost_at_full_tables() -> None:
    found = await r01_relay.run(r01_relay.QUICK)
    assert found["sockets held"] == r01_relay.QUICK.sockets
    assert_all_accounted(found)


async def test_r2_every_posted_offer_has_one_outcome_and_causes_one_request_at_most() -> None:
    found = await r02_posts.run(r02_posts.QUICK)
    assert_all_accounted(found)
    assert found["outbound requests"] == found["accepted"] != 0


async def test_r3_all_who_come_at_once_are_let_in() -> None:
    found = await r03_rush.run(r03_rush.QUICK)
    assert found["sockets held"] == r03_rush.QUICK.sockets


async def test_r4_after_a_kill_everybody_is_back_as_who_they_were() -> None:
    found = await r04_kill.run(r04_kill.QUICK)
    assert found["sockets held"] == r04_kill.QUICK.sockets
    assert_all_accounted(found)
    assert found["outstanding when killed"] != 0
    assert found["back within 15 s"] == "100.0 %"


async def test_r5_sigterm_under_load_tells_everybody() -> None:
    found = await r05_sigterm.run(r05_sigterm.QUICK)
    assert found["outstanding at the signal"] != 0
    assert_all_accounted(found)
    assert found["told"] == "100 %"


async def test_r6_sigterm_leaves_no_caller_over_http_without_a_response() -> None:
    size = r06_in_flight.QUICK
    found = await r06_in_flight.run(size)
    assert found["offers sent"] == size.waiting + size.stuck * r06_in_flight.AT_ONE_STRANGER
    assert found["ended by 503 draining"] == found["offers sent"]
    assert found["told"] == "100 %"


async def test_r7_a_process_that_stood_still_has_lost_nothing() -> None:
    found = await r07_stop.run(r07_stop.QUICK)
    assert found["sockets held"] == r07_stop.QUICK.sockets
    assert_all_accounted(found)
    assert found["ended by answer"] == found["offers sent"]


async def test_r8_peers_that_vanish_are_reaped_and_their_mates_are_told_once() -> None:
    found = await r08_vanish.run(r08_vanish.QUICK)
    vanished_at_each = r08_vanish.SEATS - r08_vanish.WATCHERS
    times = r08_vanish.QUICK.tables * vanished_at_each * r08_vanish.WATCHERS
    assert found["told once"] == f"{times} of {times}"


async def test_r9_only_those_who_do_not_read_are_cut_off() -> None:
    found = await r09_deaf.run(r09_deaf.QUICK)
    assert found["sockets held"] == r09_deaf.QUICK.sockets + r09_deaf.QUICK.deaf
    assert_all_accounted(found)


async def test_r22_good_calls_succeed_beside_floods_of_every_kind() -> None:
    found = await r22_all_at_once.run(r22_all_at_once.QUICK)
    assert found["sockets held"] == 2 * r22_all_at_once.PAIRS
    assert_all_accounted(found)
    assert found["good calls"] == "100 %"


async def test_r25_nothing_is_left_of_those_who_came_and_went() -> None:
    found = await r25_churn.run(r25_churn.QUICK)
    assert found["sockets held"] == r25_churn.QUICK.sockets
    assert_all_accounted(found)
    assert found["faults injected"] != 0
