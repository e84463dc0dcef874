"""How often a name has been counted in the last minute, over all processes: counters in Redis.

A sliding window counter: what was counted in the minute before weighs as much as of that minute still lies within the
last sixty seconds. Unlike fixed minutes it lets nobody have the double at the turn of a minute, and unlike a log of
moments it is three numbers a name, however high the limit.

The script counts, decides and tells what is left in one step, for all who ask at the same moment in one message. (The
strategies of the `limits` library need a second round trip to tell what is left, and cannot give a part of what was
asked for.) Who has much left is given some in advance: a lease of at most a 128th of what is left, spent within the
process, so that a thousand requests a second cost a few messages. A limit of 127 or less is never leased, and no limit
is ever exceeded.
"""

import asyncio
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import prometheus_client
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from models.kernel.batching import Batcher
from models.kernel.logs import get_logger

log = get_logger(__name__)
AWAY = prometheus_client.Gauge("bellwork_rate_limits_away", "1 while Redis does not count, and requests go uncounted")
PREFIX = "bellwork:limit:"
WINDOW_SECONDS = 60
SHARE = 128
LEASE = 1000
LEASES = 10_000
NAMES_AT_HAND = 10_000
TIMEOUT_SECONDS = 0.5
PROBE_SECONDS = 1.0

# KEYS: counters. ARGV: the window in seconds; what a lease is a share of, and at most; then limit and wanted of each.
SCRIPT = """
local clock = redis.call('TIME')
local window, share, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local number = math.floor(now / window)
local gone = now / window - number
local answer = {math.floor(now * 1000)}
for i, key in ipairs(KEYS) do
  local limit, wanted = tonumber(ARGV[2 * i + 2]), tonumber(ARGV[2 * i + 3])
  local stored = redis.call('HMGET', key, 'window', 'current', 'previous')
  local age = stored[1] and number - tonumber(stored[1]) or 2
  local current, previous = 0, 0
  if age <= 0 then
    current, previous = tonumber(stored[2]), tonumber(stored[3])
  elseif age == 1 then
    previous = tonumber(stored[2])
  end
  local free = math.max(0, limit - current - math.floor(previous * (1 - gone)))
  local granted = math.min(free, wanted + math.min(most, math.floor(free / share)))
  current = current + granted
  if granted > 0 then
    redis.call('HSET', key, 'window', number, 'current', current, 'previous', previous)
    redis.call('EXPIRE', key, 2 * window)
  end
  local wait = 0
  if granted < wanted then
    if current < limit then
      wait = window * (1 - (limit - current) / previous - gone)
    else
      wait = window * (2 - gone - limit / current)
    end
  end
  answer[#answer + 1] = granted
  answer[#answer + 1] = free - granted
  answer[#answer + 1] = math.max(0, math.ceil(wait * 1000))
end
return answer
"""


class Standing(NamedTuple):
    """What a caller may still do. `reset_at` is the moment the counted minute ends, in seconds since 1970;
    `retry_after` says in how many seconds a refused request is worth trying again.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_at: int
    retry_after: int = 0

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"x-ratelimit-limit", b"%d" % self.limit),
            (b"x-ratelimit-remaining", b"%d" % self.remaining),
            (b"x-ratelimit-reset", b"%d" % self.reset_at),
        ]


class Quota:
    """While Redis is away nothing is counted (`take` gives None) and nobody waits for it: the first request to miss it
    tells all others, and it is asked in the background whether it is back.
    """

    def __init__(
        self, redis_url: str, *, window_seconds: int = WINDOW_SECONDS, prefix: str = "bellwork:limit:"
    ) -> None:
        self._redis = Redis.from_url(
            redis_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, socket_keepalive=True,
            retry=Retry(NoBackoff(), 1),
        )  # fmt: skip
        self._script = self._redis.register_script(SCRIPT)
        self._window = window_seconds
        self._leases: dict[str, _Lease] = {}
        self._batcher: Batcher[tuple[str, int], Standing | None] = Batcher(self._ask)
        self._probe: asyncio.Task[None] | None = None

    async def take(self, name: str, limit: int) -> Standing | None:
        """Count one more for the name, unless that would be more than the limit."""
        lease = self._leases.get(name)
        if lease is not None and lease.left and lease.until > time.monotonic():
            return lease.spend(limit)
        return None if self._probe else await self._batcher.ask((name, limit))

    async def close(self) -> None:
        if self._probe:
            self._probe.cancel()
        await self._redis.aclose()

    async def _ask(self, items: Sequence[tuple[str, int]]) -> list[Standing | None]:
        wanted = Counter(items)
        numbers = [number for (_, limit), count in wanted.items() for number in (limit, count)]
        keys = [PREFIX + name for name, _ in wanted]
        try:
            now, *answers = await self._script(keys, [self._window, SHARE, LEASE, *numbers])
        except (RedisError, OSError) as error:
            self._miss(error)
            return [None] * len(items)
        given = {item: _Given(item[1], now, *answers[3 * i : 3 * i + 3]) for i, item in enumerate(wanted)}
        standings: list[Standing | None] = [given[item].spend(self._window) for item in items]
        self._keep(given)
        return standings

    def _keep(self, given: "dict[tuple[str, int], _Given]") -> None:
        for (name, _), what in given.items():
            if what.granted:
                if len(self._leases) >= LEASES:
                    self._leases.clear()
                self._leases[name] = what.lease(self._window)

    def _miss(self, error: Exception) -> None:
        if self._probe is None:
            log.warning("rate_limits_away", error=str(error))
            AWAY.set(1)
            self._probe = asyncio.create_task(self._wait_for_redis())

    async def _wait_for_redis(self) -> None:
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            try:
                await self._redis.ping()
            except (RedisError, OSError):
                continue
            log.info("rate_limits_back")
            AWAY.set(0)
            self._probe = None
            return


class _Given:
    """What Redis has granted to all who asked for one name together."""

    def __init__(self, limit: int, now: int, granted: int, remaining: int, wait: int) -> None:
        self.granted = granted
        self._limit, self._now, self._remaining, self._wait = limit, now / 1000, remaining, wait / 1000

    def spend(self, window: int) -> Standing:
        reset_at = math.ceil(self._end_of(window))
        if self.granted == 0:
            return Standing(False, self._limit, 0, reset_at, max(1, math.ceil(self._wait)))
        self.granted -= 1
        return Standing(True, self._limit, self._remaining + self.granted, reset_at)

    def lease(self, window: int) -> "_Lease":
        """What is left over, good until the minute ends in which it was counted."""
        end = self._end_of(window)
        return _Lease(self.granted, self._remaining, time.monotonic() + end - self._now, math.ceil(end))

    def _end_of(self, window: int) -> float:
        return (self._now // window + 1) * window


class _Lease:
    def __init__(self, left: int, remaining: int, until: float, reset_at: int) -> None:
        self.left, self.until = left, until
        self._remaining, self._reset_at = remaining, reset_at

    def spend(self, limit: int) -> Standing:
        self.left -= 1
        return Standing(True, limit, min(limit, self._remaining + self.left), self._reset_at)


class QuotaAtHand:
    """The same within one process, by whole minutes, for what must be limited while Redis is away. It knows the latest
    names only, so that nobody fills the memory.
    """

    def __init__(self, *, window_seconds: int = WINDOW_SECONDS, names: int = NAMES_AT_HAND) -> None:
        self._window = window_seconds
        self._names = names
        self._counts: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def take(self, name: str, limit: int, now: float) -> Standing:
        number = int(now // self._window)
        end = (number + 1) * self._window
        counted, count = self._counts.pop(name, (number, 0))
        count = count if counted == number else 0
        allowed = count < limit
        self._counts[name] = (number, count + allowed)
        if len(self._counts) > self._names:
            self._counts.popitem(last=False)
        return Standing(allowed, limit, limit - count - allowed, end, 0 if allowed else max(1, math.ceil(end - now)))

    def __len__(self) -> int:
        return len(self._counts)
