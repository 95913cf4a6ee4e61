"""The rules for expositions find what they are for."""

import pytest

from tests.prometheus import faults

GOOD = """\
# HELP roundtable_calls_total Calls.
# TYPE roundtable_calls_total counter
roundtable_calls_total{transport="http"} 1
# HELP roundtable_lag_seconds Lag.
# TYPE roundtable_lag_seconds histogram
roundtable_lag_seconds_bucket{le="0.5"} 1
roundtable_lag_seconds_bucket{le="+Inf"} 2
roundtable_lag_seconds_count 2
roundtable_lag_seconds_sum 3.5
"""


def test_what_is_good_has_no_fault() -> None:
    assert list(faults(GOOD)) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("roundtable_calls", "roundtable_Calls"),
        (" Calls.\n", " \n"),
        (" Calls.\n", " Calls\n"),
        ("lag_seconds", "lag_milliseconds"),
        ("lag_seconds", "lag_seconds_ever"),
        ("lag_seconds", "lag"),
        ("lag_seconds", "histogram_seconds"),
        ("counter", "gauge"),
        ("counter", "untyped"),
        ("transport=", "le="),
        ("transport=", "quantile="),
        ("transport=", "calls="),
        ("transport=", "tRansport="),
        ('roundtable_lag_seconds_bucket{le="+Inf"} 2\n', ""),
        ('le="+Inf"} 2', 'le="+Inf"} 0'),
        ("_count 2", "_count 3"),
        ("roundtable_lag_seconds_sum 3.5\n", ""),
        ('{transport="http"} 1', '{transport="http"} -1'),
        ('{transport="http"} 1\n', '{transport="http"} 1\nroundtable_calls_total{from="http"} 1\n'),
        ("# HELP roundtable_lag_seconds", GOOD.partition("# HELP roundtable_lag")[0] + "# HELP roundtable_lag_seconds"),
    ],
)
def test_what_is_not_has(good: str, bad: str) -> None:
    assert good in GOOD
    assert list(faults(GOOD.replace(good, bad)))
