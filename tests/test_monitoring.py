"""What docs/monitoring and docs/operating.md say of the metrics is what `/metrics` has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import Metric

from signalling.figures import UNJUDGED
from tests.documents import DOCS, read_markdown, read_yaml, section, table
from tests.inprocess.application import application
from tests.prometheus import families

MONITORING = section(read_markdown("operating.md"), "Monitoring")
TABLE = table(MONITORING, "metric")
DASHBOARD: dict[str, Any] = json.loads((DOCS / "monitoring/grafana.json").read_text(encoding="utf-8"))
ALERTS: list[dict[str, Any]] = read_yaml("monitoring/alerts.yaml")["groups"][0]["rules"]

_METRIC = re.compile(r"\b(?:roundtable|process|python)_[a-z0-9_]+")
_SELECTOR = re.compile(r"([a-z_]+)\{([^}]*)\}")
_LABEL = re.compile(r'([a-z_]+)(=~|!~|!=|=)"([^"]*)"')
OF_PROMETHEUS = {"job", "instance"}


@pytest.fixture
async def exposed() -> dict[str, Metric]:
    """The metrics by name."""
    async with application() as app:
        return families((await app.get("/metrics", client="127.0.0.1")).body.decode())


def expressions() -> Iterator[str]:
    """All PromQL of dashboard and rules."""
    yield from (target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    yield from (note["expr"] for note in DASHBOARD["annotations"]["list"] if "expr" in note)
    yield from (rule["expr"] for rule in ALERTS)


def samples(exposed: dict[str, Metric]) -> dict[str, list[dict[str, str]]]:
    """The labels of all samples by their names."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in exposed.values():
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def test_the_table_has_every_metric_of_ours_with_its_type_labels_and_help(exposed: dict[str, Metric]) -> None:
    ours = [(name, family) for name, family in exposed.items() if name.startswith("roundtable_")]
    expected = [
        {
            "metric": name,
            "type": family.type,
            "labels": ", ".join(sorted({label for sample in family.samples for label in sample.labels} - {"le"})),
            "meaning": family.documentation.removesuffix("."),
        }
        for name, family in ours
    ]
    rows = [f"| `{row['metric']}` | {row['type']} | {row['labels']} | {row['meaning']} |" for row in expected]
    assert expected == TABLE, "\n".join(["the table should be:", *rows])


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_every_metric_and_label_of_dashboard_and_rules_exists(expression: str, exposed: dict[str, Metric]) -> None:
    known = samples(exposed)
    assert set(_METRIC.findall(expression)) <= known.keys()
    for name, selector in _SELECTOR.findall(expression):
        for label, operator, value in _LABEL.findall(selector):
            values = {labels.get(label) for labels in known.get(name, [])}
            assert label in OF_PROMETHEUS or None not in values, f"{name} has no label {label}"
            if label not in OF_PROMETHEUS:
                wanted = value.split("|") if operator.endswith("~") else [value]
                assert values >= set(wanted), f"{label} of {name} is never {value}"


def test_the_share_of_answered_calls_is_the_same_everywhere() -> None:
    left_out = {
        frozenset(names.split("|")) for each in expressions() for names in re.findall(r'outcome!~"([^"]+)"', each)
    }
    assert left_out == {frozenset(map(str, UNJUDGED))}


def test_the_dashboard_can_be_imported_and_shows_every_metric_of_ours(exposed: dict[str, Metric]) -> None:
    assert {"title", "uid", "schemaVersion", "templating", "panels"} <= DASHBOARD.keys()
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == {"datasource", "job", "instance"}
    identities = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(identities) == len(set(identities))
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in DASHBOARD["panels"])
    shown = {re.sub(r"_bucket$", "", name) for name in _METRIC.findall(json.dumps(DASHBOARD))}
    assert shown >= {name for name in exposed if name.startswith("roundtable_")}


def test_no_panel_covers_another() -> None:
    covered: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & covered
        covered |= cells


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_what_it_means(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"].keys() == {"summary", "description"}
    assert all(text.endswith(".") for text in rule["annotations"].values())


def test_the_alerts_are_about_what_operators_lose_sleep_over() -> None:
    assert {rule["alert"].removeprefix("Roundtable") for rule in ALERTS} >= {
        "Down",
        "DrainsTooLong",
        "EventLoopIsLate",
        "SlowConsumers",
        "CallsAreRefused",
        "FilesRunOut",
        "Memory",
    }
