"""`python -m tests` tells the truth about the processes that it is."""

import pytest

from tests.__main__ import NONE_CHOSEN, together


@pytest.mark.parametrize(
    ("here", "there", "status"),
    [
        (0, 0, 0),
        (1, 0, 1),
        (0, 1, 1),
        (0, 2, 2),
        (NONE_CHOSEN, 0, 0),
        (0, NONE_CHOSEN, 0),
        (NONE_CHOSEN, 1, 1),
        (NONE_CHOSEN, NONE_CHOSEN, NONE_CHOSEN),
        (-9, 0, -9),
        (-9, 1, -9),
    ],
)
def test_it_fails_when_one_of_them_does_and_when_nothing_was_chosen(here: int, there: int, status: int) -> None:
    assert together([here, there]) == status
