"""From asking for a job to the first line of its handler, one at a time on an idle platform: the median.

Ours begins before `POST /jobs` is written to the socket; a peer's before its own call that asks for a job; the limit
is an INSERT with NOTIFY, heard by a listener that claims the row. All clocks are the machine's, and every contender has
the machine for itself: its processes run for its run, and do some jobs to be warm.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import msgspec

from bench.harness import Contenders, Figure, Stage
from bench.load import exchange, quantiles_in_ms, request
from bench.peers.bare_statements import CLAIM, INSERT
from bench.peers.queues import PLAIN_CELERY, Peer, others
from models.kernel.ids import new_id

SAMPLES, WARM_UP = 100, 5
PAUSE_SECONDS = 0.03


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    peers = others(partial(stage.note, FIGURE.name))
    yield Contenders(
        partial(_ours, stage, stage.api_key()),
        partial(_theirs, stage, PLAIN_CELERY),
        lambda: stage.run(_limit(stage)),
        {name: partial(_theirs, stage, peer) for name, peer in peers.items()},
    )


def _ours(stage: Stage, key: str) -> float:
    with stage.processes("web", "scheduler", "worker"):
        stage.run(_waits(stage, key, WARM_UP))
        return idle_latency(stage, key)


def idle_latency(stage: Stage, key: str) -> float:
    return _median_of(stage, stage.run(_waits(stage, key, stage.scaled(SAMPLES))))


def _median_of(stage: Stage, waits: list[float]) -> float:
    stage.record(**quantiles_in_ms(waits))
    return statistics.median(waits) * 1000


async def _waits(stage: Stage, key: str, samples: int) -> list[float]:
    body, headers = b'{"kind":"bench.stamp","payload":{}}', {"x-api-key": key}
    message = request("POST", f"{stage.api}/api/v1/jobs", body=body, headers=headers)
    asked = {}
    for _ in range(samples):
        now = time.time()
        answer = await exchange(stage.api, message)
        id_ = UUID(msgspec.json.decode(answer)["id"])
        asked[id_] = now
        while not await stage.database.fetch("SELECT FROM jobs WHERE id = $1 AND finished_at IS NOT NULL", id_):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(PAUSE_SECONDS)
    rows = await stage.database.fetch("SELECT id, result->>'startedAt' AS at FROM jobs WHERE id = ANY($1)", list(asked))
    return [float(row["at"]) - asked[row["id"]] for row in rows]


def _theirs(stage: Stage, peer: Peer) -> float:
    stage.empty_peers()
    peer.prepare(stage)
    with stage.processes(*peer.processes):
        peer.waits(stage, WARM_UP)
        return _median_of(stage, peer.waits(stage, stage.scaled(SAMPLES)))


async def _limit(stage: Stage) -> float:
    claimer = await stage.database.connect_raw()
    listener = await stage.database.connect_raw()
    heard: asyncio.Queue[str] = asyncio.Queue()
    await listener.add_listener("bench", lambda *notice: heard.put_nowait(notice[-1]))
    waits = []
    for _ in range(stage.scaled(SAMPLES)):
        now, id_ = time.time(), new_id()
        await stage.database.fetch(f"WITH row AS ({INSERT}) SELECT pg_notify('bench', id::text) FROM row", id_, "{}")
        await claimer.fetch(CLAIM, UUID(await heard.get()))
        waits.append(time.time() - now)
        await asyncio.sleep(PAUSE_SECONDS)
    claimer.terminate()
    listener.terminate()
    return _median_of(stage, waits)


FIGURE = Figure(
    "idle_latency_ms", "ms", "plain Celery delay()", "INSERT, NOTIFY, claim", contenders, lower_is_better=True
)
