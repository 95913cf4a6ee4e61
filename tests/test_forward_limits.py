"""How much may be posted (T6, T9): rates of targets and networks, the breaker, and what is held at once."""

import asyncio
import math
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import chain, repeat

import pytest

from signalling.addresses import IPAddress, Target
from signalling.codes import ErrorCode
from signalling.forward import Failed
from signalling.limits import Limits
from tests.answerers import ANSWER, answering, listening, replying, tarpit
from tests.forwarding import ADA, UNHINDERED, Asking, Clock, Names, forwarding

LOOKUPS = Limits().lookups


class TestTheRates:
    """T6: nobody can aim this server at somebody who did not ask for it."""

    async def test_t6_a_silent_target_gets_its_burst_and_then_its_rate(self) -> None:
        clock = Clock()
        limits = {"breaker_failures": 1_000}
        script = answering(b"", "404 Not Found")
        async with listening(script) as victim, forwarding(limits=limits, clock=clock) as forwarder:
            for second in range(60):
                clock.now = 1_000.0 + second
                for source in range(5):
                    await Asking(forwarder, victim.target, f"source {source}").outcome()

            refused = await Asking(forwarder, victim.target).refusal()

        assert len(victim.requests) == 3 + math.floor(0.2 * 59)
        assert (refused.code, refused.retry_after) == (ErrorCode.RATE_LIMITED, 1)
        assert refused.limit == "silent_target_per_second"

    async def test_t6_a_target_is_its_address_whatever_its_names(self) -> None:
        names = Names(**{f"n{number}_example": [["127.0.0.1"]] for number in range(10)})
        script = answering(b"", "404 Not Found")
        async with listening(script) as victim, forwarding(limits={}, clock=Clock(), resolve=names) as forwarder:
            targets = [Target("http", f"n{number}.example", victim.port) for number in range(10)]
            outcomes = [await Asking(forwarder, target).outcome() for target in targets]

        assert outcomes == ["status"] * 3 + ["rate_limited"] * 7
        assert len(victim.requests) == 3

    async def test_t6_the_network_of_a_victim_gets_its_burst_and_then_its_rate(self) -> None:
        clock = Clock()
        async with AsyncExitStack() as stack:
            victims = [
                await stack.enter_async_context(listening(answering(b"", "404 Not Found"), f"127.0.0.{host}"))
                for host in range(1, 13)
            ]
            elsewhere = await stack.enter_async_context(listening(answering(), "127.0.1.1"))
            forwarder = await stack.enter_async_context(forwarding(limits={}, clock=clock))
            outcomes = [await Asking(forwarder, victim.target).outcome() for victim in victims]

            assert outcomes == ["status"] * 10 + ["rate_limited"] * 2
            refused = await Asking(forwarder, Target("http", "127.0.0.13", victims[0].port)).refusal()
            assert (refused.limit, refused.retry_after) == ("network_per_second", 1)
            clock.now += 0.5
            outcomes = [await Asking(forwarder, victim.target).outcome() for victim in victims[-2:]]
            assert outcomes == ["status", "rate_limited"]
            assert await Asking(forwarder, elsewhere.target).outcome() == "answered"

    async def test_a_target_that_has_answered_gets_more(self) -> None:
        clock = Clock()
        async with listening(answering()) as answerer, forwarding(limits={}, clock=clock) as forwarder:
            outcomes = [await Asking(forwarder, answerer.target).outcome() for _ in range(40)]
            assert outcomes == ["answered"] * 31 + ["rate_limited"] * 9

            clock.now += 1
            outcomes = [await Asking(forwarder, answerer.target).outcome() for _ in range(10)]
            assert outcomes == ["answered"] * 5 + ["rate_limited"] * 5
            refused = await Asking(forwarder, answerer.target).refusal()
            assert (refused.limit, refused.retry_after) == ("known_target_per_second", 1)

    async def test_what_one_host_answered_does_not_speak_for_another_at_its_address(self) -> None:
        names = Names(good_example=repeat(["127.0.0.1"]), victim_example=repeat(["127.0.0.1"]))
        limits, clock = {"silent_target_burst": 2}, Clock()
        async with listening(answering()) as shared, forwarding(limits=limits, clock=clock, resolve=names) as forwarder:
            good, victim = (Target("http", host, shared.port) for host in ("good.example", "victim.example"))
            for _ in range(5):
                assert await Asking(forwarder, good).outcome() == "answered"

            assert await Asking(forwarder, victim).outcome() == "answered"
            # one of the two tokens of this address went to the first offer to good.example
            assert "rate_limited" not in [await Asking(forwarder, good).outcome() for _ in range(5)]

        assert {request.headers["host"] for request in shared.requests} == {
            f"good.example:{shared.port}",
            f"victim.example:{shared.port}",
        }


class TestWhatIsRemembered:
    async def test_each_limiter_remembers_so_many_targets_and_no_more(self) -> None:
        limits = UNHINDERED | {"tracked": 3, "silent_target_per_second": 0.001, "network_per_second": 0.001}
        async with AsyncExitStack() as stack:
            forwarder = await stack.enter_async_context(forwarding(limits=limits))
            good, bad = answering(), answering(b"", "500 Oops")
            for number in range(10):
                answerer = await stack.enter_async_context(listening((good, bad)[number % 2], f"127.0.{number}.1"))
                for _ in range(2):
                    await Asking(forwarder, answerer.target).outcome()

        limiters = (forwarder._silent, forwarder._networks, forwarder._breaker, forwarder._answered)
        assert [len(limiter) for limiter in limiters] == [3] * 4
        assert len(forwarder._known) <= 3


class TestTheBreaker:
    async def test_a_target_that_failed_three_times_is_left_alone_for_a_while(self) -> None:
        clock = Clock()
        limits = UNHINDERED | {"breaker_failures": 3}
        async with listening(replying(b"")) as answerer, forwarding(limits=limits, clock=clock) as forwarder:
            for _ in range(3):
                assert await Asking(forwarder, answerer.target).failure() == "not_http"
            with pytest.raises(Failed) as left_alone:
                await Asking(forwarder, answerer.target, "another source").answer()
            assert (left_alone.value.reason, left_alone.value.limit) == ("breaker_open", "breaker_failures")
            assert answerer.connections == 3

            clock.now += 30
            assert await Asking(forwarder, answerer.target).failure() == "not_http"
            assert await Asking(forwarder, answerer.target).failure() == "breaker_open"
            assert answerer.connections == 4

    async def test_an_answer_between_failures_keeps_it_closed(self) -> None:
        replies = iter([replying(b""), replying(b""), answering()] * 3)

        async def in_turn(writer: asyncio.StreamWriter) -> None:
            await next(replies)(writer)

        async with listening(in_turn) as answerer, forwarding(limits=UNHINDERED | {"breaker_failures": 3}) as forwarder:
            outcomes = [await Asking(forwarder, answerer.target).outcome() for _ in range(9)]

        assert outcomes == ["not_http", "not_http", "answered"] * 3

    async def test_offers_that_an_answerer_refuses_do_not_close_it_to_others(self) -> None:
        replies = chain([answering()], repeat(answering(b"", "400 Bad Request"), 10), [answering()])

        async def in_turn(writer: asyncio.StreamWriter) -> None:
            await next(replies)(writer)

        async with listening(in_turn) as answerer, forwarding(limits=UNHINDERED | {"breaker_failures": 3}) as forwarder:
            outcomes = [await Asking(forwarder, answerer.target).outcome() for _ in range(12)]

        assert outcomes == ["answered", *["status"] * 10, "answered"]

    async def test_a_target_that_answered_and_fell_silent_is_a_stranger_again(self) -> None:
        clock = Clock()
        limits = {"silent_target_burst": 1, "silent_target_per_second": 0.001}
        replies = chain([answering()], repeat(replying(b"")))

        async def in_turn(writer: asyncio.StreamWriter) -> None:
            await next(replies)(writer)

        async with listening(in_turn) as answerer, forwarding(limits=limits, clock=clock) as forwarder:
            outcomes = [await Asking(forwarder, answerer.target).outcome() for _ in range(5)]
            assert outcomes == ["answered", *["not_http"] * 3, "breaker_open"]

            clock.now += 30
            assert await Asking(forwarder, answerer.target).outcome() == "rate_limited"


class TestTheSlots:
    @pytest.mark.parametrize(
        ("limit", "limits", "source", "target"),
        [
            ("outbound_per_source", {"outbound_per_source": 2, "outbound_per_target": 9}, ADA, 1),
            ("outbound_per_target", {"outbound_per_source": 9, "outbound_per_target": 2}, "another source", 0),
            ("outbound", {"outbound": 2}, "another source", 1),
        ],
        ids=["of a source", "to a target", "in all"],
    )
    async def test_t9_requests_at_once_are_limited(
        self, limit: str, limits: dict[str, float], source: str, target: int
    ) -> None:
        async with (
            listening(tarpit) as first,
            listening(answering()) as second,
            forwarding(limits=UNHINDERED | limits, timeout=0.5) as forwarder,
        ):
            stuck = [asyncio.ensure_future(Asking(forwarder, first.target).failure()) for _ in range(2)]
            await asyncio.wait_for(first.asked.wait(), 5)

            refused = await Asking(forwarder, (first, second)[target].target, source).refusal()
            assert (refused.code, refused.limit) == (ErrorCode.LIMIT_EXCEEDED, limit)
            assert refused.retry_after
            assert len(forwarder) == 2

            assert await asyncio.gather(*stuck) == ["timeout"] * 2
            assert len(forwarder) == 0
            assert await Asking(forwarder, second.target, source).answer() == ANSWER

    async def test_an_offer_that_is_withdrawn_is_given_up_at_once(self) -> None:
        async with listening(tarpit) as answerer, forwarding() as forwarder:
            asking = asyncio.ensure_future(Asking(forwarder, answerer.target).answer())
            await asyncio.wait_for(answerer.asked.wait(), 5)
            assert len(forwarder) == 1

            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

            assert len(forwarder) == 0
            await asyncio.wait_for(answerer.hung_up.wait(), 5)

    async def test_t9_names_that_never_resolve_do_not_keep_addresses_from_being_dialled(self) -> None:
        names, looking_up = asyncio.Event(), asyncio.Queue[asyncio.Task[object]]()

        async def slow(host: str) -> Sequence[IPAddress]:
            task = asyncio.current_task()
            assert task is not None
            looking_up.put_nowait(task)
            await names.wait()
            return ()

        async with listening(answering()) as answerer, forwarding(resolve=slow) as forwarder:
            target = Target("http", "slow.example", 1066)
            stuck = [
                asyncio.ensure_future(Asking(forwarder, target, f"source {number % 8}").outcome())
                for number in range(LOOKUPS)
            ]
            lookups = [await looking_up.get() for _ in stuck]
            for asking in stuck:
                asking.cancel()
            await asyncio.wait(stuck)
            assert len(forwarder) == LOOKUPS

            refused = await Asking(forwarder, target).refusal()
            assert (refused.code, refused.limit, refused.retry_after) == (ErrorCode.LIMIT_EXCEEDED, "lookups", 1)
            assert await Asking(forwarder, answerer.target).answer() == ANSWER

            names.set()
            await asyncio.wait(lookups)
