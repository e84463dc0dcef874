"""Jobs that do nothing, from waiting in their queue to done, with two worker processes.

Ours are published, claimed, closed with an event, and remembered; the peer's (plain Celery with events on, default
prefetch) leave nothing behind; the limit is only the two statements of ours that no durable job can do without, claim
and close, by two processes on asyncpg.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from bench.harness import ROOT, Contenders, Figure, Stage
from bench.peers.bare_statements import FILL
from bench.probe_kinds import Noop
from models.jobs.service import enqueue_many
from models.kernel.actor import SYSTEM
from models.kernel.signals import WORK_DUE

JOBS = 3_000
PEER_QUEUE = "celery"
HELD = "held"
SECONDS = 120.0


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    with stage.processes("scheduler", "worker", "peer-worker"):
        yield Contenders(lambda: _ours(stage), lambda: _peer(stage), lambda: _limit(stage))


def _ours(stage: Stage) -> float:
    """From the commit of all jobs to the end of the last, by PostgreSQL's clock."""
    stage.empty()
    stage.run(enqueue_many(stage.database, SYSTEM, [Noop() for _ in range(JOBS)]))
    started = stage.sql("SELECT clock_timestamp() AS now")[0]["now"]
    stage.sql(f"NOTIFY {WORK_DUE}")
    left = "SELECT count(*) AS jobs FROM jobs WHERE status <> 'succeeded'"
    _until(lambda: stage.sql(left)[0]["jobs"] == 0, 0.1)
    ended = stage.sql("SELECT max(finished_at) AS last FROM jobs")[0]["last"]
    return JOBS / float((ended - started).total_seconds())


def _peer(stage: Stage) -> float:
    """The messages are made beforehand and given to the worker at once."""
    from bench.peers.plain_celery import celery, noop

    stage.empty()
    with redis.from_url(stage.peer_redis_url) as client, celery.connection_for_write() as connection:
        with connection.Producer() as producer:
            for _ in range(JOBS):
                noop.apply_async(queue=HELD, producer=producer)
        client.delete(f"_kombu.binding.{HELD}")
        started = time.perf_counter()
        client.rename(HELD, PEER_QUEUE)
        _until(lambda: client.llen(PEER_QUEUE) == 0 and client.hlen("unacked") == 0)
        return JOBS / (time.perf_counter() - started)


def _limit(stage: Stage) -> float:
    stage.empty()
    for half in ("a", "b"):
        stage.sql(FILL, half, JOBS // 2)
    return JOBS / stage.run(_in_two_processes())


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


def _until(done: Any, pause: float = 0.02) -> None:
    deadline = time.monotonic() + SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done after {SECONDS:g} s")
        time.sleep(pause)


FIGURE = Figure("noop_end_to_end", "jobs/s", "plain Celery, -c 2, events on", "claim and close statements", contenders)
