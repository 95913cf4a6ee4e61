"""The benchmarks work. How fast anything is, is not asserted here."""

import pytest

from benchmarks.flat_cost import measure


async def test_flat_cost_measures_relays_and_events(capsys: pytest.CaptureFixture[str]) -> None:
    ratios = await measure(few=2, many=20, rounds=2, times=3)
    assert ratios.keys() == {"relay", "event"}
    assert all(ratio > 0 for ratio in ratios.values())
    assert "relay: 20 other peers against 2" in capsys.readouterr().out
