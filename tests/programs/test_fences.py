"""The table of fences in docs/deployment.md: what each program does about each of them, measured, cell by cell."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests import test_readme
from tests.documents import read_markdown, section, table
from tests.programs import fences_of_application as application
from tests.programs import fences_of_requests as requests
from tests.programs import fences_of_sockets as sockets
from tests.programs import fences_of_the_end as end
from tests.programs.commands import PRODUCTION
from tests.programs.places import Place
from tests.serverprocess import Program

pytestmark = pytest.mark.timeout(240)
"""Whichever test comes first waits until everything is measured."""

FENCES: dict[str, Callable[[Place], Awaitable[str]]] = {
    "too many messages: `rate_limited`, then 4003": application.rate_of_messages,
    "malformed messages: 4500": application.misbehaviour,
    "no `hello` in time: 4005": application.late_hello,
    "too many WebSockets of one address: 4004": application.many_connections,
    "too many offers of one source: 429": application.rate_of_offers,
    "forwarding headers are believed of `trustedproxies` only, and read from the right": application.forged_addresses,
    "pages of other origins: 403": application.other_origins,
    "WebSockets on other paths: 403": application.other_paths,
    "a `Daphne-Root-Path` has no effect": application.root_path,
    "a body over 64 KiB, on any path: 413": requests.large_body,
    "a large body is refused before the rest of it has come": requests.body_unread,
    "a body that does not come in time: 408": requests.slow_body,
    "a head that does not come in time: 408": requests.slow_head,
    "HTTP connections of one address are counted": requests.many_connections,
    "requests that two servers read differently: 400": requests.ambiguity,
    "a message over 64 KiB: 1009": sockets.large_message,
    "text that is no UTF-8: 1007": sockets.invalid_text,
    "a breach of the WebSocket protocol: 1002": sockets.broken_frame,
    "the raw frames of `tests/corpus` get what they should": sockets.raw_frames,
    "a reason comes with each close code": sockets.reasons,
    "no compression": sockets.compression,
    "a client that answers no ping: 4002": sockets.silence,
    "frames faster than they are taken up: reading pauses": sockets.backpressure,
    "a client that does not read is cut off": sockets.slow_reader,
    "a flood of pings or tiny fragments: 4003": sockets.small_frames,
    "SIGTERM: `going_away`, then 4000": end.told,
    "SIGTERM: offers over HTTP get their response": end.in_flight,
    "SIGTERM: gone in time, whatever clients do": end.gone,
    "SIGTERM: 1012 for what the application leaves open": end.left_open,
    "a wall clock that jumps ends nothing": end.wall_clock,
    "the soft limit of open files is raised": requests.open_files,
}
BY_THE_APPLICATION = 10
"""The first so many are the application's own, and so the same everywhere."""
ROWS = {
    row["fence"].strip(): row for row in table(section(read_markdown("deployment.md"), "What each keeps off"), "fence")
}


UVICORN_DEVIATES = {
    "6.4.1 a fragment beyond Unicode is refused before the last one comes",  # only when the message is whole
    "6.4.2 a fragment that ends at the first impossible octet is refused before the last one comes",
    "6.4.3 a frame that goes beyond Unicode is refused before its rest comes",
    "6.4.4 a frame is refused at its first impossible octet before its rest comes",
    "7.1.5 a close within a message",  # a breach of the protocol, 1002
    "7.3.1 an empty close",  # answered with an empty one
    "7.7.2 a close with 1001",  # answered with its own code
    "7.7.3 a close with 1002",
    "7.7.4 a close with 1003",
    "7.7.5 a close with 1007",
    "7.7.6 a close with 1008",
    "7.7.7 a close with 1009",
    "7.7.8 a close with 1010",
    "7.7.9 a close with 1011",
    "7.7.10 a close with 3000",
    "7.7.11 a close with 3999",
    "7.7.12 a close with 4000",
    "7.7.13 a close with 4999",
}


def in_a_word(cell: str) -> str:
    """What a cell says before it names the option that this takes."""
    return cell.partition(", with ")[0]


def cells_with_options() -> list[tuple[str, str]]:
    """The cells that name an option, which are daphne's: the fence and the option."""
    return [
        (fence, option.strip("`")) for fence, row in ROWS.items() if (option := row["daphne"].partition(", with ")[2])
    ]


Outcomes = Mapping[str, str | Exception]
"""What came of the measures, by fence; a failure is the business of the test of that cell."""


@pytest.fixture(scope="module")
def measured() -> Iterator[Callable[[Program, bool], Outcomes]]:
    """All programs at once, with the README's options and without: most of it is waiting."""
    bare = [fence for fence, _ in cells_with_options()]
    with ThreadPoolExecutor(len(PRODUCTION)) as pool:
        all_outcomes = {(program, True): pool.submit(measure, program, list(FENCES)) for program in PRODUCTION}
        all_outcomes["daphne", False] = pool.submit(measure, "daphne", bare, has_options=False)
        yield lambda program, has_options: all_outcomes[program, has_options].result()


def measure(program: Program, fences: Iterable[str], *, has_options: bool = True) -> Outcomes:
    return asyncio.run(measure_each(program, fences, has_options))


async def measure_each(program: Program, fences: Iterable[str], has_options: bool) -> Outcomes:
    """In one loop, which goes on until every connection of theirs has ended."""
    outcomes: dict[str, str | Exception] = {}
    with ExitStack() as stack:
        place = Place(program, stack, has_options=has_options)
        for fence in fences:
            try:
                outcomes[fence] = await FENCES[fence](place)
            except Exception as failure:
                outcomes[fence] = failure
    await asyncio.sleep(0.1)
    return outcomes


@pytest.mark.parametrize("program", PRODUCTION)
@pytest.mark.parametrize("fence", FENCES)
def test_a_cell_is_what_is_measured(
    fence: str, program: Program, measured: Callable[[Program, bool], Outcomes]
) -> None:
    assert measured(program, True)[fence] == in_a_word(ROWS[fence][program])


@pytest.mark.parametrize("fence, option", cells_with_options())
def test_without_the_option_that_a_cell_names_it_is_not_so(
    fence: str, option: str, measured: Callable[[Program, bool], Outcomes]
) -> None:
    assert option in test_readme.command("daphne")
    without = measured("daphne", False)[fence]
    assert isinstance(without, str), without
    assert without != in_a_word(ROWS[fence]["daphne"])


def test_bare_daphne_deviates_from_the_raw_frame_table_only_by_dropping_what_it_should_close() -> None:
    for title, (wanted, got) in sockets.deviations("daphne").items():
        assert wanted[-1] in ("close 1002", "close 1007", "close 1009"), title
        assert got == [*wanted[:-1], "dropped"], title


def test_uvicorn_deviates_from_the_raw_frame_table_only_where_it_is_named() -> None:
    assert set(sockets.deviations("uvicorn")) == UVICORN_DEVIATES


def test_the_table_has_all_fences_and_no_others() -> None:
    assert list(ROWS) == list(FENCES)


@pytest.mark.parametrize("fence", list(FENCES)[:BY_THE_APPLICATION])
def test_what_the_application_keeps_off_it_keeps_off_everywhere(fence: str) -> None:
    assert {in_a_word(ROWS[fence][program]) for program in PRODUCTION} == {"yes"}


def test_serve_keeps_off_everything() -> None:
    assert {row["serve"] for row in ROWS.values()} == {"yes", f"{len(sockets.CASES)} of {len(sockets.CASES)}"}
