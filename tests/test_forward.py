"""Posting an offer to an address, and where it may go (T1 to T3): canaries on loopback must see nothing."""

import asyncio
import socket
from ipaddress import ip_network
from itertools import cycle, repeat
from typing import Any

import aiohttp
import pytest

from signalling.addresses import AddressPolicy, Target, parse_target
from signalling.codes import ErrorCode
from tests.answerers import OFFER, answering, canary, listening
from tests.forwarding import ADA, LOOPBACK, Asking, Names, forwarding


class TestAnOffer:
    async def test_is_answered_byte_for_byte(self) -> None:
        answer = b' { "webrtcsessiondescription" : {"sdp":"v=0", "type":"Answer"} , "x":1}\n'
        async with listening(answering(answer)) as answerer, forwarding() as forwarder:
            asking = Asking(forwarder, answerer.target)

            assert await asking.answer() == answer
            assert asking.admitted == 1

    async def test_is_posted_as_it_came_and_marked(self) -> None:
        async with listening(answering()) as answerer, forwarding() as forwarder:
            await Asking(forwarder, answerer.target).answer()

        (request,) = answerer.requests
        assert request.line == "POST /signal HTTP/1.1"
        assert request.body == OFFER
        assert request.headers == {
            "host": f"127.0.0.1:{answerer.port}",
            "content-type": "application/json",
            "content-length": str(len(OFFER)),
            "accept": "*/*",
            "accept-encoding": "identity",
            "connection": "close",
            "user-agent": "roundtable-signalling/1.0",
            "via": "1.1 roundtable.example",
            "roundtable-hop": "1",
        }

    async def test_to_a_name_says_so_in_its_host_header(self) -> None:
        names = Names(answerer_example=[["127.0.0.1"]])
        async with listening(answering()) as answerer, forwarding(resolve=names) as forwarder:
            await Asking(forwarder, Target("http", "answerer.example", answerer.port)).answer()

        assert answerer.requests[0].headers["host"] == f"answerer.example:{answerer.port}"
        assert names.asked == ["answerer.example"]

    async def test_to_an_ipv6_address(self) -> None:
        async with listening(answering(), "::1") as answerer, forwarding() as forwarder:
            await Asking(forwarder, answerer.target).answer()

        assert answerer.requests[0].headers["host"] == f"[::1]:{answerer.port}"

    async def test_t11_goes_out_from_the_configured_address(self) -> None:
        names = Names(both_example=[["::1", "127.0.0.1"]])
        async with (
            listening(answering()) as answerer,
            forwarding(resolve=names, source_address="127.0.0.5") as forwarder,
        ):
            await Asking(forwarder, Target("http", "both.example", answerer.port)).answer()

        assert answerer.requests[0].peer == "127.0.0.5"

    async def test_carries_no_cookie_of_an_earlier_answer(self) -> None:
        script = answering(headers="Set-Cookie: a=b\r\n")
        async with listening(script) as answerer, forwarding() as forwarder:
            await Asking(forwarder, answerer.target).answer()
            await Asking(forwarder, answerer.target).answer()

        assert "cookie" not in answerer.requests[1].headers

    async def test_goes_through_no_proxy_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with canary() as proxy, listening(answering()) as answerer:
            for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            async with forwarding() as forwarder:
                await Asking(forwarder, answerer.target).answer()

            assert proxy.connections == 0

    async def test_that_its_asker_gives_up_when_it_is_admitted_is_not_sent(self) -> None:
        def give_up() -> None:
            raise LookupError("withdrawn")

        async with canary() as answerer, forwarding() as forwarder:
            with pytest.raises(LookupError):
                await forwarder.post(answerer.target, OFFER, source=ADA, from_browser=False, admitted=give_up)

            assert answerer.connections == 0


class TestThePolicy:
    """T1, T2, T3."""

    @pytest.mark.parametrize(
        "host",
        [
            *(
                "127.0.0.1",
                "127.1",
                "0177.0.0.1",
                "2130706433",
                "0x7f.1",
                "１２７.０.０.１",
                "0",
                "0.0.0.0",
            ),
            *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]"),
            *("[2002:7f00:1::]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[fe80::1]", "[fd00:ec2::254]", "[ff02::1]"),
            *("10.0.0.1", "192.168.0.1", "169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
            *("224.0.0.1", "255.255.255.255", "localhost", "inside.example", "mixed.example"),
        ],
    )
    async def test_t1_an_address_that_is_not_public_is_refused_in_any_disguise(self, host: str) -> None:
        names = Names(
            localhost=[["127.0.0.1", "::1"]], inside_example=[["10.1.2.3"]], mixed_example=[["8.8.8.8", "127.0.0.1"]]
        )
        async with canary() as listener, canary("::1", listener.port) as listener6:
            async with forwarding(allow=(), resolve=names) as forwarder:
                refused = await Asking(forwarder, parse_target(f"http://{host}:{listener.port}")).refusal()

            assert refused.code == ErrorCode.TARGET_NOT_ALLOWED
            assert refused.retry_after is None
            assert (listener.connections, listener6.connections) == (0, 0)

    async def test_the_literal_of_an_address_is_not_asked_for(self) -> None:
        names = Names()
        async with forwarding(allow=(), resolve=names) as forwarder:
            for host in ("127.1", "127.0.0.1", "::1"):
                await Asking(forwarder, Target("http", host, 1066)).refusal()

        assert not names.asked

    @pytest.mark.parametrize("first", ["127.0.0.2", "127.0.0.1"])
    async def test_t2_a_name_that_is_bound_anew_leads_elsewhere_in_none_of_200_tries(self, first: str) -> None:
        """127.0.0.2 stands for what is permitted, 127.0.0.1 for what is not; each attempt resolves once."""
        second = {"127.0.0.2": "127.0.0.1", "127.0.0.1": "127.0.0.2"}[first]
        names = Names(rebound_example=cycle([[first], [second]]))
        permitted = (ip_network("127.0.0.2/32"),)
        async with listening(answering(), "127.0.0.2") as answerer, canary("127.0.0.1", answerer.port) as forbidden:
            async with forwarding(allow=permitted, resolve=names) as forwarder:
                target = Target("http", "rebound.example", answerer.port)
                outcomes = [await Asking(forwarder, target).outcome() for _ in range(200)]

            assert outcomes.count("answered") == outcomes.count("target_not_allowed") == 100
            assert len(answerer.requests) == 100
            assert len(names.asked) == 200
            assert forbidden.connections == 0

    async def test_t2_a_library_that_resolves_anew_is_stopped_before_it_dials(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with canary() as forbidden, forwarding(allow=(ip_network("127.0.0.2/32"),)) as forwarder:
            elsewhere = {"host": "127.0.0.1", "hostname": "x", "family": socket.AF_INET, "proto": 0, "flags": 0}

            async def resolve_anew(*arguments: Any, **options: Any) -> list[dict[str, Any]]:
                return [elsewhere | {"port": forbidden.port}]

            monkeypatch.setattr(aiohttp.TCPConnector, "_resolve_host", resolve_anew)

            assert await Asking(forwarder, Target("http", "127.0.0.2", forbidden.port)).failure() == "unreachable"
            assert forbidden.connections == 0

    async def test_t2_nothing_is_sent_to_a_peer_that_is_not_the_one_judged(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with canary() as forbidden, forwarding(allow=(ip_network("127.0.0.2/32"),)) as forwarder:
            loop = asyncio.get_running_loop()
            connect = loop.sock_connect
            monkeypatch.setattr(loop, "sock_connect", lambda s, _: connect(s, ("127.0.0.1", forbidden.port)))

            assert await Asking(forwarder, Target("http", "127.0.0.2", forbidden.port)).failure() == "unreachable"

        assert forbidden.connections <= 1
        assert forbidden.received == b""
        assert not forbidden.requests

    async def test_t1_a_page_in_a_browser_reaches_no_privately_allowed_address(self) -> None:
        async with canary() as listener, forwarding() as forwarder:
            refused = await Asking(forwarder, listener.target, from_browser=True).refusal()

            assert refused.code == ErrorCode.TARGET_NOT_ALLOWED
            assert listener.connections == 0

    async def test_t1_off_refuses_everything_and_resolves_nothing(self) -> None:
        names = Names(answerer_example=repeat(["127.0.0.1"]))
        async with canary() as listener, forwarding(policy=AddressPolicy("off", LOOPBACK), resolve=names) as forwarder:
            for host in ("127.0.0.1", "8.8.8.8", "answerer.example"):
                refused = await Asking(forwarder, Target("http", host, listener.port)).refusal()
                assert refused.code == ErrorCode.TARGET_NOT_ALLOWED

            assert listener.connections == 0
        assert not names.asked

    @pytest.mark.parametrize("port", [22, 25, 1023, 3306, 6379, 11211])
    async def test_a_service_port_is_refused_before_its_name_is_resolved(self, port: int) -> None:
        names = Names(answerer_example=repeat(["127.0.0.1"]))
        async with forwarding(resolve=names) as forwarder:
            refused = await Asking(forwarder, Target("http", "answerer.example", port)).refusal()

        assert refused.code == ErrorCode.TARGET_NOT_ALLOWED
        assert not names.asked

    async def test_a_name_without_addresses_is_a_failure_like_any_other(self) -> None:
        async with forwarding(resolve=Names(empty_example=[[]])) as forwarder:
            assert await Asking(forwarder, Target("http", "unknown.example", 1066)).failure() == "unresolved"
            assert await Asking(forwarder, Target("http", "empty.example", 1066)).failure() == "unresolved"
