"""T1 to T7, T11 and T12 of docs/security.md, end to end: what strangers make a real server post, and what they do not.

Names that change their address between look-up and dialling (T2) need a resolver of the test's own, which a server in
another process cannot have: tests/test_forward.py has them. The fenced server dials from 127.0.0.1, so that nothing can
leave this machine even if a fence were down.
"""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack

import pytest

from tests import answerers
from tests.goclient import identifier
from tests.loopback import fresh_address
from tests.posting import ANSWER, NIL_UUID, OFFER, Reply, offer, post
from tests.server.aftermath import withstanding
from tests.server.canaries import full_backlog, untouched
from tests.serverprocess import Server, free_port, server
from tests.wsclient import Peer

CALL = answerers.CALL
NOBODY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
TIMEOUT_SECONDS = 1
LOOPBACK = ["127.0.0.0/8", "::1/128"]


@pytest.fixture(scope="module")
def fenced() -> Iterator[Server]:
    """A server with the default policy."""
    with withstanding({"forwardfrom": "127.0.0.1", "timeout": TIMEOUT_SECONDS}) as running:
        yield running


@pytest.fixture(scope="module")
def lenient() -> Iterator[Server]:
    """A server that may post to loopback addresses, where the answerers of these tests are."""
    config = {"forwardallow": LOOPBACK, "timeout": TIMEOUT_SECONDS, "limits": {"breaker_failures": 1000}}
    with withstanding(config) as running:
        yield running


class TestT1:
    """`PublicIP` names an address that is nobody's to post to."""

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.255.255.254", "0.0.0.0", "localhost", "LOCALHOST"])
    async def test_t1_loopback(self, fenced: Server, host: str) -> None:
        async with untouched() as canary:
            await assert_refused(fenced, f"http://{host}:{canary.port}")

    async def test_t1_loopback_in_ipv6(self, fenced: Server) -> None:
        async with untouched("::1") as canary:
            await assert_refused(fenced, f"http://[::1]:{canary.port}")

    @pytest.mark.parametrize(
        "host",
        [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "169.254.169.254",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[2001:db8::1]",
        ],
    )
    async def test_t1_every_other_address_that_is_not_public(self, fenced: Server, host: str) -> None:
        await assert_refused(fenced, f"http://{host}")

    async def test_t1_from_a_websocket_by_identifier(self, fenced: Server) -> None:
        async with untouched() as canary, Peer.welcomed(fenced.ws_url) as ada:
            call = await ada.dial(identifier(canary.target.prefix), OFFER, id="a1")
            await ada.expect("error", id="a1", about="offer", call=call, code="target_not_allowed")
            await ada.expect_nothing_else()

    async def test_t1_nobody_is_posted_to_when_forwarding_is_off(self) -> None:
        with server({"forward": "off", "forwardallow": LOOPBACK}) as closed:
            async with untouched() as canary:
                await assert_refused(closed, canary.target.prefix)


class TestT3:
    """Disguises: the address after resolution is judged, never the text."""

    @pytest.mark.parametrize(
        "host",
        [
            "127.1",
            "127.0.1",
            "0177.0.0.1",
            "0x7f.1",
            "0x7f000001",
            "017700000001",
            "2130706433",
            "0",
            "１２７.０.０.１",
            "127。0。0。1",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::7f00:1]",
            "[2002:7f00:1::]",
            "[2001:0:7f00:1::80ff:fffe]",
        ],
    )
    async def test_t3_loopback_in_disguise(self, fenced: Server, host: str) -> None:
        async with untouched() as canary:
            await assert_refused(fenced, f"http://{host}:{canary.port}")


class TestT4:
    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
    async def test_t4_a_redirect_is_not_followed(self, lenient: Server, status: str) -> None:
        async with untouched() as canary:
            script = answerers.answering(status=status, headers=f"Location: {canary.target.url}\r\n")
            async with answerers.listening(script, fresh_address()) as answerer:
                reply = await post(lenient.http_url, offer(at=answerer.target.prefix, call=CALL))
        reply.assert_problem(503, "target_failed")
        assert len(answerer.requests) == 1


class TestT5:
    """`PublicIP` is this server, directly, by another of its names, or through another one."""

    async def test_t5_its_own_address_is_delivered_here_once(self, fenced: Server) -> None:
        async with Peer.welcomed(fenced.ws_url) as bob:
            posting = asyncio.create_task(post(fenced.http_url, offer(bob.id, fenced.http_url, call=CALL)))
            await bob.expect("offer", call=CALL)
            await bob.answer(CALL, ANSWER)
            assert (await posting).status == 200
            await bob.expect_nothing_else()

    async def test_t5_its_own_address_is_never_posted_to(self, fenced: Server) -> None:
        before = await posts_to(fenced)
        for to in (NOBODY, NIL_UUID):
            reply = await post(fenced.http_url, offer(to, f"{fenced.http_url}/"))
            reply.assert_problem(503, "peer_unavailable")
        assert await posts_to(fenced) == before + 2

    async def test_t5_by_another_of_its_names_it_is_refused(self, fenced: Server) -> None:
        for name in ("localhost", "127.1", "[::1]", "[::ffff:127.0.0.1]"):
            await assert_refused(fenced, f"http://{name}:{fenced.port}")

    async def test_t5_even_when_loopback_is_allowed_it_posts_to_itself_once(self, lenient: Server) -> None:
        before = await posts_to(lenient)
        reply = await post(lenient.http_url, offer(at=f"http://localhost:{lenient.port}"))
        reply.assert_problem(503, "target_failed")
        assert await posts_to(lenient) == before + 2

    async def test_t5_two_servers_that_point_at_each_other_make_one_outbound_request(self) -> None:
        """Each takes the other's address for somebody else's, and its own too."""
        ports = [free_port(), free_port()]
        config = {"forwardallow": LOOPBACK, "publicaddress": "https://call.example"}
        with ExitStack() as running:
            one, other = (running.enter_context(server(config, port=port)) for port in ports)
            for target in (other, one):
                before = await posts_to(one), await posts_to(other)
                reply = await post(one.http_url, offer(at=target.http_url))
                reply.assert_problem(503, "target_failed")
                assert sum((await posts_to(one), await posts_to(other))) == sum(before) + 2

    async def test_t5_an_identifier_that_leads_back_here_makes_one_outbound_request(self, lenient: Server) -> None:
        before = await posts_to(lenient)
        async with Peer.welcomed(lenient.ws_url) as ada:
            call = await ada.dial(identifier(f"http://localhost:{lenient.port}"), OFFER, id="a1")
            await ada.expect("ack", id="a1", state="done", trickle=False)
            await ada.expect("error", call=call, code="target_failed")
        assert await posts_to(lenient) == before + 1


class TestT6:
    async def test_t6_many_sources_that_aim_at_one_victim_get_three_through(self, lenient: Server) -> None:
        async with answerers.listening(answerers.answering(b"", "500 Oops"), fresh_address()) as victim:
            began = time.monotonic()
            replies = await asyncio.gather(*(post(lenient.http_url, offer(at=victim.target.prefix)) for _ in range(30)))
            most = 3 + int(0.2 * (time.monotonic() - began))
        assert 3 <= len(victim.requests) <= most
        refused = [reply for reply in replies if reply.status == 429]
        assert len(refused) == 30 - len(victim.requests)
        for reply in refused:
            reply.assert_problem(429, "rate_limited")
            assert 1 <= reply.retry_after <= 5

    async def test_t6_a_network_of_victims_gets_ten_through(self, lenient: Server) -> None:
        network = fresh_address().rpartition(".")[0]
        async with AsyncExitStack() as stack:
            script = answerers.answering(b"", "500 Oops")
            victims = [
                await stack.enter_async_context(answerers.listening(script, f"{network}.{host}"))
                for host in range(1, 16)
            ]
            began = time.monotonic()
            replies = await asyncio.gather(
                *(post(lenient.http_url, offer(at=victim.target.prefix)) for victim in victims)
            )
            most = 10 + int(2 * (time.monotonic() - began))
        assert 10 <= sum(len(victim.requests) for victim in victims) <= most
        assert {reply.status for reply in replies} == {503, 429}

    async def test_t6_the_victim_in_disguise_is_the_same_victim(self, lenient: Server) -> None:
        async with answerers.listening(answerers.answering(b"", "500 Oops"), fresh_address()) as victim:
            number = int.from_bytes(socket.inet_aton(victim.host), "big")
            hosts = [victim.host, str(number), hex(number), f"0{number:o}", f"{victim.host}", str(number)]
            replies = [await post(lenient.http_url, offer(at=f"http://{host}:{victim.port}")) for host in hosts]
        assert len(victim.requests) == 3
        assert [reply.status for reply in replies] == [503] * 3 + [429] * 3


class TestT7:
    async def test_t7_whatever_is_at_a_port_it_reads_alike(self, lenient: Server) -> None:
        scripts = {
            "non-HTTP": answerers.replying(b"220 mail.example ESMTP\r\n"),
            "closes": answerers.replying(b""),
            "HTTP 500": answerers.answering(b"", "500 Oops"),
            "HTTP 404": answerers.answering(b"not found", "404 Not Found"),
            "wrong answer": answerers.answering(b"{}"),
            "silent": answerers.tarpit,
        }
        async with AsyncExitStack() as stack:
            found = [
                (await stack.enter_async_context(answerers.listening(script, fresh_address()))).target.prefix
                for script in scripts.values()
            ]
            closed = f"http://{fresh_address()}:{free_port()}"
            filtered = f"http://127.0.0.1:{stack.enter_context(full_backlog())}"
            replies = await asyncio.gather(
                *(post(lenient.http_url, offer(at=address)) for address in [*found, closed, filtered])
            )
        assert len({seen_from_outside(reply) for reply in replies}) == 1
        replies[0].assert_problem(503, "target_failed")


class TestT11:
    async def test_t11_the_source_address_can_be_configured(self) -> None:
        own = fresh_address()
        with server({"forwardallow": LOOPBACK, "forwardfrom": own}) as behind_a_proxy:
            async with answerers.listening(answerers.answering(), fresh_address()) as answerer:
                reply = await post(behind_a_proxy.http_url, offer(at=answerer.target.prefix, call=CALL))
        assert reply.status == 200
        assert [received.peer for received in answerer.requests] == [own]


class TestT12:
    @pytest.mark.parametrize(
        "public_ip",
        [
            "http://{canary}\r\nX-Injected: yes",
            "http://{canary}\n",
            "http://{canary}\r\n\r\nGET / HTTP/1.1",
            "http://user:pw@{canary}",
            "http://8.8.8.8@{canary}",
            "http://{canary}/admin",
            "http://{canary}/admin?x=",
            "http://{canary}?x=",
            "http://{canary}#",
            "http://8.8.8.8\\@{canary}",
            "http:\\\\{canary}",
            "gopher://{canary}/_x",
            "file://{canary}/etc/passwd",
            "ws://{canary}",
            "//{canary}",
            "{canary}",
            " http://{canary}",
            "http://{canary} ",
        ],
    )
    async def test_t12_nothing_but_an_address_is_taken_for_one(self, lenient: Server, public_ip: str) -> None:
        async with untouched() as canary:
            text = public_ip.format(canary=canary.target.authority)
            (await post(lenient.http_url, offer(at=text))).assert_problem(400, "bad_message")
            async with Peer.welcomed(lenient.ws_url) as ada:
                await ada.dial(identifier(json.dumps(text)[1:-1]), OFFER, id="a1")
                await ada.expect("error", id="a1", code="bad_peer")


async def assert_refused(running: Server, public_ip: str) -> None:
    reply = await post(running.http_url, offer(at=public_ip))
    reply.assert_problem(403, "target_not_allowed")


async def posts_to(running: Server) -> int:
    """How many requests with an offer it got, from anybody, itself included."""
    return (await running.whole_log()).count("HTTP b'POST' request")


def seen_from_outside(reply: Reply) -> tuple[int, str, str]:
    headers = {name: value for name, value in reply.headers.items() if name != "date"}
    problem = {name: value for name, value in reply.json.items() if name != "instance"}
    return reply.status, json.dumps(headers, sort_keys=True), json.dumps(problem, sort_keys=True)
