"""The benchmarks work. How fast anything is, is not asserted here."""

import pytest

from benchmarks import password_lag, status_page, status_tabs
from benchmarks.flat_cost import measure


async def test_flat_cost_measures_relays_and_events(capsys: pytest.CaptureFixture[str]) -> None:
    ratios = await measure(few=2, many=20, rounds=2, times=3)
    assert ratios.keys() == {"relay", "event"}
    assert all(ratio > 0 for ratio in ratios.values())
    assert "relay: 20 other peers against 2" in capsys.readouterr().out


async def test_password_lag_measures_while_passwords_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    lag, answers = await password_lag.measure(peers=5, seconds=0.3)
    assert -1 < lag < 10_000
    assert answers["table_password"] > 0
    assert set(answers) <= {"table_password", "rate_limited"}
    assert "guesses a second" in capsys.readouterr().out


async def test_status_page_measures_questions_and_the_lag_under_them(capsys: pytest.CaptureFixture[str]) -> None:
    longest, lag = await status_page.measure(sessions=20, seconds=0.3, times=1)
    assert longest > 0
    assert -1 < lag < 10_000
    said = capsys.readouterr().out
    assert all(name in said for name in status_page.QUESTIONS)
    assert "page open" in said


def test_status_tabs_measures_requests_and_the_lag_of_a_real_server(capsys: pytest.CaptureFixture[str]) -> None:
    median, lag = status_tabs.measure(sessions=30, seconds=1.0, tabs=2)
    assert median > 0
    assert -1 < lag < 10_000
    said = capsys.readouterr().out
    assert "requests of 2 tabs" in said and "tabs open" in said
