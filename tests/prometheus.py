"""An exposition as Prometheus reads it, and the rules by which its names and units are judged.

The rules are those of `promtool check metrics` (client_golang's promlint) and of https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
UNITS = frozenset({"seconds", "bytes", "ratio", "celsius", "meters", "volts", "amperes", "joules", "grams"})
OTHER_UNITS = frozenset(
    (
        *("milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "weeks"),
        *("s", "sec", "ms", "msec", "us", "ns"),
        *("kilobytes", "megabytes", "gigabytes", "bits", "b", "kb", "mb", "gb", "kib", "mib", "gib"),
        *("percent", "percents", "percentage"),
    )
)
TYPES = frozenset({"gauge", "counter", "histogram", "summary", "untyped"})
RESERVED_LABELS = frozenset({"le", "quantile", "job", "instance"})
OURS = "roundtable_"
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum"),
}


def families(exposition: str) -> dict[str, Metric]:
    """The metrics of a text exposition by name; a counter's is the one that is in the text, with `_total`."""
    return {_name(family): family for family in text_string_to_metric_families(exposition)}


def _name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def faults(exposition: str) -> Iterator[str]:
    """What is wrong with it, one line each."""
    found = families(exposition)
    names = [line.split(maxsplit=3)[2] for line in exposition.splitlines() if line.startswith("# TYPE ")]
    for name in names:
        if names.count(name) > 1:
            yield f"{name} is there twice"
    for name, family in found.items():
        for fault in (*_faults_of_name(name, family), *_faults_of_samples(name, family)):
            yield f"{name}: {fault}"


def _faults_of_name(name: str, family: Metric) -> Iterator[str]:
    words = name.split("_")
    if not SNAKE_CASE.fullmatch(name):
        yield "is not in snake case"
    if not family.documentation.strip() or (name.startswith(OURS) and not family.documentation.endswith(".")):
        yield "has no help, or one that is no sentence"
    if family.type not in TYPES - {"untyped"}:
        yield f"is of no useful type: {family.type}"
    if OTHER_UNITS & set(words):
        yield f"is in another unit than a base unit: {OTHER_UNITS & set(words)}"
    if TYPES & set(words):
        yield "has its type in its name"
    if family.type != "counter" and words[-1] == "total":
        yield "ends in _total and is no counter"
    if words[-1] in ("count", "sum", "bucket", "created"):
        yield "ends as a histogram's samples do"
    if family.type == "histogram" and words[-1] not in UNITS:
        yield "is a histogram without a unit"
    if UNITS & set(words) and UNITS.isdisjoint(words[-2:]):
        yield "has its unit in the middle"


def _faults_of_samples(name: str, family: Metric) -> Iterator[str]:
    own = {"le"} if family.type == "histogram" else set()
    labels = {frozenset(sample.labels) - own for sample in family.samples}
    if not family.samples:
        yield "has no samples"
    if len(labels) > 1:
        yield "has samples of different labels"
    for label in frozenset().union(*labels):
        if not SNAKE_CASE.fullmatch(label) or label in RESERVED_LABELS or label in name.split("_"):
            yield f"has a label that is reserved, repeats the name or is not in snake case: {label}"
    base = name.removesuffix("_total")
    expected = {base + suffix for suffix in SUFFIXES.get(family.type, ())}
    if {sample.name for sample in family.samples} != expected:
        yield f"has other samples than {expected}"
    if family.type == "counter" and any(sample.value < 0 for sample in family.samples):
        yield "is a counter below zero"
    if family.type == "histogram":
        yield from _faults_of_buckets(family)


def _faults_of_buckets(family: Metric) -> Iterator[str]:
    bounds = [float(sample.labels["le"]) for sample in family.samples if "le" in sample.labels]
    counts = [sample.value for sample in family.samples if "le" in sample.labels]
    total = next(sample.value for sample in family.samples if sample.name.endswith("_count"))
    if not bounds or bounds[-1] != float("inf"):
        yield "has no +Inf"
    if bounds != sorted(set(bounds)) or counts != sorted(counts):
        yield "has buckets that do not rise"
    if counts[-1:] != [total]:
        yield "has another count than its +Inf"
