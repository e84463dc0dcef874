"""arq, in a virtual environment of its own, since it needs an older Redis client.

The worker runs as `arq bench.peers.arq_jobs.WorkerSettings`; `python -m bench.peers.arq_jobs fill N` asks for N
jobs, `stamp N` for as many one by one, and prints how long each took to begin.
"""

import asyncio
import json
import os
import sys
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings

from bench.peers.stamping import async_waits_of, tell_start


async def noop(ctx: dict[str, Any]) -> None:
    """Nothing."""


async def stamp(ctx: dict[str, Any], key: str) -> None:
    tell_start(key)


class WorkerSettings:
    """`keep_result = 0`: nothing is stored; `max_jobs` and `poll_delay` are left at 10 and 0.5 s."""

    functions = [noop, stamp]
    redis_settings = RedisSettings.from_dsn(os.environ["BENCH_PEER_REDIS_URL"])
    keep_result = 0


async def _fill(jobs: int) -> None:
    pool = await create_pool(WorkerSettings.redis_settings)
    for _ in range(jobs):
        await pool.enqueue_job("noop")


async def _stamp(jobs: int) -> None:
    pool = await create_pool(WorkerSettings.redis_settings)
    waits = await async_waits_of(lambda key: pool.enqueue_job("stamp", key), jobs, pauses=(0.03, 0.53))
    print(json.dumps(waits))


if __name__ == "__main__":
    asyncio.run({"fill": _fill, "stamp": _stamp}[sys.argv[1]](int(sys.argv[2])))
