"""The two lanes of the launcher: tests of its fences of WebSockets run on each.

A plug-in, for a conftest.py of tests/server would have one process run all that is there (tests/sharing.py).
"""

from collections.abc import Iterator

import pytest

from tests.serverprocess import LANE, LANES


@pytest.fixture(scope="module", params=LANES)
def lane(request: pytest.FixtureRequest) -> Iterator[str]:
    """On which `serve` serves; a server that outlives a test must be made by a fixture that asks for this one."""
    chosen: str = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LANE, chosen)
        yield chosen
