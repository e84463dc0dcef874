"""How a peer's task tells over Redis when it began, and how long tasks that are asked for one by one take to begin.

All clocks are the machine's. Between two there is a pause; of a queue that looks for work now and then it has to be of
any length up to that time, or each would be asked for at the same point of its rhythm. Nothing here needs more than
redis-py of any age.
"""

import os
import random
import time
from collections.abc import Awaitable, Callable

import redis

PAUSES = (0.03, 0.03)  # the least and the most seconds
PATIENCE_SECONDS = 30
_client = redis.from_url(os.environ["BENCH_PEER_REDIS_URL"])


def tell_start(key: str) -> None:
    _client.rpush(key, repr(time.time()))


def waits_of(submit: Callable[[str], object], samples: int) -> list[float]:
    """Seconds from before each `submit` to the first line of its task."""
    return [_wait(submit, f"stamp-{number}") for number in range(samples)]


def _wait(submit: Callable[[str], object], key: str) -> float:
    asked = time.time()
    submit(key)
    return _began(key) - asked


async def async_waits_of(
    submit: Callable[[str], Awaitable[object]], samples: int, pauses: tuple[float, float] = PAUSES
) -> list[float]:
    waits = []
    for number in range(samples):
        asked = time.time()
        await submit(f"stamp-{number}")
        waits.append(_began(f"stamp-{number}", pauses) - asked)
    return waits


def _began(key: str, pauses: tuple[float, float] = PAUSES) -> float:
    answer = _client.blpop([key], timeout=PATIENCE_SECONDS)
    if answer is None:
        raise TimeoutError(f"no task has begun for {PATIENCE_SECONDS} s")
    time.sleep(random.uniform(*pauses))
    return float(answer[1])
