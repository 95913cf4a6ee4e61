"""What fails beside other tests is tried again alone, and what is broken fails twice."""

from pathlib import Path
from typing import Any, Literal

import pytest

from tests.__main__ import again
from tests.secondtry import MOST_TRIED_AGAIN, Failures, is_worth_it

ONE, OTHER = "tests/test_one.py::test_it[a b]", "tests/test_other.py::TestIt::test_it"


@pytest.mark.parametrize(
    ("status", "failed", "is_tried"),
    [
        (0, 0, False),
        (1, 1, True),
        (1, MOST_TRIED_AGAIN, True),
        (1, MOST_TRIED_AGAIN + 1, False),
        (1, 0, False),  # what failed is no test: there is nothing to try
        (2, 1, False),
        (-9, 1, False),
    ],
)
def test_some_failures_are_tried_again_and_nothing_else(status: int, failed: int, is_tried: bool) -> None:
    assert is_worth_it(status, [f"tests/test_one.py::test_{number}" for number in range(failed)]) is is_tried


def report(test: str, outcome: Literal["passed", "failed", "skipped"], when: Any = "call") -> pytest.TestReport:
    return pytest.TestReport(test, (test, 1, test), {}, outcome, None, when)


def test_all_processes_note_in_one_place_what_failed_and_each_test_once(tmp_path: Path) -> None:
    here, there = Failures(tmp_path), Failures(tmp_path)
    assert here.tests() == []
    here.pytest_runtest_logreport(report(ONE, "failed"))
    here.pytest_runtest_logreport(report(ONE, "failed", "teardown"))
    there.pytest_runtest_logreport(report("tests/test_fine.py::test_it", "passed"))
    there.pytest_runtest_logreport(report("tests/test_left_out.py::test_it", "skipped", "setup"))
    there.pytest_runtest_logreport(report(OTHER, "failed", "setup"))
    assert here.tests() == there.tests() == [ONE, OTHER]


@pytest.mark.parametrize(("body", "status"), [("pass", 0), ("assert False", 1)])
def test_what_passes_alone_is_named_and_what_is_broken_fails(
    body: str, status: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "test_sample.py"
    file.write_text(f"def test_it():\n    {body}\n\n\ndef test_another():\n    assert False, 'not asked for'\n")
    tried = f"{file}::test_it"
    assert again(["-p", "no:cacheprovider"], 1, [tried]) == status
    said = capfd.readouterr().out
    assert f"=== 1 failed beside the others, tried again alone:\n{tried}\n" in said
    assert (f"=== passed, but alone only: each is a test to mend, or a race to find:\n{tried}\n" in said) is (
        status == 0
    )


def test_what_is_not_tried_again_keeps_its_status() -> None:
    assert [again([], status, []) for status in (0, 1, -9)] == [0, 1, -9]
