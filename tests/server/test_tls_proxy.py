"""T35: operators log in and act through a proxy that ends TLS, and nobody else's word is taken for a proxy's."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.accounts import ACTOR, VIEWER, Keys, make_accounts
from tests.loopback import fresh_address
from tests.operatorclient import Operator
from tests.serverprocess import Server, free_port, server
from tests.tlsproxy import Proxy, tls_proxy
from tests.wsclient import Peer

WRONG = "a guess"
FAILURES = 2


@dataclass(frozen=True)
class Deployment:
    """A server with its proxy."""

    running: Server
    proxy: Proxy
    keys: Keys
    is_public_address_set: bool

    @property
    def session_cookie(self) -> str:
        return "__Host-sessionid" if self.is_public_address_set else "sessionid"

    @asynccontextmanager
    async def peer_from(self, address: str) -> AsyncIterator[Peer]:
        """A peer that comes through the proxy."""
        async with connect(
            self.proxy.ws_url, ssl=self.proxy.trust, local_addr=(address, 0), compression=None, proxy=None
        ) as socket:
            peer = Peer(socket)
            await peer.hello(name="Ada")
            yield peer


@pytest.fixture(scope="module", params=["publicaddress set", "publicaddress unset"])
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """As docs/deployment.md says; without `publicaddress`, the scheme is known by the proxy's header only."""
    port = free_port()
    is_set = request.param == "publicaddress set"
    public = {"publicaddress": f"https://127.0.0.1:{port}"} if is_set else {}
    folder: Path = tmp_path_factory.mktemp("nginx")
    limits = {"login_failures": FAILURES}
    with server({"trustedproxies": ["127.0.0.1/32"], "limits": limits, **public}) as running:
        keys = make_accounts(running)
        with tls_proxy(folder, port, running.port) as proxy:
            yield Deployment(running, proxy, keys, is_set)


async def test_t35_log_in_and_act_through_the_proxy(deployed: Deployment) -> None:
    proxy, guest = deployed.proxy, fresh_address()
    async with deployed.peer_from(guest) as ada, Operator.at(proxy.url, tls=proxy.trust) as operator:
        logged_in = await operator.log_in(ACTOR)
        assert (logged_in.status, logged_in.headers["location"]) == (302, "/status/")
        assert deployed.session_cookie in operator.cookies and len(operator.cookies) == 2
        for cookie in operator.cookies.values():
            assert cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "Lax"
        listed = (await operator.get("/status/sessions/?addresses=1")).body.decode()
        assert ada.id in listed and guest in listed, "the client's own address, not the proxy's"
        done = await operator.submit(
            "/status/sessions/", "/status/sessions/disconnect/", {"selected": ada.id, "post": "yes"}
        )
        assert (done.status, done.headers["location"]) == (302, "/status/sessions/")
        await ada.expect_close(4503)
        assert b"1 session disconnected." in (await operator.get("/status/sessions/")).body


async def test_t35_a_form_of_another_origin_is_refused_through_the_proxy(deployed: Deployment) -> None:
    """Also the same host by http: whoever can change what is sent there must not act here."""
    proxy = deployed.proxy
    cookies = {deployed.session_cookie: deployed.keys[ACTOR]}
    async with Operator.at(proxy.url, tls=proxy.trust, cookies=cookies) as operator:
        for origin in ("https://evil.example", proxy.url.replace("https", "http"), "null"):
            operator.headers = {"Origin": origin}
            refused = await operator.post("/status/drain/start/", {"post": "yes"})
            assert refused.status == 403, origin
    assert deployed.running.get("/readyz")[0] == 200


async def test_t35_the_log_in_throttle_sees_the_client_behind_the_proxy(deployed: Deployment) -> None:
    """Whatever that client says about whom it forwards for: nginx adds the address that it sees."""
    proxy = deployed.proxy
    async with (
        Operator.at(proxy.url, tls=proxy.trust) as guesser,
        Operator.at(proxy.url, tls=proxy.trust) as operator,
    ):
        for number in range(FAILURES):
            guesser.headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            assert (await guesser.log_in(VIEWER, WRONG)).status == 200
        guesser.headers = {"X-Forwarded-For": "198.51.100.99"}
        assert (await guesser.log_in(VIEWER)).status == 429
        assert (await operator.log_in(VIEWER)).status == 302, "somebody else behind the same proxy"


async def test_t35_what_a_stranger_says_of_addresses_has_no_effect(deployed: Deployment) -> None:
    """One who goes around the proxy is counted for the own address."""
    async with Operator.at(deployed.running.http_url) as stranger:
        answers = []
        for number in range(FAILURES + 1):
            stranger.headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            answers.append((await stranger.log_in(VIEWER, WRONG)).status)
    if deployed.is_public_address_set:
        assert set(answers) == {403}, "cookies are for https: nobody can even try"
    else:
        assert answers == [200] * FAILURES + [429]


async def test_t35_what_a_stranger_says_of_the_scheme_has_no_effect(deployed: Deployment) -> None:
    """One who goes around the proxy, and says what it would say."""
    running = deployed.running
    forged = {"X-Forwarded-Proto": "https", "Forwarded": "proto=https;for=198.51.100.1"}
    async with Operator.at(running.http_url) as stranger:
        stranger.headers = forged
        page = await stranger.get("/status/login/")
        assert page.status == 200
        assert all(bool(cookie["secure"]) is deployed.is_public_address_set for cookie in stranger.cookies.values())
        https = running.http_url.replace("http", "https")
        sent = await stranger.submit(
            "/status/login/", "/status/login/", headers={"Origin": https, "Referer": f"{https}/status/login/"}
        )
        assert sent.status == 403, "for the server it is another origin: it came by http"
