"""One server of each program, for all the tests here that leave it as it was."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.programs.commands import PROGRAMS, in_the_readme
from tests.serverprocess import Program, Server, server

CONFIG = {
    "timeout": 2,
    "forwardallow": ["127.0.0.0/8", "::1/128"],
    "allowedorigins": ["https://app.example"],
}


@pytest.fixture(scope="package")
def servers() -> Iterator[Callable[[Program], Server]]:
    """Starts each program when it is first asked for."""
    started: dict[Program, Server] = {}
    with ExitStack() as stack:

        def running(program: Program) -> Server:
            if program not in started:
                started[program] = stack.enter_context(server(CONFIG, program=in_the_readme(program)))
            return started[program]

        yield running


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> Program:
    """Each of the four, in turn."""
    way: Program = request.param
    return way


@pytest.fixture
def running(program: Program, servers: Callable[[Program], Server]) -> Server:
    """The server of this program."""
    return servers(program)
