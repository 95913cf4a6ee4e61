"""The core under inputs that nobody thought of: mutations of the corpus and of good conversations, by seed.

`make fuzz` does the same to a real server, for longer.
"""

import random

import pytest

from tests.core.client import Client
from tests.core.scene import Scene
from tests.core.tracewords import check_words
from tests.core.wording import ADA, BOB, NOBODY
from tests.material import texts
from tests.mutations import Mutator

MATERIAL = texts()
PEERS = [ADA, BOB, NOBODY]
MESSAGES = 400


class Crowd:
    """Three clients who say anything to each other; who is closed or leaves comes again."""

    def __init__(self, seed: int) -> None:
        self.scene = Scene(messages_burst=10_000, connections_per_address=4, failures=1_000)
        self.mutator = Mutator(seed, MATERIAL)
        self.chance = random.Random(seed)
        self.clients = [self.scene.connect() for _ in PEERS]
        self.said: list[bytes] = []

    def go_on(self) -> None:
        """One of them says something, or goes, or time passes."""
        place = self.chance.randrange(len(self.clients))
        if self.clients[place].closed is not None or self.chance.random() < 0.01:
            self.scene.lose(self.clients[place])
            self.clients[place] = self.scene.connect()
        client = self.clients[place]
        if client.welcome is None and self.chance.random() < 0.7:
            client.hello(peer=PEERS[place])
        if self.chance.random() < 0.02:
            self.scene.wait(self.chance.choice((0.1, 5, 31)))
        self.say(client)

    def say(self, client: Client) -> None:
        octets = self.mutator.input() if self.chance.random() < 0.6 else self.chance.choice(MATERIAL)
        self.said.append(octets)
        try:
            text = octets.decode()  # the WebSocket lets nothing else through
        except UnicodeDecodeError:
            self.scene.receive_binary(client)
        else:
            client.write(text)

    def leave(self) -> None:
        """All of them."""
        for client in self.clients:
            self.scene.lose(client)
        self.scene.wait(3_600)


@pytest.mark.parametrize("seed", range(12))
def test_r23_no_mutation_upsets_the_core_and_nothing_is_left_of_it(seed: int) -> None:
    crowd = Crowd(seed)
    for _ in range(MESSAGES):
        try:
            crowd.go_on()
        except Exception as fault:
            raise AssertionError(f"seed {seed}, message {len(crowd.said)}: {crowd.said[-1][:500]!r}") from fault
    crowd.leave()
    for trace in crowd.scene.switchboard.calling.journal.traces():
        check_words(trace)
    assert set(crowd.scene.registries().values()) == {0}
