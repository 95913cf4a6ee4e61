"""The attempts of the fuzz: each input of the corpora as it stands, and mutations of all, by seed."""

import random
import uuid
from collections.abc import Iterator
from itertools import count

from tests import httpcorpus, material
from tests.core.corpus import BadInput, read_corpus
from tests.core.wording import ADA, BOB, CALL
from tests.faults.attempts import Attempt, Kind
from tests.faults.placing import Peers
from tests.mutations import Mutator

GIVEN = ("silent", "welcome", "dialling", "ringing", "established", "complete", "ended", "bystander")
_SHARES: dict[Kind, int] = {"texts": 5, "request": 4, "frames": 2, "handshake": 1}


def corpora(seed: int) -> list[Attempt]:
    """All bad inputs of both corpora, each with what it gets."""
    chance = random.Random(f"{seed} corpora")
    texts = [_bad_input(bad, _peers(chance)) for bad in read_corpus() if all(isinstance(f, str) for f in bad.frames)]
    return texts + [_bad_request(bad) for bad in httpcorpus.read_corpus()]


def mutations(seed: int) -> Iterator[Attempt]:
    """Without end; the same ones for the same seed."""
    kinds = list(_SHARES)
    sources = {
        "texts": Mutator(f"{seed} texts", material.texts()),
        "frames": Mutator(f"{seed} frames", material.frames()),
        "request": Mutator(f"{seed} request", material.requests()),
        "handshake": Mutator(f"{seed} handshake", material.handshakes()),
    }
    chance = random.Random(f"{seed} attempts")
    for number in count(1):
        kind = chance.choices(kinds, list(_SHARES.values()))[0]
        yield _mutation(f"seed {seed}, mutation {number}", kind, sources[kind], chance)


def _mutation(name: str, kind: Kind, mutator: Mutator, chance: random.Random) -> Attempt:
    if kind == "texts":
        peers = _peers(chance)
        octets = [_renamed(mutator.input(), peers) for _ in range(chance.choice((1, 1, 3, 8)))]
        return Attempt(name, kind, tuple(octets), given=chance.choice(GIVEN), peers=peers)
    if kind == "frames":
        octets = [mutator.changed_octets(chance.choice(mutator.material)).decode("latin-1")]
        return Attempt(name, kind, tuple(octets))
    octets = [mutator.mutated_request(chance.choice(mutator.material)).decode("latin-1")]
    return Attempt(name, kind, tuple(octets), patience_seconds=3.5 if chance.random() < 0.05 else 0.2)


def _bad_input(bad: BadInput, peers: Peers) -> Attempt:
    texts = tuple(_renamed(frame.encode(), peers) for frame in bad.frames if isinstance(frame, str))
    return Attempt(
        bad.name, "texts", texts, given=bad.given, peers=peers, code=bad.code, state=bad.state, close=bad.close
    )


def _bad_request(bad: httpcorpus.BadRequest) -> Attempt:
    text = bad.octets.decode("latin-1")
    return Attempt(bad.name, "request", (text,), patience_seconds=5, status=bad.status, code=bad.code)


def _peers(chance: random.Random) -> Peers:
    own, other, call = (str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(3))
    return own, other, call


def _renamed(octets: bytes, peers: Peers) -> str:
    """With ids that nobody else has at the time."""
    for name, own in zip((ADA, BOB, CALL), peers, strict=True):
        octets = octets.replace(name.encode(), own.encode())
    return octets.decode("latin-1")
