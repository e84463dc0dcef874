"""What one job costs while a thousand, a hundred thousand or a million more wait: dispatch, claim and close.

Never fewer wait than that: so many are put in the queue beforehand and stay there; once more, as the jobs of a thousand
open batches, whose ends and counts the scheduler looks after meanwhile. Recorded beside it: CPU time per job of each
process, which tells whether it is more work or more waiting for the disk.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from bench.harness import Contenders, Figure, Stage, until
from models.kernel.signals import WORK_DUE

FEW, MANY, MOST = 1_000, 100_000, 1_000_000
IN_BATCH = 1_000
MEASURED, WARM_UP = 3_000, 300
CHUNK = 100_000

QUEUED = """
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts)
SELECT uuidv7(), 'bench.noop', 'default', '{}', 'queued', 5, 'owner-' || number % 100, clock_timestamp(), 5
FROM generate_series(1, $1::int) AS numbers (number)
"""
# Each owner's next thousand jobs belong to a batch.
OPEN_BATCHES = """
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, started_at, progress_current,
                  progress_total)
SELECT uuidv7(), 'jobs.batch', 'default', jsonb_build_object('jobs', $2::int), 'running', 5, 'owner-' || number % 100,
       clock_timestamp(), 1, clock_timestamp(), 0, $2::int
FROM generate_series(1, $1::int) AS numbers (number)
"""
GATHER = """
WITH batches AS (
    SELECT id, row_number() OVER (ORDER BY id) AS number FROM jobs WHERE kind = 'jobs.batch'
), children AS (
    SELECT id, (row_number() OVER (ORDER BY owner, id) - 1) / $1::int + 1 AS number FROM jobs WHERE kind <> 'jobs.batch'
)
UPDATE jobs SET parent_id = batches.id FROM children JOIN batches USING (number) WHERE jobs.id = children.id
"""
ENDED = "SELECT count(*) AS jobs FROM jobs WHERE finished_at IS NOT NULL"
SECONDS = """
SELECT extract(epoch FROM max(finished_at) - min(finished_at))::float8 AS seconds, count(*) - 1 AS jobs
FROM (SELECT finished_at FROM jobs WHERE finished_at IS NOT NULL ORDER BY finished_at OFFSET $1) AS after_warm_up
"""


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    others = {f"{waiting:,} waiting": partial(_with_waiting, stage, waiting) for waiting in (FEW, MANY)}
    in_batches = {f"{MOST:,} in batches": partial(_with_waiting, stage, MOST, in_batches=True)}
    yield Contenders(partial(_with_waiting, stage, MOST), others={**others, **in_batches})
    stage.empty()


def _with_waiting(stage: Stage, waiting: int, *, in_batches: bool = False) -> float:
    stage.empty()
    wanted = stage.scaled(waiting) + WARM_UP + MEASURED
    for at in range(0, wanted, CHUNK):
        stage.sql(QUEUED, min(CHUNK, wanted - at))
    if in_batches:
        stage.sql(OPEN_BATCHES, -(-wanted // IN_BATCH), IN_BATCH)
        stage.sql(GATHER, IN_BATCH)
    stage.sql("VACUUM ANALYZE jobs")
    stage.sql("CHECKPOINT")  # to write out what was put there is not what a job costs
    with stage.processes("scheduler", "worker"):
        stage.sql(f"NOTIFY {WORK_DUE}")
        until(lambda: _ended(stage) >= WARM_UP, 0.05)
        before = _ended(stage)
        with stage.cost(WARM_UP + MEASURED - before):
            until(lambda: _ended(stage) >= WARM_UP + MEASURED, 0.1)
    row = stage.sql(SECONDS, before)[0]
    return float(row["seconds"]) / float(row["jobs"]) * 1000


def _ended(stage: Stage) -> int:
    return int(stage.sql(ENDED)[0]["jobs"])


FIGURE = Figure("growth", "ms/job, 1,000,000 waiting", "", "", contenders, lower_is_better=True)
