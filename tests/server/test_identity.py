"""Ids that nobody can take over (T25, T42), and what guessing at them leads to."""

import base64
import hashlib
import os
import uuid
from collections.abc import Iterator

import pytest

from tests.posting import OFFER
from tests.server.aftermath import withstanding
from tests.serverprocess import Server, free_port, server
from tests.wsclient import Peer

ATTEMPTS = 10

OTHER_SECRET = b"somebody else's secret, 32 bytes"


@pytest.fixture(scope="module")
def here() -> Iterator[Server]:
    """A server behind a proxy that says who clients are."""
    with withstanding({"trustedproxies": ["127.0.0.1/32"]}) as running:
        yield running


def certified() -> tuple[str, str]:
    """A self-certifying id and its proof, made by a client, after docs/protocol.md."""
    secret = os.urandom(32)
    digest = f"{int.from_bytes(hashlib.sha256(secret).digest()):0256b}"
    bits = f"{digest[:48]}1000{digest[48:60]}10{digest[60:122]}"
    return str(uuid.UUID(int=int(bits, 2))), encoded(secret)


def encoded(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


async def assert_taken(running: Server, peer: str, **hello: str) -> None:
    async with Peer.connected(running.ws_url) as mallory:
        await mallory.send("hello", id="h1", peer=peer, **hello)
        await mallory.expect("error", id="h1", about="hello", code="identity_taken")
        await mallory.expect_close(4504)


class TestSelfCertifying:
    async def test_an_id_of_the_servers_own_making_comes_with_its_proof(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as ada:
            proof = ada.welcome["proof"]
            digest = hashlib.sha256(base64.urlsafe_b64decode(proof + "=")).digest()
        made = uuid.UUID(ada.id)
        assert (made.version, made.variant) == (8, uuid.RFC_4122)
        assert ada.id[:8] == digest.hex()[:8]

    async def test_an_id_of_a_clients_own_making_needs_its_proof(self, here: Server) -> None:
        peer, proof = certified()
        await assert_taken(here, peer)
        async with Peer.welcomed(here.ws_url, peer=peer.upper(), proof=proof) as ada:
            assert ada.id == peer
            assert "proof" not in ada.welcome

    @pytest.mark.parametrize("wrong", ["", "x", "!", encoded(bytes(32)), encoded(bytes(31)), encoded(OTHER_SECRET)])
    async def test_t25_nobody_else_gets_it_and_the_victim_notices_nothing(self, here: Server, wrong: str) -> None:
        async with Peer.welcomed(here.ws_url) as ada, Peer.welcomed(here.ws_url) as bob:
            await assert_taken(here, ada.id, proof=wrong)
            await assert_taken(here, ada.id, proof=bob.welcome["proof"])
            await assert_taken(here, ada.id)
            await ada.expect_nothing_else()
            call = await bob.dial(ada.id, OFFER)
            await ada.expect("offer", call=call)

    async def test_t25_nobody_else_gets_it_when_its_owner_is_away(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as ada:
            await ada.bye()
            await ada.expect_close(1000)
        await assert_taken(here, ada.id)
        await assert_taken(here, ada.id, proof=encoded(OTHER_SECRET))

    async def test_its_owner_comes_back_and_the_old_connection_is_superseded(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as ada, Peer.welcomed(here.ws_url) as bob:
            call = await ada.dial(bob.id, OFFER)
            await bob.expect("offer", call=call)
            async with Peer.welcomed(here.ws_url, peer=ada.id, proof=ada.welcome["proof"]) as again:
                assert (again.id, again.welcome["resumed"], again.welcome["seq"]) == (ada.id, False, 0)
                await ada.expect_close(4505)
                await bob.expect("hangup", call=call, reason="gone")
                call = await bob.dial(ada.id, OFFER)
                await again.expect("offer", call=call)

    async def test_t42_nobody_else_gets_it_after_a_restart(self) -> None:
        port = free_port()
        with server(port=port) as before:
            async with Peer.welcomed(before.ws_url) as ada:
                proof = ada.welcome["proof"]
        with server(port=port) as after:
            await assert_taken(after, ada.id)
            await assert_taken(after, ada.id, proof=encoded(OTHER_SECRET))
            async with Peer.welcomed(after.ws_url, peer=ada.id, proof=proof) as again:
                assert again.id == ada.id


class TestTables:
    """T42: after a restart nobody remembers whose table it was."""

    async def test_t42_nobody_sits_down_at_an_impostors_table_without_the_password(self) -> None:
        port, table = free_port(), {"table": "camelot", "password": "excalibur"}
        with server(port=port) as before:
            async with Peer.welcomed(before.ws_url) as ada:
                await ada.send("join", **table)
                await ada.expect("joined", opened=True, protected=True)
        with server(port=port) as after:
            async with Peer.welcomed(after.ws_url) as mallory, Peer.welcomed(after.ws_url) as ada:
                await mallory.send("join", table="camelot")
                await mallory.expect("joined", opened=True, protected=False)
                await ada.send("join", id="j1", **table)
                await ada.expect("error", id="j1", code="table_password")
                await ada.expect_nothing_else()
                await mallory.expect_nothing_else()


class TestOtherIds:
    async def test_they_are_first_come_first_served(self, here: Server) -> None:
        peer = str(uuid.uuid4())
        async with Peer.welcomed(here.ws_url, peer=peer) as ada:
            await assert_taken(here, peer.upper())
            await assert_taken(here, peer, proof=encoded(OTHER_SECRET))
            await ada.expect_nothing_else()
            await ada.bye()
            await ada.expect_close(1000)
        async with Peer.welcomed(here.ws_url, peer=peer):
            pass

    @pytest.mark.parametrize("peer", ["", "ada", str(uuid.UUID(int=0)), "6ba7b8109dad11d180b400c04fd430c8"])
    async def test_what_is_no_id_is_bad_peer_and_may_be_mended(self, here: Server, peer: str) -> None:
        async with Peer.connected(here.ws_url) as ada:
            await ada.send("hello", peer=peer)
            await ada.expect("error", code="bad_peer")
            await ada.hello()


class TestGuessing:
    async def test_t27_ten_failures_and_then_rate_limited_and_4003(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as ada:
            for _ in range(ATTEMPTS):
                await assert_taken(here, ada.id, proof=encoded(OTHER_SECRET))
            async with Peer.connected(here.ws_url) as mallory:
                await mallory.send("hello", peer=ada.id)
                refused = await mallory.expect("error", code="rate_limited")
                assert 1 < refused["retry_after"] <= 1800
                await mallory.expect_close(4003)
            await ada.expect_nothing_else()

    async def test_t27_it_holds_for_that_id_and_that_source_only(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as ada, Peer.welcomed(here.ws_url) as bob:
            for _ in range(ATTEMPTS):
                await assert_taken(here, ada.id)
            await assert_taken(here, bob.id)
            elsewhere = {"X-Forwarded-For": "198.51.100.7"}
            async with Peer.connected(here.ws_url, headers=elsewhere) as stranger:
                await stranger.send("hello", peer=ada.id)
                await stranger.expect("error", code="identity_taken")

    async def test_t27_the_owner_behind_the_same_address_is_not_locked_out(self, here: Server) -> None:
        async with Peer.welcomed(here.ws_url) as ada:
            for _ in range(ATTEMPTS + 1):
                async with Peer.connected(here.ws_url) as mallory:
                    await mallory.send("hello", peer=ada.id)
                    await mallory.expect("error")
            async with Peer.welcomed(here.ws_url, peer=ada.id, proof=ada.welcome["proof"]) as again:
                assert again.id == ada.id
