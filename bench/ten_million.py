"""Ten million finished jobs in the table, and their attempts: what else costs more for it?

Submitting, reading, doing (also of a kind that is taken in batches) and waiting are measured as in their own figures,
before and after the table is filled; the figure is the change of the one that got worse most. The jobs ended over the
last 29 days, so none is due for pruning. Then half of them are made due: how many go in a second, and what that costs
the others meanwhile, is recorded beside it.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

from bench import noops
from bench.finished_jobs import copy_finished
from bench.harness import Contenders, Figure, Stage
from bench.idle_latency_ms import idle_latency
from bench.probe_kinds import Noop, NoopInBatches
from bench.read_job_status import ENDED, reading
from bench.submitting import submit_for_a_while
from models.kernel.ids import new_id

FINISHED, CHUNK = 10_000_000, 250_000
FILL_SECONDS = 1_800.0  # what is there by then has to do
READ_IDS, NOOPS, TIMES = 5_000, 5_000, 3
PRUNE_SECONDS, KEEP_DAYS = 20.0, 15

SAMPLE = "SELECT id FROM jobs TABLESAMPLE BERNOULLI ($1) LIMIT $2"
COUNT = "SELECT count(*) AS jobs FROM jobs WHERE finished_at IS NOT NULL"
DUE = "SELECT EXISTS (SELECT FROM jobs WHERE finished_at < now() - make_interval(days => $1)) AS some"


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
    with _half_due():
        pruned_per_second, meanwhile = _pruned_per_second(stage), _measure_working(stage, key)
    left_over = stage.sql(DUE, KEEP_DAYS)[0]["some"]
    worse = {name: _worse(name, before[name], after[name]) for name in before}
    for name, change in worse.items():
        stage.record(**{f"{name} before": before[name], f"{name} after": after[name], f"{name} worse by %": change})
    for name, value in meanwhile.items():
        change = _worse(name, after[name], value)
        stage.record(**{f"{name} while pruning": value, f"{name} while pruning worse by %": change})
    stage.record(**{"pruned /s": pruned_per_second})
    if not left_over:
        stage.note(FIGURE.name, "there were too few to prune for as long as the others were measured")
    return max(worse.values())


@contextmanager
def _half_due() -> Iterator[None]:
    """Schedulers that are started now forget what ended before the middle of the month."""
    os.environ["BELLWORK_JOB_KEEP_DAYS"] = str(KEEP_DAYS)
    try:
        yield
    finally:
        del os.environ["BELLWORK_JOB_KEEP_DAYS"]


def _pruned_per_second(stage: Stage) -> float:
    """With nothing else to do."""
    before = int(stage.sql(COUNT)[0]["jobs"])
    with stage.processes("scheduler"):
        started, took = time.monotonic(), 0.0
        while took < PRUNE_SECONDS and stage.sql(DUE, KEEP_DAYS)[0]["some"]:
            time.sleep(0.2)
            took = time.monotonic() - started
    return (before - int(stage.sql(COUNT)[0]["jobs"])) / took


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
    return {"submit /s": submitted, "read /s": read, **_measure_working(stage, key)}


def _measure_working(stage: Stage, key: str) -> dict[str, float]:
    """What needs a scheduler."""
    with stage.processes("web", "scheduler", "worker"):
        idle = _median(partial(idle_latency, stage, key))
    done = _median(partial(noops.ours, stage, Noop(), "worker", NOOPS))
    batched = _median(partial(noops.ours, stage, NoopInBatches(), "worker-bulk", NOOPS))
    stage.recorded.clear()
    return {"no-op /s": done, "batchable no-op /s": batched, "idle ms": idle}


def _median(run: Callable[[], float]) -> float:
    run()
    return statistics.median(run() for _ in range(TIMES))


def _fill(stage: Stage) -> int:
    """Gives how many jobs it came to within the time."""
    stage.empty()
    wanted, deadline, done = stage.scaled(FINISHED), time.monotonic() + FILL_SECONDS, 0
    while done < wanted and time.monotonic() < deadline:
        last = min(done + CHUNK, wanted)
        stage.run(copy_finished(stage.platform.owner_url, range(done, last), wanted))
        done = last
    stage.sql("VACUUM ANALYZE jobs, job_attempts")
    stage.sql("CHECKPOINT")
    stage.kept = UUID(str(stage.sql("SELECT id FROM jobs ORDER BY id DESC LIMIT 1")[0]["id"]))
    return done


FIGURE = Figure("ten_million", "% worse at most", "", "", contenders, lower_is_better=True, repeated=False)
