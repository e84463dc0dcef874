"""The peers of the no-op figures, in the plain style of their documentation, with two worker processes each.

Settings are the default ones but for what bench/Procfile says; none stores results. What each promises differs: plain
Celery acknowledges a message before it runs, and Redis has it on disk within a second; procrastinate and pg-boss commit
their jobs in PostgreSQL; only theirs and ours are remembered when they are done.
"""

import subprocess
from collections.abc import Callable
from typing import NamedTuple

import redis

from bench.harness import ROOT, Stage

ARQ_PYTHON = ROOT / ".venv-arq/bin/python"
NODE = ROOT / "bench/peers/node"
CHUNK = 1_000


class Peer(NamedTuple):
    """The lines of bench/Procfile that work on it, how it is filled, and how to see what it has not done yet."""

    processes: tuple[str, ...]
    fill: Callable[[Stage, int], None]
    left: Callable[[Stage], int]
    prepare: Callable[[Stage], None] = lambda stage: None


def _fill_celery(stage: Stage, jobs: int) -> None:
    from bench.peers.plain_celery import celery, noop

    with celery.connection_for_write() as connection, connection.Producer() as producer:
        for _ in range(jobs):
            noop.apply_async(producer=producer)


def _left_in_celery(stage: Stage) -> int:
    with redis.from_url(stage.peer_redis_url) as client:
        return int(client.llen("celery")) + int(client.hlen("unacked"))


def _create_procrastinate(stage: Stage) -> None:
    from bench.peers.procrastinate_jobs import app

    with app.open():
        app.schema_manager.apply_schema()


def _fill_procrastinate(stage: Stage, jobs: int) -> None:
    from bench.peers.procrastinate_jobs import app, noop

    with app.open():
        for at in range(0, jobs, CHUNK):
            noop.batch_defer(*({} for _ in range(min(CHUNK, jobs - at))))


def _left_in_procrastinate(stage: Stage) -> int:
    left = "SELECT count(*) AS jobs FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
    return int(stage.peer_sql(left)[0]["jobs"])


def _fill_taskiq(stage: Stage, jobs: int) -> None:
    from bench.peers.taskiq_jobs import broker, noop

    async def fill() -> None:
        await broker.startup()
        for _ in range(jobs):
            await noop.kiq()
        await broker.shutdown()

    stage.run(fill())


def _left_in_taskiq(stage: Stage) -> int:
    with redis.from_url(stage.peer_redis_url) as client:
        group = client.xinfo_groups("taskiq")[0]
        return int(group["lag"]) + int(group["pending"])


def _fill_dramatiq(stage: Stage, jobs: int) -> None:
    from bench.peers.dramatiq_jobs import noop

    for _ in range(jobs):
        noop.send()


def _left_in_dramatiq(stage: Stage) -> int:
    with redis.from_url(stage.peer_redis_url) as client:
        return int(client.hlen("dramatiq:default.msgs"))


def _fill_arq(stage: Stage, jobs: int) -> None:
    subprocess.run([str(ARQ_PYTHON), "-m", "bench.peers.arq_jobs", str(jobs)], cwd=ROOT, check=True)


def _left_in_arq(stage: Stage) -> int:
    with redis.from_url(stage.peer_redis_url) as client:
        return int(client.zcard("arq:queue"))


def _fill_bullmq(stage: Stage, jobs: int) -> None:
    subprocess.run(["node", str(NODE / "bullmq.mjs"), "fill", str(jobs)], cwd=ROOT, check=True)


def _left_in_bullmq(stage: Stage) -> int:
    with redis.from_url(stage.peer_redis_url) as client:
        return int(client.llen("bull:noop:wait")) + int(client.llen("bull:noop:active"))


def _create_pgboss(stage: Stage) -> None:
    subprocess.run(["node", str(NODE / "pgboss.mjs"), "create"], cwd=ROOT, check=True)


def _fill_pgboss(stage: Stage, jobs: int) -> None:
    subprocess.run(["node", str(NODE / "pgboss.mjs"), "fill", str(jobs)], cwd=ROOT, check=True)


def _left_in_pgboss(stage: Stage) -> int:
    left = "SELECT count(*) AS jobs FROM pgboss.job WHERE name = 'noop' AND state < 'completed'"
    return int(stage.peer_sql(left)[0]["jobs"])


PLAIN_CELERY = Peer(("peer-worker",), _fill_celery, _left_in_celery)
OTHERS = {
    "Celery, prefetch 1": Peer(("celery-prefetch-1",), _fill_celery, _left_in_celery),
    "Celery, the same, acks late": Peer(("celery-acks-late",), _fill_celery, _left_in_celery),
    "procrastinate": Peer(
        ("procrastinate-1", "procrastinate-2"), _fill_procrastinate, _left_in_procrastinate, _create_procrastinate
    ),
    "taskiq, acknowledged stream": Peer(("taskiq",), _fill_taskiq, _left_in_taskiq),
    "dramatiq": Peer(("dramatiq",), _fill_dramatiq, _left_in_dramatiq),
}
# By the name of a queue that is set up apart from the rest: where that is to be found, and the peer.
APART = {
    "arq": (ARQ_PYTHON, Peer(("arq-1", "arq-2"), _fill_arq, _left_in_arq)),
    "BullMQ, Node": (NODE / "node_modules/bullmq", Peer(("bullmq-1", "bullmq-2"), _fill_bullmq, _left_in_bullmq)),
    "pg-boss, Node": (
        NODE / "node_modules/pg-boss",
        Peer(("pgboss-1", "pgboss-2"), _fill_pgboss, _left_in_pgboss, _create_pgboss),
    ),
}


def others(note: Callable[[str], None]) -> dict[str, Peer]:
    """The further peers that can run here; says which cannot."""
    peers = dict(OTHERS)
    for name, (place, peer) in APART.items():
        if place.exists():
            peers[name] = peer
        else:
            note(f"{name} was left out: {place.relative_to(ROOT)} is missing, which make bench sets up")
    return peers
