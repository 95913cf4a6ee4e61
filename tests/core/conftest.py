"""The scene that most tests of the core begin with."""

import pytest

from tests.core.client import Client
from tests.core.scene import Scene
from tests.core.wording import ADA, BOB


@pytest.fixture
def scene() -> Scene:
    """A server with its default limits, and nobody there."""
    return Scene()


@pytest.fixture
def ada(scene: Scene) -> Client:
    """A peer, welcome."""
    return scene.peer(ADA)


@pytest.fixture
def bob(scene: Scene) -> Client:
    """Another."""
    return scene.peer(BOB)
