"""Rates, attempts, slots and breakers: exactly at their limit, one past it, and under a flood of other keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.throttle import Attempts, Breaker, Bucket, Buckets, Remembered, Slots

EARLY = st.floats(min_value=0, max_value=10)
TRACKED = 100


@pytest.mark.parametrize(("rate", "burst"), [(0.2, 3), (20, 600), (2, 1), (1_000, 5_000)])
@pytest.mark.parametrize("now", [0.0, 1e7 + 0.1])
def test_a_full_bucket_gives_its_burst_and_no_more(rate: float, burst: int, now: float) -> None:
    bucket = Bucket(rate, burst)

    assert [bucket.take(now) for _ in range(burst)] == [0.0] * burst
    assert bucket.take(now) == pytest.approx(1 / rate, rel=0.1)


def test_a_bucket_gives_a_token_after_the_wait_it_named() -> None:
    bucket = Bucket(rate=0.2, burst=3)
    for _ in range(3):
        bucket.take(100.0)

    wait = bucket.take(101.0)

    assert wait == pytest.approx(4.0)
    assert bucket.take(101.0 + wait - 0.1) > 0
    assert bucket.take(101.0 + wait) == 0.0
    assert bucket.take(101.0 + wait) > 0


def test_a_refusal_costs_nothing() -> None:
    bucket = Bucket(rate=1, burst=1)
    bucket.take(0.0)
    for _ in range(1_000):
        assert bucket.take(0.5) == pytest.approx(0.5)

    assert bucket.take(1.0) == 0.0


@given(
    rate=st.floats(min_value=0.1, max_value=100),
    burst=st.integers(min_value=1, max_value=50),
    gaps=st.lists(EARLY, max_size=200),
)
def test_a_bucket_never_gives_more_than_burst_and_rate_times_time(rate: float, burst: int, gaps: list[float]) -> None:
    bucket, now, taken = Bucket(rate, burst), 0.0, 0
    for gap in gaps:
        now += gap
        taken += bucket.take(now) == 0.0

        assert taken <= burst + rate * now + 0.02


@given(gaps=st.lists(EARLY, max_size=100))
def test_the_bucket_of_a_key_is_a_bucket(gaps: list[float]) -> None:
    alone, keyed, now = Bucket(rate=0.5, burst=4), Buckets(rate=0.5, burst=4, tracked=TRACKED), 0.0
    for gap in gaps:
        now += gap

        assert keyed.take("Ada", now) == alone.take(now)


def test_keys_have_buckets_of_their_own() -> None:
    buckets = Buckets(rate=1, burst=1, tracked=TRACKED)
    buckets.take("Ada", 0.0)

    assert buckets.take("Ada", 0.0) > 0
    assert buckets.take("Bob", 0.0) == 0.0


def test_full_buckets_are_not_kept() -> None:
    buckets = Buckets(rate=1, burst=5, tracked=TRACKED)
    for source in range(50):
        buckets.take(source, 0.0)
    assert len(buckets) == 50

    buckets.take("later", 1.0)

    assert len(buckets) == 1


def test_buckets_are_bounded() -> None:
    buckets = Buckets(rate=1, burst=5, tracked=TRACKED)
    for source in range(10 * TRACKED):
        buckets.take(source, 0.0)

    assert len(buckets) == TRACKED


def test_buckets_of_one_tracked_key_are_bounded() -> None:
    buckets = Buckets(rate=1, burst=5, tracked=1)
    for source in range(20):
        assert buckets.take(source, 0.0) == 0.0

    assert len(buckets) == 1


def test_a_flood_of_other_keys_does_not_refill_an_emptied_bucket() -> None:
    buckets = Buckets(rate=0.1, burst=3, tracked=TRACKED)
    for _ in range(3):
        buckets.take("attacker", 0.0)

    for key in range(20 * TRACKED):
        buckets.take(key, 0.001)

    assert buckets.take("attacker", 0.001) > 0


def test_attempts_are_refused_at_the_limit_until_their_window_has_passed() -> None:
    attempts = Attempts(limit=3, seconds=60, tracked=TRACKED)
    attempts.add("Ada", 0.0)
    attempts.add("Ada", 10.0)
    assert attempts.retry_after("Ada", 10.0) == 0.0

    attempts.add("Ada", 20.0)

    assert attempts.retry_after("Ada", 20.0) == 40.0
    assert attempts.retry_after("Bob", 20.0) == 0.0
    assert attempts.retry_after("Ada", 60.0) == 0.0


def test_a_limit_of_one_attempt_refuses_the_second() -> None:
    attempts = Attempts(limit=1, seconds=60, tracked=TRACKED)
    attempts.add("Ada", 5.0)

    assert attempts.retry_after("Ada", 5.0) == 60.0


def test_failures_while_refused_do_not_lengthen_the_refusal() -> None:
    attempts = Attempts(limit=1, seconds=60, tracked=TRACKED)
    attempts.add("Ada", 0.0)
    attempts.add("Ada", 59.0)

    assert attempts.retry_after("Ada", 59.0) == 1.0


def test_a_new_window_opens_after_the_old_one() -> None:
    attempts = Attempts(limit=2, seconds=60, tracked=TRACKED)
    for now in (0.0, 1.0, 60.0):
        attempts.add("Ada", now)
    assert attempts.retry_after("Ada", 60.0) == 0.0

    attempts.add("Ada", 61.0)

    assert attempts.retry_after("Ada", 61.0) == 59.0


def test_failures_that_are_too_far_apart_do_not_add_up() -> None:
    attempts = Attempts(limit=2, seconds=60, tracked=TRACKED)
    attempts.add("Ada", 0.0)
    attempts.add("Ada", 60.0)

    assert attempts.retry_after("Ada", 60.0) == 0.0


def test_a_key_whose_refusal_ended_behind_a_longer_one_counts_again() -> None:
    attempts = Attempts(limit=2, seconds=60, tracked=TRACKED)
    attempts.add("Bob", 0.0)
    attempts.add("Ada", 30.0)
    attempts.add("Ada", 31.0)
    attempts.add("Bob", 59.0)

    attempts.add("Bob", 61.0)
    assert attempts.retry_after("Bob", 61.0) == 0.0
    attempts.add("Bob", 62.0)
    assert attempts.retry_after("Bob", 62.0) == 59.0


def test_attempts_are_bounded_and_forget_what_has_passed() -> None:
    attempts = Attempts(limit=2, seconds=60, tracked=TRACKED)
    for key in range(5 * TRACKED):
        attempts.add(key, 0.0)
        attempts.add(key, 0.0)
    for key in range(5 * TRACKED):
        attempts.add(("once", key), 0.0)
    assert len(attempts) == 2 * TRACKED

    attempts.add("later", 60.0)

    assert len(attempts) == 1


def test_a_flood_of_other_keys_does_not_lift_a_refusal() -> None:
    attempts = Attempts(limit=10, seconds=1_800, tracked=TRACKED)
    for _ in range(10):
        attempts.add("attacker", 0.0)

    for key in range(20 * TRACKED):
        attempts.add(key, 1.0)

    assert attempts.retry_after("attacker", 1.0) > 0


def test_slots_are_given_up_to_each_keys_share_and_the_total() -> None:
    slots = Slots(total=3, each=2)

    assert [slots.acquire("Ada"), slots.acquire("Ada"), slots.acquire("Ada")] == [True, True, False]
    assert [slots.acquire("Bob"), slots.acquire("Bob")] == [True, False]
    assert (len(slots), slots.held("Ada"), slots.held("Bob"), slots.held("Eve")) == (3, 2, 1, 0)


def test_a_released_slot_is_given_again() -> None:
    slots = Slots(total=1, each=1)
    slots.acquire("Ada")
    slots.release("Ada")

    assert len(slots) == 0
    assert slots.acquire("Bob")


def test_a_slot_that_was_not_acquired_cannot_be_released() -> None:
    slots = Slots(total=2, each=2)
    slots.acquire("Ada")

    with pytest.raises(ValueError, match="not acquired"):
        slots.release("Bob")
    slots.release("Ada")
    with pytest.raises(ValueError, match="not acquired"):
        slots.release("Ada")
    assert len(slots) == 0


@given(moves=st.lists(st.tuples(st.booleans(), st.sampled_from("abcd")), max_size=200))
def test_slots_return_to_zero(moves: list[tuple[bool, str]]) -> None:
    slots, acquired = Slots(total=5, each=2), list[str]()
    for acquires, key in moves:
        if acquires:
            acquired += [key] * slots.acquire(key)
        elif key in acquired:
            acquired.remove(key)
            slots.release(key)
        assert len(slots) == len(acquired) <= 5
        assert all(slots.held(name) == acquired.count(name) <= 2 for name in "abcd")

    for key in acquired:
        slots.release(key)

    assert len(slots) == 0
    assert not any(slots.held(name) for name in "abcd")


def test_a_breaker_opens_after_failures_in_a_row_and_closes_after_its_time() -> None:
    breaker = Breaker(failures=3, seconds=30, tracked=TRACKED)

    assert [breaker.failed("target", 0.0), breaker.failed("target", 1.0)] == [False, False]
    assert not breaker.is_open("target", 1.0)
    assert breaker.failed("target", 2.0)
    assert breaker.is_open("target", 31.9)
    assert not breaker.is_open("target", 32.0)
    assert not breaker.is_open("other", 3.0)


def test_a_breaker_opens_again_at_the_next_failure_until_one_success() -> None:
    breaker = Breaker(failures=2, seconds=30, tracked=TRACKED)
    for now in (0.0, 0.0, 40.0):
        breaker.failed("target", now)
    assert breaker.is_open("target", 69.9)

    breaker.succeeded("target")

    assert not breaker.is_open("target", 41.0)
    assert not breaker.failed("target", 41.0)
    assert len(breaker) == 1


def test_a_success_between_failures_keeps_the_breaker_closed() -> None:
    breaker = Breaker(failures=2, seconds=30, tracked=TRACKED)
    for now in range(10):
        assert not breaker.failed("target", now)
        breaker.succeeded("target")

    assert len(breaker) == 0


def test_a_breaker_is_bounded() -> None:
    breaker = Breaker(failures=3, seconds=30, tracked=TRACKED)
    for target in range(3 * TRACKED):
        breaker.failed(target, 0.0)

    assert len(breaker) == TRACKED


def test_only_the_newest_keys_are_remembered() -> None:
    remembered = Remembered(tracked=2)
    for key in ("Ada", "Bob", "Ada", "Eve"):
        remembered.add(key)

    assert ("Ada" in remembered, "Bob" in remembered, "Eve" in remembered) == (True, False, True)
    remembered.discard("Ada")
    remembered.discard("nobody")
    assert "Ada" not in remembered
    assert len(remembered) == 1
