"""Jobs that do nothing, from waiting in their queue to done: ours, and the same by other queues.

Every contender gets two worker processes, and the machine for itself: they start for its run, do some jobs to be warm,
are frozen while its queue is filled, and time counts from the moment they go on.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

from bench.harness import ROOT, Contenders, Stage, until
from bench.peers.bare_statements import FILL
from bench.peers.queues import PLAIN_CELERY, Peer, others
from models.jobs.kinds import JobArgs
from models.jobs.service import enqueue_many
from models.kernel.actor import SYSTEM
from models.kernel.signals import WORK_DUE

JOBS = 20_000
WARM_UP = 300
CHUNK = 5_000
UNDER_WAY = 10  # messages a frozen worker may have asked for
# In the words of the partial indexes: to ask must cost nothing, also beside ten million that have ended.
UNFINISHED = """
SELECT EXISTS (SELECT FROM jobs WHERE status = 'queued' AND published_at IS NULL)
    OR EXISTS (SELECT FROM jobs WHERE status = 'queued' AND published_at IS NOT NULL)
    OR EXISTS (SELECT FROM jobs WHERE status = 'running')
    OR EXISTS (SELECT FROM jobs WHERE status IN ('scheduled', 'retrying')) AS some
"""


def beside_others(figure: str, args: JobArgs, worker: str) -> Callable[[Stage], AbstractContextManager[Contenders]]:
    """Our jobs with these arguments, beside every other queue's."""

    @contextmanager
    def contenders(stage: Stage) -> Iterator[Contenders]:
        peers = others(partial(stage.note, figure))
        yield Contenders(
            partial(ours, stage, args, worker),
            partial(theirs, stage, PLAIN_CELERY),
            partial(bare_statements, stage),
            {name: partial(theirs, stage, peer) for name, peer in peers.items()},
        )

    return contenders


def ours(stage: Stage, args: JobArgs, worker: str, jobs: int = JOBS) -> float:
    """From the commit of all jobs to the end of the last, by PostgreSQL's clock."""
    stage.empty()
    jobs = stage.scaled(jobs)
    with stage.processes("scheduler", worker):
        _submit(stage, args, WARM_UP)
        _wait_for_ours(stage)
        stage.pause("scheduler")
        _submit(stage, args, jobs)
        with stage.cost(jobs):
            started = stage.sql("SELECT clock_timestamp() AS now")[0]["now"]
            stage.resume("scheduler")
            _wait_for_ours(stage)
    ended = stage.sql("SELECT max(finished_at) AS last FROM jobs")[0]["last"]
    return jobs / float((ended - started).total_seconds())


def _submit(stage: Stage, args: JobArgs, jobs: int) -> None:
    for at in range(0, jobs, CHUNK):
        stage.run(enqueue_many(stage.database, SYSTEM, [args] * min(CHUNK, jobs - at)))
    stage.sql(f"NOTIFY {WORK_DUE}")


def _wait_for_ours(stage: Stage) -> None:
    until(lambda: not stage.sql(UNFINISHED)[0]["some"], 0.2)


def theirs(stage: Stage, peer: Peer) -> float:
    stage.empty_peers()
    peer.prepare(stage)
    jobs = stage.scaled(JOBS)
    with stage.processes(*peer.processes):
        peer.fill(stage, WARM_UP)
        until(lambda: peer.left(stage) == 0)
        stage.pause(*peer.processes)
        peer.fill(stage, jobs)
        if (waiting := peer.left(stage)) < jobs - UNDER_WAY:
            raise RuntimeError(f"{jobs - waiting} of {jobs} jobs were gone before the clock was started")
        with stage.cost(jobs):
            started = time.perf_counter()
            stage.resume(*peer.processes)
            until(lambda: peer.left(stage) == 0, 0.1)
            return jobs / (time.perf_counter() - started)


def bare_statements(stage: Stage) -> float:
    """Claim and close alone, the two statements that no durable job can do without, by two processes on asyncpg."""
    stage.empty()
    jobs = stage.scaled(JOBS)
    for half in ("a", "b"):
        stage.sql(FILL, half, jobs // 2)
    return jobs / stage.run(_in_two_processes())


async def _in_two_processes() -> float:
    """Seconds from the moment both are connected until both are done."""
    command = (sys.executable, "-m", "bench.peers.bare_statements")
    halves = [await _start(*command, half) for half in ("a", "b")]
    for half in halves:
        await half.stdout.readline()
    started = time.perf_counter()
    for half in halves:
        half.stdin.write(b"go\n")
    codes = await asyncio.gather(*(half.wait() for half in halves))
    if any(codes):
        raise RuntimeError("a process of the limit failed")
    return time.perf_counter() - started


async def _start(*command: str) -> Any:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
