"""Every limit that the core enforces: exactly at it, one past it, and what is free again afterwards."""

import uuid
from collections.abc import Iterator

import pytest

from signalling.codes import CloseCode, ErrorCode
from signalling.identity import encode_proof
from signalling.refusals import Refusal
from signalling.sessions import MAX_ENDED_CALLS
from tests.core.client import Client
from tests.core.scene import ANSWERER, Scene, identifier, new_proof
from tests.core.wording import ADA, BOB, CALL, EVE, LARGER, NOBODY, SMALLER, ack, error, refusal

CALLS = [str(uuid.UUID(int=(number << 96) + 7)) for number in range(1, 200)]


def dialled_in_vain(client: Client, to: Client | str, call: str) -> str:
    """The code with which an offer is refused."""
    client.takes()
    client.dial(to, call)
    return str(client.takes_one()["code"])


# Connections


def test_connections_in_all() -> None:
    scene = Scene(connections=3)
    clients = [scene.connect(source=f"192.0.2.{number}") for number in range(3)]
    one_more = scene.connect(source="192.0.2.99")
    assert one_more.closed == CloseCode.TOO_MANY_CONNECTIONS
    assert [client.closed for client in clients] == [None] * 3
    scene.lose(one_more)
    scene.lose(clients[0])
    assert scene.connect().closed is None


def test_t23_those_that_are_refused_take_nobodys_place() -> None:
    """They stay until they have closed, and whoever is refused may take his time for that."""
    scene = Scene(connections=4, connections_per_address=2)
    for _ in range(10):
        scene.connect(source="192.0.2.66")
    assert [scene.connect(source=f"192.0.2.{number}").closed for number in range(2)] == [None, None]
    assert len(scene.switchboard.connections) == 4


def test_t23_connections_from_one_address_and_those_open_are_not_touched() -> None:
    scene = Scene(connections_per_address=2)
    clients = [scene.peer() for _ in range(2)]
    one_more = scene.connect()
    assert one_more.closed == CloseCode.TOO_MANY_CONNECTIONS
    one_more.hello()
    assert one_more.takes() == []
    assert all(client.is_served() for client in clients)
    assert scene.connect(source="192.0.2.2").closed is None
    scene.lose(one_more)
    scene.lose(clients[0])
    assert scene.connect().closed is None


@pytest.mark.parametrize("seconds", [0.5, 5])
def test_seconds_until_hello(seconds: float) -> None:
    scene = Scene(hello_seconds=seconds)
    client = scene.connect()
    scene.wait(seconds - 0.01)
    assert client.closed is None
    scene.wait(0.01)
    assert client.closed == CloseCode.NO_HELLO


# Messages


def test_bytes_of_a_message() -> None:
    client = Scene(message_bytes=4_096).peer()
    for filling in ("x", "ä", "😀"):
        frame = '{"type":"ping","id":"p","x":"%s"}'
        room = 4_096 - len(frame % "")
        size = len(filling.encode())
        text = frame % (filling * (room // size) + "x" * (room % size))
        client.write(text)
        assert client.takes_one() == {"type": "pong", "id": "p"}
        client.write(text.replace("x", "xx", 1))
        assert client.takes_one() == error("too_large")
    assert client.is_served()


def test_t22_the_burst_passes_then_messages_are_rate_limited_then_the_connection_is_closed() -> None:
    scene = Scene()
    client = scene.peer()
    for number in range(1_000):
        client.say("ping", id=str(number))
    frames = client.takes()
    assert [frame["type"] for frame in frames] == ["pong"] * 599 + ["error"] * 100  # hello was the first of 600
    assert frames[599] == refusal("rate_limited", "599", "ping", None, retry_after=1)
    assert client.closed == CloseCode.RATE_LIMITED


def test_t22_a_flood_of_one_session_is_nothing_to_the_others() -> None:
    scene = Scene()
    ada, bob, mallory = scene.peer(ADA), scene.peer(BOB), scene.peer(EVE)
    for number in range(1_000):
        mallory.say("ping")
        if number % 250 == 0:
            scene.established(ada, bob, CALLS[number // 250])
    assert mallory.closed == CloseCode.RATE_LIMITED
    assert (ada.takes(), bob.takes()) == ([], [])


def test_messages_are_taken_up_again_at_their_rate() -> None:
    scene = Scene(messages_burst=3, messages_per_second=2)
    client = scene.peer()
    for _ in range(4):
        client.say("ping", id="p")
    assert [frame["type"] for frame in client.takes()] == ["pong", "pong", "error", "error"]
    scene.wait(0.5)
    assert client.is_served()
    client.say("ping", id="p")
    assert client.takes_one()["code"] == "rate_limited"


def test_who_is_a_little_too_fast_stays() -> None:
    scene = Scene(messages_burst=1, messages_per_second=1, refused_messages=3)
    client = scene.peer()
    scene.wait(1)
    for _ in range(100):
        client.say("ping")
        client.say("ping")
        scene.wait(1)
    assert client.is_served()


def test_a_steady_flood_is_closed_though_some_of_it_is_taken_up() -> None:
    scene = Scene(messages_burst=1, messages_per_second=1, refused_messages=3)
    client = scene.connect()
    for _ in range(4):
        for _ in range(3):
            client.say("ping")
        scene.wait(1)
    assert client.closed == CloseCode.RATE_LIMITED


def test_a_flood_of_messages_that_are_too_large_is_closed() -> None:
    scene = Scene(messages_burst=1, messages_per_second=1, refused_messages=3, message_bytes=4096)
    client = scene.connect()
    for _ in range(4):
        assert client.closed is None
        client.write("x" * 4097)
    assert client.closed == CloseCode.RATE_LIMITED


MISBEHAVIOUR = ["{", "[]", '{"type":1}', '{"type":"join"}', '{"type":"offer"}', '{"type":"ping","id":1}']


@pytest.mark.parametrize("text", [*MISBEHAVIOUR, None], ids=[*MISBEHAVIOUR, "binary"])
@pytest.mark.parametrize("welcome", [True, False])
def test_the_tenth_misbehaviour_within_a_minute_closes_the_connection(text: str | None, welcome: bool) -> None:
    scene = Scene(hello_seconds=100)
    client = scene.peer() if welcome else scene.connect()
    for number in range(10):
        assert client.closed is None, number
        if text is None:
            scene.receive_binary(client)
        else:
            client.write(text)
        scene.wait(6.6)
    assert len(client.takes()) == 10
    assert client.closed == CloseCode.PROTOCOL_ERROR
    assert scene.switchboard.peers == {}


def test_misbehaviour_is_forgotten_after_a_minute() -> None:
    scene = Scene()
    client = scene.peer()
    for _ in range(30):
        client.write("{")
        scene.wait(60 / 9)
    assert client.closed is None


def test_other_refusals_are_no_misbehaviour() -> None:
    scene = Scene(unknown_peers=1_000)
    client = scene.peer()
    for _ in range(100):
        client.hello()
        client.dial(NOBODY)
        client.dial("nonsense")
        client.trickle(SMALLER)
    assert client.closed is None


def test_misbehaviour_counts_though_it_comes_too_fast() -> None:
    scene = Scene(messages_burst=1, messages_per_second=0.001)
    client = scene.peer()
    for _ in range(10):
        client.write("{")
    assert client.closed == CloseCode.PROTOCOL_ERROR


# Calls


@pytest.fixture
def calls() -> Iterator[str]:
    return iter(CALLS)


def test_open_calls_of_a_caller(calls: Iterator[str]) -> None:
    scene = Scene(open_calls=3)
    ada, bob, eve = scene.peer(ADA), scene.peer(BOB), scene.peer(EVE)
    scene.established(ada, bob, next(calls))
    scene.established(eve, ada, next(calls))
    scene.dialled(ada, bob, third := next(calls))
    assert dialled_in_vain(ada, eve, next(calls)) == "limit_exceeded"
    assert dialled_in_vain(ada, identifier(EVE), next(calls)) == "limit_exceeded"
    ada.hang_up(third)
    ada.dial(eve, next(calls))
    assert ada.takes_one() == ack("dial")


def test_open_calls_of_a_callee(calls: Iterator[str]) -> None:
    scene = Scene(open_calls=2)
    ada, bob, eve = scene.peer(ADA), scene.peer(BOB), scene.peer(EVE)
    for caller in (bob, eve):
        scene.established(caller, ada, next(calls))
    assert dialled_in_vain(bob, ada, next(calls)) == "limit_exceeded"
    with pytest.raises(Refusal) as caught:
        scene.post(ada, from_=NOBODY)
    assert caught.value.code == ErrorCode.LIMIT_EXCEEDED
    ada.say("bye")
    assert scene.peer(ADA).peer == ADA


def test_unanswered_calls_to_one_callee_from_one_session(calls: Iterator[str]) -> None:
    scene = Scene()
    ada, bob, eve = scene.peer(ADA), scene.peer(BOB), scene.peer(EVE)
    answered = next(calls)
    scene.dialled(ada, bob, answered)
    scene.dialled(ada, bob, next(calls))
    assert dialled_in_vain(ada, bob, next(calls)) == "limit_exceeded"
    ada.dial(eve, next(calls))
    assert ada.takes_one() == ack("dial")
    bob.answer(answered)
    ada.takes()
    ada.dial(bob, next(calls))
    assert ada.takes_one() == ack("dial")


def test_unanswered_calls_to_one_callee_from_one_source(calls: Iterator[str]) -> None:
    scene = Scene(unanswered_per_source=3)
    callee = scene.peer(source="203.0.113.1")
    for _ in range(2):
        scene.peer().dial(callee, next(calls))
    caller = scene.post(callee, call=next(calls))
    assert dialled_in_vain(scene.peer(), callee, next(calls)) == "limit_exceeded"
    with pytest.raises(Refusal) as caught:
        scene.post(callee, call=next(calls))
    assert (caught.value.code, caught.value.retry_after) == (ErrorCode.LIMIT_EXCEEDED, 5)
    other = scene.peer(source="192.0.2.2")
    other.dial(callee, next(calls))
    assert other.takes_one() == ack("dial")
    scene.withdraw(caller)
    scene.post(callee, call=next(calls))


def test_unanswered_calls_to_one_callee_in_all(calls: Iterator[str]) -> None:
    scene = Scene(unanswered_per_callee=3)
    callee = scene.peer(source="203.0.113.1")
    for number in range(3):
        scene.peer(source=f"192.0.2.{number}").dial(callee, next(calls))
    assert dialled_in_vain(scene.peer(source="192.0.2.9"), callee, next(calls)) == "limit_exceeded"
    callee.reject(CALLS[0])
    fourth = scene.peer(source="192.0.2.9")
    fourth.dial(callee, next(calls))
    assert fourth.takes_one() == ack("dial")


def test_seconds_for_which_an_ended_call_is_remembered() -> None:
    scene = Scene(ended_call_seconds=2)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    scene.established(ada, bob)
    ada.hang_up()
    scene.wait(1.9)
    ada.trickle(id="c")
    assert ada.takes_one() == ack("c", "dropped")
    scene.wait(0.1)
    ada.trickle(id="c")
    assert ada.takes_one() == refusal("call_unknown", "c", "candidate")


def test_ended_calls_that_a_session_remembers_are_bounded() -> None:
    scene = Scene(messages_burst=100_000, unknown_peers=100_000)
    client = scene.peer()
    for number in range(MAX_ENDED_CALLS + 50):
        client.dial(NOBODY, str(uuid.UUID(int=number)))
    session = client.connection.session
    assert session is not None
    assert len(session._ended) == MAX_ENDED_CALLS
    client.takes()
    client.trickle(str(uuid.UUID(int=number)), id="c")
    assert client.takes_one() == ack("c", "dropped")


# Guessing


def test_t27_unknown_peers_that_one_source_dials() -> None:
    scene = Scene(unknown_peers=3, unknown_peers_seconds=10)
    ada, bob = scene.peer(ADA), scene.peer(BOB, source="192.0.2.2")
    for number in range(2):
        assert dialled_in_vain(ada, NOBODY, CALLS[number]) == "peer_unavailable"
    with pytest.raises(Refusal) as caught:
        scene.post(NOBODY, from_=EVE)
    assert caught.value.code == ErrorCode.PEER_UNAVAILABLE
    scene.wait(4)
    for peer in (NOBODY, BOB):  # who is here and who is not is the same from now on
        ada.dial(peer)
        assert ada.takes_one() == refusal("rate_limited", "dial", "offer", retry_after=6)
    with pytest.raises(Refusal) as caught:
        scene.post(bob, from_=EVE)
    assert caught.value.code == ErrorCode.RATE_LIMITED
    assert dialled_in_vain(bob, NOBODY, SMALLER) == "peer_unavailable"
    scene.wait(6)
    ada.dial(bob, LARGER)
    assert ada.takes_one() == ack("dial")


@pytest.mark.parametrize("failures", [1, 4])
def test_t27_failed_proofs_of_one_source_for_one_peer(failures: int) -> None:
    scene = Scene(failures=failures, failures_seconds=60)
    peer, proof = new_proof()
    codes = []
    for _ in range(failures + 2):
        thief = scene.connect()
        thief.hello(peer=peer, proof=encode_proof(bytes(32)))
        codes.append(thief.closed)
        scene.lose(thief)
    assert codes == [CloseCode.IDENTITY_TAKEN] * failures + [CloseCode.RATE_LIMITED] * 2
    assert scene.peer(peer, proof=proof).peer == peer


# Offers over HTTP


@pytest.mark.parametrize("to", [("callee",), (EVE, ANSWERER)])
def test_posts_of_one_source(to: tuple[str, ...]) -> None:
    scene = Scene(posts_burst=3, posts_per_second=0.25)
    callee = scene.peer(source="203.0.113.1")
    to = (callee.peer,) if to == ("callee",) else to
    for number in range(3):
        scene.post(*to, call=CALLS[number])
    with pytest.raises(Refusal) as caught:
        scene.post(*to, call=CALLS[3])
    assert caught.value.code == ErrorCode.RATE_LIMITED
    assert caught.value.retry_after == pytest.approx(4)
    scene.post(*to, call=CALLS[4], source="192.0.2.2")
    scene.wait(4)
    scene.post(*to, call=CALLS[5])


def test_t27_who_is_here_is_not_found_out_by_claiming_to_be_them_without_limit() -> None:
    scene = Scene(posts_burst=3, posts_per_second=0.25)
    scene.peer(ADA)
    codes = []
    for _ in range(5):
        with pytest.raises(Refusal) as caught:
            scene.post(NOBODY, from_=ADA)
        codes.append(str(caught.value.code))
    assert codes == ["identity_taken"] * 3 + ["rate_limited"] * 2


# Bounded tables


def test_what_the_limiters_remember_is_bounded() -> None:
    scene = Scene(tracked=10, connections_per_address=1_000)
    for number in range(50):
        client = scene.connect(source=f"192.0.2.{number}")
        client.hello(peer=new_proof(number)[0])
        client = scene.peer(source=f"192.0.2.{number}")
        client.dial(NOBODY)
        scene.post(EVE, ANSWERER, from_=BOB, source=f"192.0.2.{number}", call=CALLS[number])
    dialling, greeting = scene.switchboard._dialling, scene.switchboard._greeting
    assert len(dialling._unknown) == len(dialling._posts) == len(greeting._failures) == 10


def test_t32_after_many_come_and_go_every_registry_is_empty() -> None:
    scene = Scene(connections_per_address=10_000, unknown_peers=10_000, messages_burst=10_000)
    dialler = scene.peer()
    for number in range(2_000):
        client = scene.peer()
        client.dial(dialler, CALL)
        dialler.dial(str(uuid.UUID(int=number + 1)), str(uuid.UUID(int=number)))
        scene.lose(client)
    scene.wait(scene.limits.resume_seconds)
    assert scene.registries() == {
        name: 1 if name in {"connections", "addresses", "peers"} else 0 for name in scene.registries()
    }
    scene.part(dialler)
    assert set(scene.registries().values()) == {0}
    scene.wait(75)
    assert scene.switchboard.next_deadline() is None
