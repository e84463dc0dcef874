"""taskiq on a Redis stream: a message is acknowledged after its task."""

import os

from taskiq_redis import RedisStreamBroker

from bench.peers.stamping import tell_start

broker = RedisStreamBroker(url=os.environ["BENCH_PEER_REDIS_URL"])


@broker.task(task_name="noop")
async def noop() -> None:
    """Nothing; and no result backend, so nothing is stored."""


@broker.task(task_name="stamp")
async def stamp(key: str) -> None:
    tell_start(key)
