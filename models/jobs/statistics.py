"""Counts over jobs for the metrics: what waits and runs now, and cumulative histograms of what has ended.

The histograms live in PostgreSQL, counted by the scheduler from ended jobs, so every API process tells the same and
no restart resets them.
"""

from collections import defaultdict
from collections.abc import Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs import statistics_queries as queries
from models.jobs.kinds import all_kinds
from models.kernel.session import Connection, Row, fetch

# Upper bounds in seconds; the last bucket has none.
BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class Histogram(msgspec.Struct, frozen=True):
    """Of one kind: `buckets` pairs upper bounds (`+Inf` last) with cumulative counts; `total` is a sum of seconds."""

    kind: str
    buckets: list[tuple[str, float]]
    total: float


class JobStatistics(msgspec.Struct, frozen=True):
    unfinished: Sequence[Row]
    unknown_kinds: Sequence[Row]
    queues: Sequence[Row]
    owners: Sequence[Row]
    lanes: Sequence[Row]
    schedulers: Sequence[Row]
    attempts: Sequence[Row]
    waits: list[Histogram]
    runs: list[Histogram]


async def read_statistics(on: Connection) -> JobStatistics:
    ended = await fetch(on, queries.HISTOGRAMS)
    known = [kind.name for kind in all_kinds()]
    limited = [kind.name for kind in all_kinds() if kind.limits]
    return JobStatistics(
        unfinished=await fetch(on, queries.COUNTS),
        unknown_kinds=await fetch(on, queries.OF_UNKNOWN_KINDS, known),
        queues=await fetch(on, queries.QUEUE_HEALTH, known, limited),
        owners=await fetch(on, queries.OWNER_BACKLOG),
        lanes=await fetch(on, queries.LANES),
        schedulers=await fetch(on, queries.SCHEDULERS),
        attempts=await fetch(on, queries.ATTEMPT_COUNTS),
        waits=_histograms(ended, "wait"),
        runs=_histograms(ended, "run"),
    )


async def count_ended(session: AsyncSession) -> int:
    """Add the jobs that ended since the last call to the histograms, and the attempts to their counts; gives whether it
    was this call's turn (1).

    The last five seconds are left for the next call, so that what commits late is not missed.
    """
    window = await fetch(session, queries.TAKE_WINDOW)
    if not window:
        return 0
    bounds = window[0]["since"], window[0]["until"]
    await fetch(session, queries.ADD_TO_HISTOGRAMS, *bounds, list(BOUNDS))
    await fetch(session, queries.ADD_TO_ATTEMPT_COUNTS, *bounds)
    return len(window)


def _histograms(rows: Sequence[Row], measure: str) -> list[Histogram]:
    kinds: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["measure"] == measure:
            kinds[row["kind"]].append(row)
    return [_histogram(kind, own) for kind, own in sorted(kinds.items())]


def _histogram(kind: str, rows: Sequence[Row]) -> Histogram:
    counts = {row["bucket"]: row["jobs"] for row in rows}
    buckets, below = [], 0.0
    for at, bound in enumerate([*map(str, BOUNDS), "+Inf"]):
        below += counts.get(at, 0)
        buckets.append((bound, below))
    return Histogram(kind, buckets, sum(row["seconds"] for row in rows))
