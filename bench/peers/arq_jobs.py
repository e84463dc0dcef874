"""arq, in a virtual environment of its own, since it needs an older Redis client.

The worker runs as `arq bench.peers.arq_jobs.WorkerSettings`; `python -m bench.peers.arq_jobs N` asks for N jobs.
"""

import asyncio
import os
import sys
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings


async def noop(ctx: dict[str, Any]) -> None:
    """Nothing."""


class WorkerSettings:
    """`keep_result = 0`: nothing is stored; `max_jobs` and `poll_delay` are left at 10 and 0.5 s."""

    functions = [noop]
    redis_settings = RedisSettings.from_dsn(os.environ["BENCH_PEER_REDIS_URL"])
    keep_result = 0


async def _fill(jobs: int) -> None:
    pool = await create_pool(WorkerSettings.redis_settings)
    for _ in range(jobs):
        await pool.enqueue_job("noop")


if __name__ == "__main__":
    asyncio.run(_fill(int(sys.argv[1])))
