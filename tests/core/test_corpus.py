"""Every bad input of the corpus: refused as it says, and nobody else notices."""

import pytest

from tests.core.client import Client
from tests.core.corpus import BadInput, read_corpus
from tests.core.scene import Scene
from tests.core.tracewords import check_words
from tests.core.wording import ADA, BOB, SMALLER

CORPUS = read_corpus()


def placed(scene: Scene, given: str, partner: Client) -> Client:
    """The client that will send the bad input, as far as the corpus says that it has got."""
    if given.startswith("bystander"):
        scene.established(partner, scene.peer())
    client = scene.connect()
    if not given.endswith("silent"):
        client.hello(peer=ADA)
    if given == "dialling":
        scene.dialled(client, partner)
    elif given == "ringing":
        scene.dialled(partner, client)
    elif given in {"established", "complete", "ended"}:
        scene.established(client, partner, trickle=given != "complete")
    if given == "ended":
        partner.hang_up()
    client.takes()
    partner.takes()
    return client


def send(scene: Scene, client: Client, frame: str | bytes) -> None:
    if isinstance(frame, bytes):
        scene.receive_binary(client)
    else:
        client.write(frame)


@pytest.mark.parametrize("bad", CORPUS, ids=[bad.name for bad in CORPUS])
def test_a_bad_input_is_refused_and_nobody_else_notices(bad: BadInput) -> None:
    scene = Scene()
    partner = scene.peer(BOB)
    client = placed(scene, bad.given, partner)
    open_calls = scene.registries()["calls"]
    for frame in bad.frames:
        client.takes()
        send(scene, client, frame)

    reply = client.takes_one()
    assert (reply.get("code"), reply.get("state")) == (bad.code, bad.state)
    assert client.closed == bad.close
    if bad.close is None:
        assert client.is_served()
        assert scene.registries()["calls"] == open_calls
    assert partner.takes() == []
    assert partner.is_served()
    scene.established(scene.peer(), partner, SMALLER)


@pytest.mark.parametrize("bad", CORPUS, ids=[bad.name for bad in CORPUS])
def test_a_bad_input_leaves_nothing_behind(bad: BadInput) -> None:
    scene = Scene()
    client = placed(scene, bad.given, scene.peer(BOB))
    for frame in bad.frames:
        send(scene, client, frame)
    for trace in scene.switchboard.calling.journal.traces():
        check_words(trace)
    for connection in list(scene.switchboard.connections):
        scene.switchboard.lose(connection, scene.now)
    scene.wait(scene.limits.resume_seconds)
    assert set(scene.registries().values()) == {0}


def test_the_corpus_is_large_and_says_one_thing_each() -> None:
    names = [bad.name for bad in CORPUS]
    assert len(names) >= 60
    assert len(set(names)) == len(names)
    assert all((bad.code is None) != (bad.state is None) for bad in CORPUS)
    assert max(len(frame) for bad in CORPUS for frame in bad.frames) <= 65_536
