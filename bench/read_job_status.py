"""`GET /jobs/{id}` under 64 connections, of jobs that have ended with a result.

The peer reads the same from Celery's result backend by AsyncResult; the limit is one SELECT behind a bare ASGI
function.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import redis
from celery import Celery

from bench.harness import Contenders, Figure, Run, Stage
from bench.load import drive, request
from models.kernel.ids import new_id

CONNECTIONS = 64
JOBS = 5_000
REQUESTS = 15_000
SECONDS = 6.0

ENDED = """
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, attempt, max_attempts, result, started_at,
                  finished_at)
SELECT id, 'bench.stamp', 'default', '{}', 'succeeded', 5, 'system', clock_timestamp(), 1, 5, '{"number": 1}',
       clock_timestamp(), clock_timestamp()
FROM unnest($1::uuid[]) AS given (id)
"""


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    stage.empty()
    ids = [str(new_id()) for _ in range(JOBS)]
    stage.sql(ENDED, ids)
    _store_results(stage.peer_redis_url, ids)
    with stage.processes("web", "peer-web", "limit-web") as urls:
        key = {"x-api-key": stage.api_key()}
        yield Contenders(
            reading(stage, f"{stage.api}/api/v1/jobs", ids, key),
            reading(stage, f"{urls['peer']}/jobs", ids, {}),
            reading(stage, f"{urls['limit']}/jobs", ids, {}),
        )


def _store_results(url: str, ids: Sequence[str]) -> None:
    backend = Celery("plain", broker=url, backend=url).backend
    with redis.from_url(url) as client:
        for id_ in ids:
            ended = {"status": "SUCCESS", "result": {"number": 1}, "traceback": None, "task_id": id_}
            client.set(backend.get_key_for_task(id_), backend.encode(ended))


def reading(stage: Stage, url: str, ids: Sequence[str], headers: dict[str, str]) -> Run:
    """Give a run that reads these jobs in a random order, over and over."""
    shuffled = random.Random(7).sample(ids, len(ids))
    messages = [request("GET", f"{url}/{id_}", headers=headers) for id_ in shuffled]

    def run() -> float:
        load = drive(url, messages, connections=CONNECTIONS, total=REQUESTS, seconds=SECONDS, status=200)
        return stage.run(load).must_be_whole().per_second

    return run


FIGURE = Figure("read_job_status", "reads/s", "FastAPI + AsyncResult", "one SELECT, bare ASGI", contenders)
