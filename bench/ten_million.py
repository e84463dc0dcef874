"""Ten million finished jobs in the table, and their attempts: what else costs more for it?

Submitting, reading, doing and waiting are measured as in their own figures, before and after the table is filled; the
figure is the change of the one that got worse most. The jobs ended over the last 29 days, so none is due for pruning.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

from bench import noops
from bench.harness import Contenders, Figure, Stage
from bench.idle_latency_ms import idle_latency
from bench.probe_kinds import Noop
from bench.read_job_status import ENDED, reading
from bench.submitting import submit_for_a_while
from models.kernel.ids import new_id

FINISHED, CHUNK = 10_000_000, 250_000
FILL_SECONDS = 1_800.0  # what is there by then has to do
READ_IDS, NOOPS, TIMES = 5_000, 5_000, 3

FILL = """
WITH stored AS (
    INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, attempt, max_attempts, result,
                      created_at, started_at, finished_at)
    SELECT uuidv7(at - now()), 'bench.noop', 'default', '{}', 'succeeded', 5, 'owner-' || number % 1000, at, 1, 5, '{}',
           at, at + interval '10 ms', at + interval '20 ms'
    FROM generate_series($1::int, $2::int) AS numbers (number),
         LATERAL (SELECT now() - interval '1 hour' - interval '29 days' * (1 - number / $3::float8)) AS times (at)
    RETURNING id, started_at, finished_at
)
INSERT INTO job_attempts (job_id, attempt, worker, started_at, finished_at, outcome)
SELECT id, 1, 'bench', started_at, finished_at, 'succeeded' FROM stored
"""
SAMPLE = "SELECT id FROM jobs TABLESAMPLE BERNOULLI ($1) LIMIT $2"


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    try:
        yield Contenders(partial(_before_and_after, stage, stage.api_key()))
    finally:
        stage.kept = None
        stage.empty()


def _before_and_after(stage: Stage, key: str) -> float:
    stage.empty()
    few = [str(new_id()) for _ in range(READ_IDS)]
    before = _measure(stage, key, few)
    jobs = _fill(stage)
    stage.note(FIGURE.name, f"{jobs:,} finished jobs")
    many = [str(row["id"]) for row in stage.sql(SAMPLE, min(100.0, READ_IDS * 110 / jobs), READ_IDS)]
    after = _measure(stage, key, many)
    worse = {name: _worse(name, before[name], after[name]) for name in before}
    for name, change in worse.items():
        stage.record(**{f"{name} before": before[name], f"{name} after": after[name], f"{name} worse by %": change})
    return max(worse.values())


def _worse(name: str, before: float, after: float) -> float:
    """The change in percent, a loss being positive."""
    return (after / before - 1) * 100 if name.endswith("ms") else (before / after - 1) * 100


def _measure(stage: Stage, key: str, ids: list[str]) -> dict[str, float]:
    """`ids` are of jobs to read: of those that are there, or of new ones when the table is empty."""
    url, headers = f"{stage.api}/api/v1/jobs", {"x-api-key": key}
    with stage.processes("web"):
        submitted = _median(partial(submit_for_a_while, stage, FIGURE.name, 64, url, headers))
        if stage.kept is None:
            stage.sql(ENDED, ids)
        read = _median(reading(stage, url, ids, headers))
    with stage.processes("web", "scheduler", "worker"):
        idle = _median(partial(idle_latency, stage, key))
    done = _median(partial(noops.ours, stage, Noop(), "worker", NOOPS))
    stage.recorded.clear()
    return {"submit /s": submitted, "read /s": read, "no-op /s": done, "idle ms": idle}


def _median(run: Callable[[], float]) -> float:
    run()
    return statistics.median(run() for _ in range(TIMES))


def _fill(stage: Stage) -> int:
    """Gives how many jobs it came to within the time."""
    stage.empty()
    wanted, deadline, done = stage.scaled(FINISHED), time.monotonic() + FILL_SECONDS, 0
    while done < wanted and time.monotonic() < deadline:
        last = min(done + CHUNK, wanted)
        stage.sql(FILL, done + 1, last, wanted)
        done = last
    stage.sql("VACUUM ANALYZE jobs, job_attempts")
    stage.sql("CHECKPOINT")
    stage.kept = UUID(str(stage.sql("SELECT id FROM jobs ORDER BY id DESC LIMIT 1")[0]["id"]))
    return done


FIGURE = Figure("ten_million", "% worse at most", "", "", contenders, lower_is_better=True, repeated=False)
