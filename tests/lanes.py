"""The two lanes of the launcher's daphne, and its uvicorn: tests of its fences run on each.

A plug-in, for a conftest.py of tests/server would have one process run all that is there (tests/sharing.py).
"""

from collections.abc import Iterator

import pytest

from tests.serverprocess import LANE, LANES, ON_UVICORN


@pytest.fixture(scope="module", params=LANES)
def lane(request: pytest.FixtureRequest) -> Iterator[str]:
    """On which `serve` serves; a server that outlives a test must be made by a fixture that asks for this one."""
    yield from on_lane(request.param)


@pytest.fixture(scope="module", params=[*LANES, ON_UVICORN])
def every_lane(request: pytest.FixtureRequest) -> Iterator[str]:
    """The same, and uvicorn."""
    yield from on_lane(request.param)


@pytest.fixture(scope="module", params=[LANES[0], ON_UVICORN])
def either_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """For what both lanes of daphne do by the same code."""
    yield from on_lane(request.param)


def on_lane(chosen: str) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LANE, chosen)
        yield chosen
