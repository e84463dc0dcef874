"""From asking for a job to the first line of its handler, one at a time on an idle platform: the median.

Ours begins before `POST /jobs` is written to the socket; the peer's before plain Celery's `delay()`; the limit is an
INSERT with NOTIFY, heard by a listener that claims the row. All clocks are the machine's.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import msgspec
import redis

from bench.harness import Contenders, Figure, Stage
from bench.load import exchange, quantiles_in_ms, request
from bench.peers.bare_statements import CLAIM, INSERT
from models.kernel.ids import new_id

SAMPLES = 100
PAUSE_SECONDS = 0.03


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    with stage.processes("web", "scheduler", "worker", "peer-worker"):
        key = stage.api_key()
        yield Contenders(lambda: idle_latency(stage, key), lambda: _peer(stage), lambda: stage.run(_limit(stage)))


def idle_latency(stage: Stage, key: str) -> float:
    body, headers = b'{"kind":"bench.stamp","payload":{}}', {"x-api-key": key}
    return stage.run(_ours(stage, request("POST", f"{stage.api}/api/v1/jobs", body=body, headers=headers)))


async def _ours(stage: Stage, message: bytes) -> float:
    asked = {}
    for _ in range(stage.scaled(SAMPLES)):
        now = time.time()
        answer = await exchange(stage.api, message)
        id_ = UUID(msgspec.json.decode(answer)["id"])
        asked[id_] = now
        while not await stage.database.fetch("SELECT FROM jobs WHERE id = $1 AND finished_at IS NOT NULL", id_):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(PAUSE_SECONDS)
    rows = await stage.database.fetch("SELECT id, result->>'startedAt' AS at FROM jobs WHERE id = ANY($1)", list(asked))
    waits = [float(row["at"]) - asked[row["id"]] for row in rows]
    stage.record(**quantiles_in_ms(waits))
    return statistics.median(waits) * 1000


def _peer(stage: Stage) -> float:
    from bench.peers.plain_celery import stamp

    waits = []
    with redis.from_url(stage.peer_redis_url) as client:
        for number in range(stage.scaled(SAMPLES)):
            now = time.time()
            stamp.delay(f"stamp-{number}")
            answer = client.blpop([f"stamp-{number}"], timeout=10)
            waits.append(float(answer[1]) - now)
            time.sleep(PAUSE_SECONDS)
    return statistics.median(waits) * 1000


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
    return statistics.median(waits) * 1000


FIGURE = Figure(
    "idle_latency_ms", "ms", "plain Celery delay()", "INSERT, NOTIFY, claim", contenders, lower_is_better=True
)
