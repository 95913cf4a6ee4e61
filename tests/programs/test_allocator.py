"""Another allocator, as docs/deployment.md has it: the server runs in it, and says nothing of it."""

import pytest

from tests.programs.commands import with_jemalloc
from tests.serverprocess import Program, server
from tests.wsclient import Peer


@pytest.mark.parametrize("program", ["serve", "uvicorn"])
async def test_the_server_runs_with_jemalloc(program: Program) -> None:
    with server(program=program, environment=with_jemalloc()) as running:
        async with Peer.welcomed(running.ws_url):
            assert "/libjemalloc.so.2" in running.mapped
        assert "jemalloc" not in running.log, "neither the loader nor the library complains"
