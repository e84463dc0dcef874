"""Plain Celery as its documentation shows it: Redis as broker, default prefetch, early acknowledgement."""

import os
import time
from typing import Any

import redis
from celery import Celery

_redis_url = os.environ["BENCH_PEER_REDIS_URL"]
_client = redis.from_url(_redis_url)

celery = Celery("plain", broker=_redis_url, backend=_redis_url)
celery.conf.update(task_serializer="json", worker_send_task_events=True, broker_connection_retry_on_startup=True)


@celery.task(name="plain.noop", ignore_result=True)
def noop(payload: dict[str, Any] | None = None) -> None:
    """Nothing is stored, which is the cheapest a task can be."""


@celery.task(name="plain.stamp", ignore_result=True)
def stamp(key: str) -> None:
    """Tell over Redis when the task began, by the machine's clock."""
    _client.rpush(key, repr(time.time()))


@celery.task(name="plain.answer")
def answer(number: int) -> dict[str, int]:
    return {"number": number}
