"""Processes that share the tests run each of them once."""

from pathlib import Path

from tests.sharing import SLOW, TESTS, Share, rank, unit


def test_what_one_process_has_taken_no_other_takes(tmp_path: Path) -> None:
    one, other = Share(tmp_path), Share(tmp_path)
    first, second = Path("test_one.py"), Path("server/test_one.py")
    assert [one.takes(first), other.takes(first), one.takes(first)] == [True, False, True]
    assert [one.takes(second), other.takes(second)] == [True, False]


def test_what_shares_a_conftest_is_taken_as_a_whole() -> None:
    assert unit(TESTS / "programs" / "test_calls.py") == unit(TESTS / "programs" / "test_tables.py") == Path("programs")
    assert unit(TESTS / "server" / "test_limits.py") == Path("server/test_limits.py")
    assert unit(TESTS / "test_sharing.py") == Path("test_sharing.py")


def test_slow_ones_come_last_and_those_that_are_taken_as_a_whole_before_the_rest_of_them() -> None:
    assert all((TESTS / each).exists() for each in SLOW)
    names = ("core/test_calls.py", "programs/test_calls.py", "test_logs.py", "server/test_limits.py")
    files = [TESTS / name for name in names]
    assert sorted(files, key=rank) == files
