import pytest

from signalling.operators.software import in_short

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("software", "short"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox/140.0"),
        (f"{WINDOWS} Chrome/141.0.0.0 Safari/537.36", "Chrome/141.0.0.0"),
        (f"{WINDOWS} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0", "Edg/141.0.0.0"),
        (f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1", "Safari/18.5"),
        (f"{IPHONE} CriOS/141.0.0.0 Mobile/15E148 Safari/604.1", "CriOS/141.0.0.0"),
        ("roundtable-go/2.1", "roundtable-go/2.1"),
        ("pion/4.1 Firefox/1", "pion/4.1 Firefox/1"),
        ("Mozilla/5.0 (nobody knows)", "Mozilla/5.0 (nobody knows)"),
        ("", ""),
    ],
)
def test_a_browser_is_called_by_its_own_name_and_others_as_they_call_themselves(software: str, short: str) -> None:
    assert in_short(software) == short
