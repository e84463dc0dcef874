"""One owner submits 100,000 jobs; nine others, who come when these are being worked off, 100 each.

The figure is how long the nine wait (p50) beside the same without the first. The Jain index is over how many jobs each
of the ten was served from the coming of the nine until the first of them had all: 1 is even, 0.1 is all to one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from bench.harness import Contenders, Figure, Stage, until
from models.kernel.signals import WORK_DUE

CROWD, EACH = 100_000, 100
NINE = [f"quiet-{number}" for number in range(1, 10)]
WARM_UP = 1_000
SECONDS = 900.0

SUBMIT = """
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts)
SELECT uuidv7(), 'bench.noop', 'default', '{}', 'queued', 5, owner, clock_timestamp(), 5
FROM generate_series(1, $2), unnest($1::text[]) AS owners (owner)
"""
UNFINISHED = "SELECT EXISTS (SELECT FROM jobs WHERE owner = ANY($1) AND finished_at IS NULL) AS some"
STARTED = "SELECT count(*) AS jobs FROM jobs WHERE started_at IS NOT NULL"
WAITS = """
SELECT owner, percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (
           ORDER BY extract(epoch FROM started_at - run_at) * 1000) AS waits
FROM jobs GROUP BY owner ORDER BY owner
"""
WAITS_OF_NINE = """
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (
           ORDER BY extract(epoch FROM started_at - run_at) * 1000) AS waits
FROM jobs WHERE owner = ANY($1)
"""
SERVED = """
WITH nine AS (
    SELECT min(run_at) AS came, max(started_at) AS served FROM jobs WHERE owner = ANY($1) GROUP BY owner
), contest AS (SELECT min(came) AS since, min(served) AS until FROM nine)
SELECT count(*) AS jobs FROM jobs, contest WHERE started_at BETWEEN since AND until GROUP BY owner
"""


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    yield Contenders(partial(_beside_crowd, stage), others={"the nine alone": partial(_alone, stage)})


def _beside_crowd(stage: Stage) -> float:
    crowd = stage.scaled(CROWD)
    stage.empty()
    with stage.processes("scheduler", "worker"):
        _submit(stage, ["crowd"], crowd)
        until(lambda: stage.sql(STARTED)[0]["jobs"] >= min(WARM_UP, crowd / 2), 0.2)
        _submit(stage, NINE, EACH)
        _wait_for(stage, [*NINE, "crowd"])
    served = [row["jobs"] for row in stage.sql(SERVED, NINE)]
    stage.record(**{"Jain index": sum(served) ** 2 / (10 * sum(jobs**2 for jobs in served))})
    owners = [f"{row['owner']} {row['waits'][0]:,.0f}/{row['waits'][1]:,.0f}" for row in stage.sql(WAITS)]
    stage.note(FIGURE.name, f"waits beside the crowd, p50/p99 ms: {', '.join(owners)}")
    return _wait_of_nine(stage)


def _alone(stage: Stage) -> float:
    stage.empty()
    with stage.processes("scheduler", "worker"):
        _submit(stage, ["warm-up"], WARM_UP)
        _wait_for(stage, ["warm-up"])
        _submit(stage, NINE, EACH)
        _wait_for(stage, NINE)
    return _wait_of_nine(stage)


def _submit(stage: Stage, owners: list[str], each: int) -> None:
    stage.sql(SUBMIT, owners, each)
    stage.sql(f"NOTIFY {WORK_DUE}")


def _wait_for(stage: Stage, owners: list[str]) -> None:
    until(lambda: not stage.sql(UNFINISHED, owners)[0]["some"], 0.5, SECONDS)


def _wait_of_nine(stage: Stage) -> float:
    p50, p99 = stage.sql(WAITS_OF_NINE, NINE)[0]["waits"]
    stage.record(**{"nine p50 ms": p50, "nine p99 ms": p99})
    return float(p50)


FIGURE = Figure("fairness", "ms wait", "", "", contenders, lower_is_better=True, repeated=False)
