"""The figures in Prometheus' words: names, units, labels and helps. What is counted is figures.py's business.

The labels' values are closed sets: names of this program's own, never anything that a client chose.
"""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from signalling.figures import TRANSPORTS
from signalling.operators.overview import here
from signalling.operators.process import BEGAN, look, start_facts

if TYPE_CHECKING:
    from prometheus_client import Metric

    from signalling.figures import Figures
    from signalling.histogram import Histogram
    from signalling.operators.survey import Here, Process
    from signalling.runtime import Runtime

Label = TypeVar("Label", bound=str)


def registry(runtime: Runtime) -> CollectorRegistry:
    """Everything that is exposed: this program's figures, the process, and Python. Collect on the event loop."""
    everything = CollectorRegistry()
    everything.register(RuntimeCollector(runtime))
    PlatformCollector(registry=everything)
    GCCollector(registry=everything)
    return everything


class RuntimeCollector(Collector):
    """Reads the figures of one runtime when it is asked; nothing is counted twice."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterator[Metric]:
        """All metrics, in the order of the table in docs/operating.md."""
        board = self._runtime.switchboard
        yield from _moment(here(self._runtime))
        yield from _calls(board.figures)
        yield from _sessions(board.figures)
        yield from _traffic(board.figures)
        yield _counter("refusals", "Refusals by limits, by the key of limits.", "limit", board.tally.refusals)
        yield _counter("errors", "Messages and offers refused, by the code of the error.", "code", board.tally.codes)
        slow = board.figures.slow_consumers
        yield CounterMetricFamily("roundtable_slow_consumers", "Clients cut off because they did not read.", slow)
        yield _histogram("event_loop_lag_seconds", "How late the event loop was, twice a second.", board.figures.lags)
        yield InfoMetricFamily("roundtable_build", "What runs, and on what.", start_facts())
        yield from _process(look(self._runtime.uptime_seconds))


def _moment(now: Here) -> Iterator[Metric]:
    sessions = {"connected": now.connected, "away": now.away}
    yield _gauge("connections", "Open WebSockets, those included that have not said hello.", now.connections)
    yield _gauges("sessions", "Sessions: on a connection, or away and to be resumed.", "state", sessions)
    yield _gauge("http_callers", "Callers over HTTP that wait for the outcome of their offer.", now.waiting)
    yield _gauge("tables", "Open tables.", now.tables)
    yield _gauge("open_calls", "Open calls, unanswered ones included.", now.open_calls)
    yield _gauge("draining", "1 while the server says goodbye and takes on nothing new, else 0.", int(now.draining))


def _calls(figures: Figures) -> Iterator[Metric]:
    yield _counter("calls", "First offers of calls, by how they came.", "transport", figures.begun)
    outcomes = CounterMetricFamily(
        "roundtable_call_outcomes", "First offers of calls that have ended, by how.", labels=["transport", "outcome"]
    )
    for transport in TRANSPORTS:
        for outcome, count in figures.outcomes(transport).items():
            outcomes.add_metric([transport, str(outcome)], count)
    yield outcomes
    yield _histogram("call_answer_seconds", "From the first offer of a call to its answer.", figures.answers)
    forwards = "Offers to be posted to an address, by what became of them."
    yield _counter("forwards", forwards, "outcome", figures.forwards)


def _sessions(figures: Figures) -> Iterator[Metric]:
    opened = figures.sessions_opened
    yield CounterMetricFamily("roundtable_sessions_opened", "Sessions opened, resumed ones not again.", opened)
    yield _counter("sessions_ended", "Sessions ended, by why.", "reason", figures.sessions_ended)
    yield _counter("resumes", "Attempts to resume a session, by how they went.", "outcome", figures.resumes)
    failed = figures.passwords_failed
    yield CounterMetricFamily("roundtable_passwords_failed", "Wrong passwords given at tables.", failed)


def _traffic(figures: Figures) -> Iterator[Metric]:
    messages = "Messages from clients on WebSockets, refused ones included; bad is what is none."
    yield _counter("messages_received", messages, "type", figures.messages)
    sent = figures.frames_sent
    yield CounterMetricFamily("roundtable_frames_sent", "Frames handed on to clients on WebSockets.", sent)
    received = "Bytes of text frames from clients, and of the bodies of offers over HTTP."
    came = {"websocket": figures.received_bytes, "http": figures.bodies_received_bytes}
    yield _counter("received_bytes", received, "transport", came)
    sent_bytes = "Bytes of frames to clients, and of the bodies of responses to offers over HTTP."
    went = {"websocket": figures.sent_bytes, "http": figures.bodies_sent_bytes}
    yield _counter("sent_bytes", sent_bytes, "transport", went)


def _process(seen: Process) -> Iterator[Metric]:
    """Named as by the client library's own collector, which lists every open file."""
    cpu_seconds = time.process_time()
    yield CounterMetricFamily("process_cpu_seconds", "Total user and system CPU time spent in seconds.", cpu_seconds)
    yield GaugeMetricFamily("process_start_time_seconds", "When the process began, in seconds since 1970.", BEGAN)
    if seen.memory_bytes is not None:
        memory = seen.memory_bytes
        yield GaugeMetricFamily("process_resident_memory_bytes", "Resident memory size in bytes.", memory)
    if seen.open_files is not None:
        yield GaugeMetricFamily("process_open_fds", "Open file descriptors.", seen.open_files)
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    infinite = most == resource.RLIM_INFINITY
    yield GaugeMetricFamily(
        "process_max_fds", "Open file descriptors that there may be.", math.inf if infinite else most
    )


def _gauge(name: str, meaning: str, value: int) -> Metric:
    return GaugeMetricFamily(f"roundtable_{name}", meaning, value)


def _gauges(name: str, meaning: str, label: str, values: Mapping[str, int]) -> Metric:
    return _labelled(GaugeMetricFamily(f"roundtable_{name}", meaning, labels=[label]), values.items())


def _counter(name: str, meaning: str, label: str, counts: Mapping[Label, int]) -> Metric:
    return _labelled(CounterMetricFamily(f"roundtable_{name}", meaning, labels=[label]), counts.items())


def _labelled(
    family: CounterMetricFamily | GaugeMetricFamily, values: Iterable[tuple[str, int]]
) -> CounterMetricFamily | GaugeMetricFamily:
    for label, value in values:
        family.add_metric([str(label)], value)
    return family


def _histogram(name: str, meaning: str, histogram: Histogram) -> Metric:
    bounds = [*(str(float(bound)) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
    return HistogramMetricFamily(f"roundtable_{name}", meaning, buckets=buckets, sum_value=histogram.sum_seconds)
