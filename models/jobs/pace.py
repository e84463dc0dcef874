"""How fast jobs of a kind go these days, and what that means for the next look at one. Pure but for the reading."""

import math
import time
from collections.abc import Sequence
from datetime import datetime

import msgspec

from models.jobs import statistics_queries as queries
from models.jobs.records import JobRecord
from models.jobs.rules import JobStatus
from models.kernel.session import Connection, fetch

LONGEST_SECONDS = 60
CACHE_SECONDS = 5.0
UNKNOWN_RUN_SECONDS = 1.0
CROWDED_SECONDS = 1.0
MOST_SECONDS = 30 * 86_400.0


class Quantiles(msgspec.Struct, frozen=True, rename="camel"):
    """Seconds."""

    p50: float
    p95: float


class Pace(msgspec.Struct, frozen=True, rename="camel"):
    """Of the last 200 jobs of a kind that succeeded: from due to start, and from start to end. None without any."""

    wait: Quantiles | None
    run: Quantiles | None


class QueueAhead(msgspec.Struct, frozen=True):
    """How many jobs wait in a queue, how many run, and for how long each of its last ones kept its worker busy."""

    waiting: int
    running: int
    work_seconds: float

    @property
    def seconds(self) -> float:
        """Until those that wait have begun, done as many at once as run now. (How many have ended lately is no measure:
        where little is asked for, little ends.)"""
        return self.waiting * self.work_seconds / max(self.running, 1)


def next_look(job: JobRecord, pace: Pace, ahead: QueueAhead, now: datetime) -> int:
    """Whole seconds after which looking again is likely to find the job ended, between 1 and 60.

    While it waits: until it is due, the queue ahead or what is left of the usual wait, and the usual run; where next to
    nobody waits, how long others have waited before is no sign. While it runs: what is left of the median run, then of
    the 95th percentile, then half of the time it has already taken.
    """
    run = pace.run or Quantiles(UNKNOWN_RUN_SECONDS, UNKNOWN_RUN_SECONDS)
    if job.status == JobStatus.RUNNING and job.started_at is not None:
        elapsed = (now - job.started_at).total_seconds()
        left = next((limit - elapsed for limit in (run.p50, run.p95) if limit > elapsed), elapsed / 2)
    else:
        late = (now - job.run_at).total_seconds()
        usual = max((pace.wait.p50 if pace.wait and ahead.seconds >= CROWDED_SECONDS else 0.0) - max(late, 0.0), 0.0)
        left = max(-late, 0.0) + max(usual, ahead.seconds) + run.p50
    return math.ceil(min(max(left, 1.0), LONGEST_SECONDS))


class PaceReader:
    """Reads paces and queues, each at most once in a few seconds per process: a status read costs nothing more."""

    def __init__(self) -> None:
        self._paces: dict[str, tuple[float, Pace]] = {}
        self._queues: dict[str, tuple[float, QueueAhead]] = {}

    async def pace(self, on: Connection, kind: str) -> Pace:
        known = self._paces.get(kind)
        if known is None or known[0] < time.monotonic():
            rows = await fetch(on, queries.PACE, kind)
            known = self._paces[kind] = (time.monotonic() + CACHE_SECONDS, _pace(rows[0]["wait"], rows[0]["run"]))
        return known[1]

    async def ahead(self, on: Connection, queue: str) -> QueueAhead:
        known = self._queues.get(queue)
        if known is None or known[0] < time.monotonic():
            row = (await fetch(on, queries.QUEUE_AHEAD, queue))[0]
            known = (time.monotonic() + CACHE_SECONDS, QueueAhead(row["waiting"], row["running"], row["work_seconds"]))
            self._queues[queue] = known
        return known[1]


def _pace(wait: Sequence[float] | None, run: Sequence[float] | None) -> Pace:
    return Pace(_quantiles(wait), _quantiles(run))


def _quantiles(seconds: Sequence[float] | None) -> Quantiles | None:
    """None where they are no numbers, and within a month: one odd row must not take the pace from its whole kind."""
    if not seconds or any(map(math.isnan, seconds)):
        return None
    return Quantiles(*(min(max(each, 0.0), MOST_SECONDS) for each in seconds))
