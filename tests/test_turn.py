"""TURN credentials that expire, as coturn's `use-auth-secret` checks them."""

import json
from pathlib import Path

import pytest

from roundtable.config import load
from signalling.turn import IceServers, Turn, ephemeral
from tests.core.scene import Scene
from tests.core.wording import ADA

TURN = Turn(["turn:turn.example.org:3478"], "hunter2", 600)


def test_the_user_name_says_until_when_and_the_password_is_its_hmac() -> None:
    # printf '1700000600:p' | openssl dgst -sha1 -hmac hunter2 -binary | base64
    assert ephemeral(TURN, "p", 1_700_000_000.9) == {
        "urls": ["turn:turn.example.org:3478"],
        "username": "1700000600:p",
        "credential": "0OtO7cOkzAQk4EA+Y1EY3cxqlpk=",
    }


def test_without_turn_the_servers_are_those_of_the_configuration_and_last_for_ever() -> None:
    servers = [{"urls": ["stun:stun.example.org"]}]
    assert IceServers(servers).offering("p", 0) == (servers, None)


def test_each_peer_gets_its_own_after_those_of_the_configuration() -> None:
    ice = IceServers([{"urls": ["stun:stun.example.org"]}], TURN)
    ada, bob = ice.offering("ada", 1_700_000_000), ice.offering("bob", 1_700_000_000)
    assert ada.ttl == 600
    assert [server.get("username") for server in ada.servers] == [None, "1700000600:ada"]
    assert ada.servers[1]["credential"] != bob.servers[1]["credential"]


@pytest.mark.parametrize(
    ("ice", "has_stun", "has_turn"),
    [
        (IceServers([]), False, False),
        (IceServers([{"urls": ["stun:stun.example.org"]}]), True, False),
        (IceServers([{"urls": ["stun:a.example", "turns:b.example"], "username": "u", "credential": "c"}]), True, True),
        (IceServers([{"urls": "turn:b.example", "username": "u", "credential": "c"}]), True, True),
        (IceServers([], TURN), True, True),
    ],
    ids=["none", "stun", "turns among others", "one turn", "coturn"],
)
def test_it_knows_what_clients_are_offered(ice: IceServers, has_stun: bool, has_turn: bool) -> None:
    assert (ice.has_stun, ice.has_turn) == (has_stun, has_turn)


def test_a_client_gets_them_in_its_welcome_and_fresh_ones_when_it_asks() -> None:
    now = [1_700_000_000.0]
    ice = IceServers([], TURN)
    scene = Scene()
    scene.ice = lambda peer: ice.offering(peer, now[0])
    client = scene.connect()
    client.hello(peer=ADA)
    welcome = client.takes_one()
    assert (welcome["ice_ttl"], welcome["ice_servers"][0]["username"]) == (600, f"1700000600:{ADA}")
    now[0] += 500
    client.say("ice_servers", id="i")
    assert client.takes_one()["ice_servers"][0]["username"] == f"1700001100:{ADA}"


def test_the_secret_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps({"turn": {"urls": "turn:turn.example.org", "secret": "hunter2"}}))
    configuration = load(file).configuration
    assert configuration.turn == Turn(["turn:turn.example.org"], "hunter2", 3_600)
    assert "hunter2" not in f"{configuration!r} {configuration} {configuration.turn!r}"
