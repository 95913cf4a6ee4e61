"""R24: the table of raw frames. Only what the table says comes back, on either lane, and nobody else notices."""

from collections.abc import Mapping

import pytest

from tests.framecases import Case, read_cases
from tests.server.frameplay import Played, play

CASES = read_cases()

ANSWERED_TOO_LATE = frozenset(
    {
        "3.2 a text, one with RSV 2, and a ping, at once",
        "4.1.3 a text, opcode 5, and a ping, at once",
        "4.1.4 a text, opcode 6 with a payload, and a ping, at once",
        "4.2.3 a text, opcode 13, and a ping, at once",
        "4.2.4 a text, opcode 14 with a payload, and a ping, at once",
        "5.15 a text in two fragments, a fragment of no message, and a text, at once",
        "7.1.1 a text and a close, at once",
    }
)
"""The connection closes before the application has answered what came in the same segment; not so on the fast lane."""


@pytest.fixture(scope="module")
def played(lane: str) -> Mapping[str, Played]:
    """What came of each case, by its title."""
    return play(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_r24_a_case_gets_what_the_table_says(case: Case, played: Mapping[str, Played], lane: str) -> None:
    assert played[case.title].got == case.expected_on(lane) + ([] if case.is_closed else ["close 1000"])


def test_r24_a_good_peer_is_served_after_each_case(played: Mapping[str, Played]) -> None:
    assert {outcome.neighbour for outcome in played.values()} == {"pong"}


def test_r24_deviations_are_only_those_that_are_named() -> None:
    deviations = {case.title: case.deviation for case in CASES if case.deviation is not None}
    assert set(deviations) == ANSWERED_TOO_LATE
    assert all(case.deviation.gets != case.gets and case.deviation.why for case in CASES if case.deviation)
