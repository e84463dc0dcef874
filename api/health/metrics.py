"""Job statistics in Prometheus' terms."""

import math
from collections import defaultdict
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from models.jobs.rules import Queue
from models.jobs.statistics import Histogram, JobStatistics

ALIVE_SECONDS = 60.0


def render(statistics: JobStatistics, failing_schedules: int) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_JobCollector(statistics, failing_schedules))
    return generate_latest(registry)


class _JobCollector(Collector):
    def __init__(self, statistics: JobStatistics, failing_schedules: int) -> None:
        self._statistics = statistics
        self._failing_schedules = failing_schedules

    def collect(self) -> Iterator[Metric]:
        yield from self._now()
        yield GaugeMetricFamily(
            "bellwork_schedules_failing", "Schedules that could not fire when they last should have",
            value=self._failing_schedules,
        )  # fmt: skip
        yield _histogram("bellwork_job_wait_seconds", "From due to start, of ended jobs", self._statistics.waits)
        yield _histogram("bellwork_job_run_seconds", "From start to end, of ended jobs", self._statistics.runs)
        attempts = CounterMetricFamily("bellwork_job_attempts", "Attempts that ended", labels=["kind", "outcome"])
        for row in self._statistics.attempts:
            attempts.add_metric([row["kind"], row["outcome"]], row["attempts"])
        yield attempts

    def _now(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("bellwork_jobs", "Unfinished jobs", labels=["queue", "status"])
        oldest = GaugeMetricFamily(
            "bellwork_jobs_oldest_seconds", "How long the longest is due", labels=["queue", "status"]
        )
        for row in self._statistics.unfinished:
            jobs.add_metric([row["queue"], row["status"]], row["jobs"])
            oldest.add_metric([row["queue"], row["status"]], max(row["oldest_seconds"], 0.0))
        unknown = GaugeMetricFamily(
            "bellwork_jobs_unknown_kind", "Unfinished jobs whose kind this version, or their worker, does not know",
            labels=["kind"],
        )  # fmt: skip
        for row in self._statistics.unknown_kinds:
            unknown.add_metric([row["kind"]], row["jobs"])
        yield jobs
        yield oldest
        yield unknown
        yield from self._queues()
        owners = GaugeMetricFamily(
            "bellwork_owner_backlog", "Waiting jobs of the 20 longest backlogs", labels=["owner"]
        )
        for row in self._statistics.owners:
            owners.add_metric([row["owner"]], row["jobs"])
        yield owners

    def _queues(self) -> Iterator[Metric]:
        lag = GaugeMetricFamily(
            "bellwork_dispatch_lag_seconds", "Since when the longest due is not sent to workers, of kinds that are not "
            "paused and have no limits", labels=["queue"],
        )  # fmt: skip
        lease = GaugeMetricFamily(
            "bellwork_lease_overdue_seconds", "How long the oldest lease has run out; negative while it is good",
            labels=["queue"],
        )  # fmt: skip
        found = {row["queue"]: row for row in self._statistics.queues}
        for queue in sorted({*Queue, *found}):
            lag.add_metric([queue], max(found[queue]["dispatch_lag"], 0.0) if queue in found else 0.0)
            if queue in found and found[queue]["lease_overdue"] is not None:
                lease.add_metric([queue], found[queue]["lease_overdue"])
        yield lag
        yield lease
        yield from self._alive()

    def _alive(self) -> Iterator[Metric]:
        """A queue that no worker ever served, and no scheduler at all, have been silent for ever."""
        silent = GaugeMetricFamily(
            "bellwork_queue_silent_seconds", "Since a worker took something, or was busy with it", labels=["queue"]
        )
        workers = GaugeMetricFamily("bellwork_queue_workers", "Workers seen within a minute", labels=["queue"])
        silences: defaultdict[str, list[float]] = defaultdict(list)
        for row in self._statistics.lanes:
            silences[row["queue"]].append(row["silent_seconds"])
        for queue in sorted({*Queue, *silences}):
            silent.add_metric([queue], min(silences[queue], default=math.inf))
            workers.add_metric([queue], sum(seconds <= ALIVE_SECONDS for seconds in silences[queue]))
        yield silent
        yield workers
        schedulers = [row for row in self._statistics.schedulers if row["silent_seconds"] <= ALIVE_SECONDS]
        yield GaugeMetricFamily(
            "bellwork_scheduler_silent_seconds", "Since a scheduler looked at what waits",
            value=min((row["silent_seconds"] for row in self._statistics.schedulers), default=math.inf),
        )  # fmt: skip
        yield GaugeMetricFamily(
            "bellwork_broker_away", "Whether the schedulers miss the broker",
            value=bool(schedulers) and all(row["broker_away"] for row in schedulers),
        )  # fmt: skip


def _histogram(name: str, text: str, histograms: list[Histogram]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, text, labels=["kind"])
    for each in histograms:
        family.add_metric([each.kind], buckets=list(each.buckets), sum_value=each.total)
    return family
