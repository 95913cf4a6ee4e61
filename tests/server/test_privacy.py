"""T40: after a busy run with all logging on, nothing of what peers said to each other is written anywhere."""

import asyncio
import base64
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from signalling.operators.controlclient import connected
from signalling.operators.controlmessages import HowFar, Sessions
from tests import answerers
from tests.accounts import ACTOR, ADMINISTRATOR, PASSWORD, Keys, make_accounts
from tests.goclient import identifier
from tests.loopback import fresh_address
from tests.operatorclient import Operator
from tests.posting import NIL_UUID, Reply, offer, post, request
from tests.programs.commands import PRODUCTION, in_the_readme
from tests.serverprocess import PRIVATE, ROOT, Program, Server, server
from tests.waiting import until
from tests.wsclient import Peer

OF_TOOLS = {
    ".venv",
    ".git",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "__pycache__",
    "node_modules",
}


@dataclass
class Secrets:
    """Words that occur nowhere else, one in each thing that nobody but its receiver may see."""

    words: dict[str, str] = field(default_factory=dict)

    def word(self, what: str) -> str:
        return self.words.setdefault(what, secrets.token_hex(12))

    def description(self, kind: str, where: str) -> dict[str, str]:
        lines = ["v=0", f"o=- {self.word(where)} 2 IN IP4 {ADDRESS}", f"a=ice-ufrag:{self.word(where)}", ""]
        return {"type": kind, "sdp": "\r\n".join(lines)}

    def candidate(self, where: str) -> dict[str, Any]:
        text = f"candidate:1 1 udp 2130706431 {ADDRESS} 50000 typ host ufrag {self.word(where)}"
        return {"candidate": text, "sdpMid": "0", "usernameFragment": self.word(where)}

    def keep(self, what: str, word: str) -> str:
        """A secret that somebody else made."""
        self.words[what] = word
        return word


ADDRESS = "198.51.100.77"
"""Of all descriptions and candidates here."""


@pytest.mark.timeout(150)
@pytest.mark.parametrize("program", PRODUCTION)
async def test_t40_nothing_that_peers_say_is_logged_or_stored_or_shown(program: Program) -> None:
    told = Secrets()
    server_of_turn = {"urls": "turn:turn.example", "username": "ada", "credential": told.word("TURN credential")}
    turn = {"urls": ["turn:relay.example"], "secret": told.word("TURN secret"), "ttl": 3600}
    config = {
        "iceservers": [server_of_turn],
        "turn": turn,
        "forwardallow": ["127.0.0.0/8"],
        "logfile": "server.log",
        "timeout": 1,
    }
    key = {"ROUNDTABLE_SECRET_KEY": told.word("secret key").ljust(60, "x")}
    with server(config, program=in_the_readme(program), environment=key) as running:
        keys = await asyncio.to_thread(make_accounts, running, key)
        await failed_log_ins(running, told)
        await calls_by_websocket(running, told)
        await lost_connections(running, told)
        await calls_by_http(running, told)
        await mistakes(running, told)
        await requests_with_credentials(running, told)
        await what_operators_see(running, told, keys)
        await asyncio.to_thread(running.stop)
        assert (running.folder / "server.log").stat().st_size > 10_000
        assert len(told.words) > 20
        assert found(told, [running.folder / "config.yaml"]) == [
            ("TURN credential", "config.yaml"),
            ("TURN secret", "config.yaml"),
        ]
        assert found(told, [*files_in(running.folder), *files_in(ROOT)]) == []
        for file in files_in(running.folder):
            assert not [word for word in (ADDRESS, PASSWORD, *PRIVATE) if word.encode() in file.read_bytes()], file


async def calls_by_websocket(running: Server, told: Secrets) -> None:
    """Answered, trickled, renegotiated, rejected, timed out and cut off."""
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
        told.keep("proof of an id", ada.welcome["proof"])
        assert ada.welcome["ice_servers"][0]["credential"] == told.word("TURN credential")
        call = await ada.dial(bob.id, told.description("offer", "offer"), id="a1")
        await ada.trickle(call, told.candidate("candidate"), None)
        await bob.expect("candidate", call=call, candidate=None)
        await bob.answer(call, told.description("answer", "answer"))
        await bob.send("candidate", call=call, candidates=[told.candidate("candidates")])
        await bob.send("offer", call=call, description=told.description("offer", "later offer"))
        await ada.expect("offer", call=call)
        await ada.answer(call, told.description("answer", "later answer"))
        await bob.expect("answer", call=call)
        rejected = await ada.dial(bob.identifier, told.description("offer", "rejected offer"))
        await bob.expect("offer", call=rejected)
        await bob.reject(rejected, "busy")
        await ada.expect("reject", call=rejected)
        late = await ada.dial(bob.id, told.description("offer", "offer without answer"))
        await ada.expect("error", call=late, code="answer_timeout")
        await bob.answer(late, told.description("answer", "late answer"), id="b9")
        await bob.expect("ack", id="b9", state="dropped")


async def lost_connections(running: Server, told: Secrets) -> None:
    """Resumed with the right secret, and not with a wrong one; what was said meanwhile is held."""
    async with Peer.welcomed(running.ws_url) as bob:
        async with Peer.welcomed(running.ws_url) as ada:
            secret = told.keep("resume secret", ada.welcome["resume"])
            call = await ada.dial(bob.id, told.description("offer", "offer before a loss"), id="a")
            await ada.expect("ack", id="a")
        await until(lambda: is_away(running, ada))
        await bob.answer(call, told.description("answer", "answer that is held"), id="b")
        await bob.expect("ack", id="b", state="held")
        async with Peer.connected(running.ws_url) as thief:
            await thief.send("hello", peer=ada.id, resume=told.word("wrong resume secret"))
            await thief.expect("error", code="identity_taken")
        async with Peer.connected(running.ws_url) as again:
            welcome = await again.hello(peer=ada.id, resume=secret, seq=ada.seq)
            assert welcome["resumed"]
            told.keep("new resume secret", welcome["resume"])
            await again.expect("answer", call=call)


def is_away(running: Server, peer: Peer) -> bool:
    """Whether its server has noticed that the connection is gone."""
    lines = (running.folder / "server.log").read_text().splitlines()
    return any("session away" in line and peer.id in line for line in lines)


async def calls_by_http(running: Server, told: Secrets) -> None:
    """To a peer here and to answerers elsewhere, good and bad; by identifier too."""
    answer = json.dumps(
        {"OfferUUID": answerers.CALL, "WebRTCSessionDescription": told.description("answer", "answer elsewhere")}
    ).encode()
    wrong = json.dumps({"secret": told.word("page elsewhere")}).encode()
    async with Peer.welcomed(running.ws_url) as bob:
        posting = asyncio.create_task(post(running.http_url, told_offer(told, bob.id)))
        call = (await bob.expect("offer"))["call"]
        await bob.answer(call, told.description("answer", "answer to a post"))
        assert told.word("answer to a post") in str((await posting).body)
        for script in (answerers.answering(answer), answerers.answering(wrong), answerers.replying(wrong)):
            async with answerers.listening(script, fresh_address()) as answerer:
                await post(running.http_url, told_offer(told, at=answerer.target.prefix))
                call = await bob.dial(identifier(answerer.target.prefix), told.description("offer", "offer elsewhere"))
                await bob.expect("error", call=call)
        await post(running.http_url, told_offer(told, at="http://10.0.0.1"))


async def mistakes(running: Server, told: Secrets) -> None:
    """What is refused holds as much as what is delivered."""
    description = told.description("offer", "misplaced description")
    for body in (
        json.dumps({"WebRTCSessionDescription": description}).encode(),
        json.dumps(description).encode(),
        json.dumps({"OfferUUID": told.word("mistaken OfferUUID")}).encode(),
        b'{"sdp":"' + told.word("broken JSON").encode(),
    ):
        reply = await post(running.http_url, body)
        assert reply.status == 400
        assert_not_in(told, reply)
    async with Peer.welcomed(running.ws_url) as mallory:
        await mallory.send("offer", call=description["sdp"], to=told.word("mistaken peer"), description=description)
        await mallory.send("candidate", call=answerers.CALL, candidate=told.word("mistaken candidate"))
        await mallory.send_text(f'{{"type":"offer","sdp":"{told.word("broken message")}')
        await mallory.send_text(told.word("binary message").encode())
        for _ in range(4):
            await mallory.expect("error")
        proof = base64.urlsafe_b64encode(told.word("wrong proof").encode()).decode()
        async with Peer.connected(running.ws_url) as thief:
            await thief.send("hello", peer=mallory.id, proof=told.keep("wrong proof", proof))
            await thief.expect("error", code="identity_taken")


async def requests_with_credentials(running: Server, told: Secrets) -> None:
    """Whatever else clients send along."""
    headers = {"Authorization": f"Bearer {told.word('token')}", "Cookie": f"sessionid={told.word('cookie')}"}
    await post(running.http_url, told_offer(told, answerers.CALL), headers=headers)
    for path in ("/", "/missing"):
        reply = await request("GET", f"{running.http_url}{path}?sdp={told.word('query')}", headers=headers)
        assert_not_in(told, reply)


async def failed_log_ins(running: Server, told: Secrets) -> None:
    """With a wrong password, and with one that was typed where the name belongs."""
    async with Operator.at(running.http_url) as operator:
        for name, password in ((ACTOR, told.word("wrong log-in")), (told.word("name of nobody"), PASSWORD)):
            shown = await operator.log_in(name, password)
            assert shown.status == 200
        assert (await operator.log_in(ACTOR, PASSWORD)).status == 302


async def what_operators_see(running: Server, told: Secrets, keys: Keys) -> None:
    """While a call is open at a table with a password, and all the others lie behind."""
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
        told.keep("TURN credential of a client", ada.welcome["ice_servers"][1]["credential"])
        for peer in (ada, bob):
            await peer.send("join", table="camelot", password=told.word("table's password"))
            await peer.expect("joined")
        await guess_a_password(running, told)
        call = await ada.dial(bob.id, told.description("offer", "offer at a table"), table="camelot")
        await bob.expect("offer")
        await bob.answer(call, told.description("answer", "answer at a table"))
        await ada.expect("answer", call=call)
        await ada.trickle(call, told.candidate("candidate at a table"))
        await ada.send("report", call=call, state="failed", local="host", remote=told.word("type in a report"), id="1")
        await ada.send("report", call=call, state="failed", local="host", id="2")
        await ada.expect("ack", id="2")
        await pages_of_operators(running, told, keys, ada.id, call)
        await a_scrape(running, told)
        await asyncio.to_thread(the_control_socket, running, told)


async def guess_a_password(running: Server, told: Secrets) -> None:
    async with Peer.welcomed(running.ws_url) as mallory:
        await mallory.send("join", table="camelot", password=told.word("wrong table's password"))
        await mallory.expect("error", code="table_password")


async def pages_of_operators(running: Server, told: Secrets, keys: Keys, peer: str, call: str) -> None:
    """All of them, with whole addresses, for one who may see everything; and the history."""
    async with Operator.at(running.http_url, cookies={"sessionid": keys[ADMINISTRATOR]}) as operator:
        pages = await operator.everything("/status/sessions/?addresses=1", f"/status/sessions/{peer}/?addresses=1")
    assert {f"/status/calls/{call}/", "/status/table/camelot/", "/status/admin/logentry/"} <= pages.keys()
    assert sum(path.startswith("/status/calls/") for path in pages) > 8
    for path, page in pages.items():
        assert page.status in (200, 404, 405), (path, page.status)
        assert_not_in(told, page)
        assert not [word for word in (ADDRESS, *PRIVATE) if word.encode() in page.body], path


async def a_scrape(running: Server, told: Secrets) -> None:
    """Metrics count, and name nobody."""
    metrics = await request("GET", f"{running.http_url}/metrics")
    assert metrics.status == 200
    assert_not_in(told, metrics)
    assert ADDRESS.encode() not in metrics.body


def the_control_socket(running: Server, told: Secrets) -> None:
    """All that it tells of sessions."""
    with connected(running.folder / "roundtable.sock") as client:
        for question in (Sessions(per_page=1_000), HowFar()):
            said = Reply(200, {}, msgspec.json.encode(client.ask(question)))
            assert_not_in(told, said)
            assert ADDRESS.encode() not in said.body


def told_offer(told: Secrets, to: str | None = None, at: str = "") -> bytes:
    description = told.description("offer", f"offer by HTTP to {at or 'a peer'}")
    return offer(to or NIL_UUID, at, call=answerers.CALL, description=description)


def assert_not_in(told: Secrets, reply: Reply) -> None:
    assert not [what for what, word in told.words.items() if word.encode() in reply.body]


def files_in(folder: Path) -> Iterator[Path]:
    """All files below, but for the configuration and what tools keep for themselves."""
    for directory, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in OF_TOOLS]
        files = (Path(directory) / name for name in names if name not in ("config.yaml", "secret.key"))
        yield from (file for file in files if not file.is_socket())


def found(told: Secrets, files: Iterable[Path]) -> list[tuple[str, str]]:
    """Which of them are in which files."""
    texts = ((file.name, file.read_bytes()) for file in files)
    return [(what, name) for name, text in texts for what, word in told.words.items() if word.encode() in text]
