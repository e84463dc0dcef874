"""Plain Celery as its documentation shows it: Redis as broker, default prefetch, early acknowledgement."""

import os
from typing import Any

from celery import Celery

from bench.peers.stamping import tell_start

_redis_url = os.environ["BENCH_PEER_REDIS_URL"]

celery = Celery("plain", broker=_redis_url, backend=_redis_url)
celery.conf.update(task_serializer="json", worker_send_task_events=True, broker_connection_retry_on_startup=True)


@celery.task(name="plain.noop", ignore_result=True)
def noop(payload: dict[str, Any] | None = None) -> None:
    """Nothing is stored, which is the cheapest a task can be."""


@celery.task(name="plain.stamp", ignore_result=True)
def stamp(key: str) -> None:
    tell_start(key)


@celery.task(name="plain.answer")
def answer(number: int) -> dict[str, int]:
    return {"number": number}
