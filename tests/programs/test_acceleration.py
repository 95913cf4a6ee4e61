"""A build of autobahn without its native code is noticed at start: a frame then costs several times as much."""

import pytest

from tests.programs.commands import in_the_readme
from tests.serverprocess import Program, server

NOTICE = "autobahn runs without its native code"


@pytest.mark.parametrize(("program", "times"), [("serve", 1), ("daphne", 1), ("uvicorn", 0)])
async def test_lacking_native_code_is_told_where_it_would_be_used(program: Program, times: int) -> None:
    with server(program=in_the_readme(program), environment={"AUTOBAHN_USE_NVX": "0"}) as running:
        assert (await running.whole_log()).count(NOTICE) == times


async def test_where_it_is_used_nothing_is_told() -> None:
    with server() as running:
        assert NOTICE not in await running.whole_log()
