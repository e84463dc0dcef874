"""The peers of the no-op figures and of idle latency, in the plain style of their documentation, with two worker
processes each.

Settings are the default ones but for what bench/Procfile says; none stores results. What each promises differs: plain
Celery acknowledges a message before it runs, and Redis has it on disk within a second; procrastinate and pg-boss commit
their jobs in PostgreSQL; only theirs and ours are remembered when they are done.
"""

import json
import subprocess
from collections.abc import Callable
from typing import NamedTuple

import redis

from bench.harness import ROOT, Stage

ARQ_PYTHON = ROOT / ".venv-arq/bin/python"
NODE = ROOT / "bench/peers/node"
CHUNK = 1_000


class Peer(NamedTuple):
    """The lines of bench/Procfile that work on it, how it is filled, how to see what it has not done yet, and the
    seconds that each of so many jobs, asked for one by one, took to begin."""

    processes: tuple[str, ...]
    fill: Callable[[Stage, int], None]
    left: Callable[[Stage], int]
    waits: Callable[[Stage, int], list[float]]
    prepare: Callable[[Stage], None] = lambda stage: None


def _fill_celery(stage: Stage, jobs: int) -> None:
    from bench.peers.plain_celery import celery, noop

    with celery.connection_for_write() as connection, connection.Producer() as producer:
        for _ in range(jobs):
            noop.apply_async(producer=producer)


def _left_in_celery(stage: Stage) -> int:
    with redis.from_url(stage.peer_redis_url) as client:
        return int(client.llen("celery")) + int(client.hlen("unacked"))


def _waits_in_celery(stage: Stage, samples: int) -> list[float]:
    from bench.peers.plain_celery import stamp
    from bench.peers.stamping import waits_of

    return waits_of(stamp.delay, samples)


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


def _waits_in_procrastinate(stage: Stage, samples: int) -> list[float]:
    from bench.peers.procrastinate_jobs import app, stamp
    from bench.peers.stamping import waits_of

    with app.open():
        return waits_of(lambda key: stamp.defer(key=key), samples)


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


def _waits_in_taskiq(stage: Stage, samples: int) -> list[float]:
    from bench.peers.stamping import async_waits_of
    from bench.peers.taskiq_jobs import broker, stamp

    async def waits() -> list[float]:
        await broker.startup()
        found = await async_waits_of(stamp.kiq, samples)
        await broker.shutdown()
        return found

    return stage.run(waits())


def _fill_dramatiq(stage: Stage, jobs: int) -> None:
    from bench.peers.dramatiq_jobs import noop

    for _ in range(jobs):
        noop.send()


def _left_in_dramatiq(stage: Stage) -> int:
    with redis.from_url(stage.peer_redis_url) as client:
        return int(client.hlen("dramatiq:default.msgs"))


def _waits_in_dramatiq(stage: Stage, samples: int) -> list[float]:
    from bench.peers.dramatiq_jobs import stamp
    from bench.peers.stamping import waits_of

    return waits_of(stamp.send, samples)


def _arq(verb: str, jobs: int) -> str:
    return _said_by(str(ARQ_PYTHON), "-m", "bench.peers.arq_jobs", verb, str(jobs))


def _said_by(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def _fill_arq(stage: Stage, jobs: int) -> None:
    _arq("fill", jobs)


def _waits_in_arq(stage: Stage, samples: int) -> list[float]:
    return list(json.loads(_arq("stamp", samples)))


def _left_in_arq(stage: Stage) -> int:
    with redis.from_url(stage.peer_redis_url) as client:
        return int(client.zcard("arq:queue"))


def _node(script: str, verb: str, jobs: int) -> str:
    return _said_by("node", str(NODE / script), verb, str(jobs))


def _fill_bullmq(stage: Stage, jobs: int) -> None:
    _node("bullmq.mjs", "fill", jobs)


def _waits_in_bullmq(stage: Stage, samples: int) -> list[float]:
    return list(json.loads(_node("bullmq.mjs", "stamp", samples)))


def _left_in_bullmq(stage: Stage) -> int:
    with redis.from_url(stage.peer_redis_url) as client:
        return int(client.llen("bull:noop:wait")) + int(client.llen("bull:noop:active"))


def _create_pgboss(stage: Stage) -> None:
    _node("pgboss.mjs", "create", 0)


def _fill_pgboss(stage: Stage, jobs: int) -> None:
    _node("pgboss.mjs", "fill", jobs)


def _waits_in_pgboss(stage: Stage, samples: int) -> list[float]:
    return list(json.loads(_node("pgboss.mjs", "stamp", samples)))


def _left_in_pgboss(stage: Stage) -> int:
    left = "SELECT count(*) AS jobs FROM pgboss.job WHERE name = 'noop' AND state < 'completed'"
    return int(stage.peer_sql(left)[0]["jobs"])


PLAIN_CELERY = Peer(("peer-worker",), _fill_celery, _left_in_celery, _waits_in_celery)
OTHERS = {
    "Celery, prefetch 1": Peer(("celery-prefetch-1",), _fill_celery, _left_in_celery, _waits_in_celery),
    "Celery, the same, acks late": Peer(("celery-acks-late",), _fill_celery, _left_in_celery, _waits_in_celery),
    "procrastinate": Peer(
        ("procrastinate-1", "procrastinate-2"),
        _fill_procrastinate,
        _left_in_procrastinate,
        _waits_in_procrastinate,
        _create_procrastinate,
    ),
    "taskiq, acknowledged stream": Peer(("taskiq",), _fill_taskiq, _left_in_taskiq, _waits_in_taskiq),
    "dramatiq": Peer(("dramatiq",), _fill_dramatiq, _left_in_dramatiq, _waits_in_dramatiq),
}
# By the name of a queue that is set up apart from the rest: where that is to be found, and the peer.
APART = {
    "arq": (ARQ_PYTHON, Peer(("arq-1", "arq-2"), _fill_arq, _left_in_arq, _waits_in_arq)),
    "BullMQ, Node": (
        NODE / "node_modules/bullmq",
        Peer(("bullmq-1", "bullmq-2"), _fill_bullmq, _left_in_bullmq, _waits_in_bullmq),
    ),
    "pg-boss, Node": (
        NODE / "node_modules/pg-boss",
        Peer(("pgboss-1", "pgboss-2"), _fill_pgboss, _left_in_pgboss, _waits_in_pgboss, _create_pgboss),
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
