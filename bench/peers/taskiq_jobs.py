"""taskiq on a Redis stream: a message is acknowledged after its task."""

import os

from taskiq_redis import RedisStreamBroker

from bench.peers.stamping import tell_start

# Without a bound on a read: of one that is frozen for longer, what it was sent meanwhile would be pending for minutes.
broker = RedisStreamBroker(url=os.environ["BENCH_PEER_REDIS_URL"], socket_timeout=None)


@broker.task(task_name="noop")
async def noop() -> None:
    """Nothing; and no result backend, so nothing is stored."""


@broker.task(task_name="stamp")
async def stamp(key: str) -> None:
    tell_start(key)
