"""What one job costs while a thousand, a hundred thousand or a million more wait: dispatch, claim and close.

Never fewer wait than that: so many are put in the queue beforehand and stay there. Recorded beside it: CPU time per job
of each process, which tells whether it is more work or more waiting for the disk.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from bench.harness import Contenders, Figure, Stage, until
from models.kernel.signals import WORK_DUE

FEW, MANY, MOST = 1_000, 100_000, 1_000_000
MEASURED, WARM_UP = 3_000, 300
CHUNK = 100_000

QUEUED = """
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts)
SELECT uuidv7(), 'bench.noop', 'default', '{}', 'queued', 5, 'owner-' || number % 100, clock_timestamp(), 5
FROM generate_series(1, $1::int) AS numbers (number)
"""
ENDED = "SELECT count(*) AS jobs FROM jobs WHERE finished_at IS NOT NULL"
SECONDS = """
SELECT extract(epoch FROM max(finished_at) - min(finished_at))::float8 AS seconds, count(*) - 1 AS jobs
FROM (SELECT finished_at FROM jobs WHERE finished_at IS NOT NULL ORDER BY finished_at OFFSET $1) AS after_warm_up
"""


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    others = {f"{waiting:,} waiting": partial(_with_waiting, stage, waiting) for waiting in (FEW, MANY)}
    yield Contenders(partial(_with_waiting, stage, MOST), others=others)
    stage.empty()


def _with_waiting(stage: Stage, waiting: int) -> float:
    stage.empty()
    wanted = stage.scaled(waiting) + WARM_UP + MEASURED
    for at in range(0, wanted, CHUNK):
        stage.sql(QUEUED, min(CHUNK, wanted - at))
    stage.sql("VACUUM ANALYZE jobs")
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
