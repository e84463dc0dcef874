"""Counting in Redis: exact over processes, by the sliding minute, and without Redis."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from api.quota import AWAY, LEASE, PREFIX, Quota, QuotaAtHand
from models.kernel.ids import new_id
from models.kernel.settings import Settings
from tests.support.client import eventually
from tests.support.limited import DAY
from tests.support.servers import running_valkey


@pytest.fixture
async def quotas(settings: Settings) -> AsyncIterator[tuple[Quota, Quota]]:
    """Of two processes."""
    both = Quota(settings.redis_url, window_seconds=DAY), Quota(settings.redis_url, window_seconds=DAY)
    yield both
    for quota in both:
        await quota.close()


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator["Redis"]:
    async with Redis.from_url(settings.redis_url) as client:
        yield client


@pytest.mark.parametrize("limit", [1, 5, 100, 1000, 20_000])
async def test_two_processes_together_let_in_as_many_as_the_limit(quotas: tuple[Quota, Quota], limit: int) -> None:
    name = str(new_id())

    async def ask(quota: Quota, times: int) -> int:
        standings = [await quota.take(name, limit) for _ in range(times)]
        return sum(standing is not None and standing.allowed for standing in standings)

    times = limit // 8 + 10
    allowed = await asyncio.gather(*(ask(quota, times) for quota in quotas for _ in range(8)))
    assert sum(allowed) == limit


async def test_much_is_given_in_advance_and_little_is_not(quotas: tuple[Quota, Quota], redis: "Redis") -> None:
    busy, few = str(new_id()), str(new_id())
    for _ in range(100):
        await quotas[0].take(busy, 1_000_000)
        await quotas[0].take(few, 127)
    assert int(await redis.hget(PREFIX + busy, "current") or 0) == LEASE + 1
    assert int(await redis.hget(PREFIX + few, "current") or 0) == 100


async def test_what_is_left_goes_down_by_one_each_time(quotas: tuple[Quota, Quota]) -> None:
    for limit in (3, 5000):
        name = str(new_id())
        standings = [await quotas[0].take(name, limit) for _ in range(3)]
        assert [standing and standing.remaining for standing in standings] == [limit - 1, limit - 2, limit - 3]


async def test_what_was_counted_in_the_minute_before_fades(quotas: tuple[Quota, Quota], redis: "Redis") -> None:
    name = str(new_id())
    seconds, _ = await redis.time()
    stored: dict[Any, Any] = {"window": seconds // DAY - 1, "current": 100, "previous": 7000}
    await redis.hset(PREFIX + name, mapping=stored)
    standing = await quotas[0].take(name, 100)
    seconds, _ = await redis.time()
    faded = 100 - int(100 * (1 - seconds % DAY / DAY))
    assert standing is not None
    assert (standing.remaining if standing.allowed else -1) == pytest.approx(faded - 1, abs=1)


async def test_what_is_older_than_that_is_forgotten(quotas: tuple[Quota, Quota], redis: "Redis") -> None:
    name = str(new_id())
    seconds, _ = await redis.time()
    await redis.hset(PREFIX + name, mapping={"window": seconds // DAY - 2, "current": 100, "previous": 100})
    standing = await quotas[0].take(name, 100)
    assert standing is not None
    assert standing.remaining == 99
    assert 0 < await redis.ttl(PREFIX + name) <= 2 * DAY


async def test_who_is_refused_is_told_when_to_come_again(settings: Settings) -> None:
    """And is let in then, or a moment later, as the seconds are whole."""
    quota, name = Quota(settings.redis_url, window_seconds=2), str(new_id())

    async def take() -> bool:
        standing = await quota.take(name, 2)
        assert standing is not None
        assert standing.allowed or 1 <= standing.retry_after <= 3
        return standing.allowed

    try:
        let_in = await asyncio.gather(*(take() for _ in range(5)))
        assert let_in.count(False) == 3
        await eventually(take)
    finally:
        await quota.close()


async def test_the_way_out_is_when_enough_of_the_last_minute_has_faded(
    quotas: tuple[Quota, Quota], redis: "Redis"
) -> None:
    """Half is used in this window; of the one before, more than the other half still counts."""
    name = str(new_id())
    seconds, _ = await redis.time()
    gone = seconds % DAY / DAY
    previous = int(100 / (1 - gone)) + 1
    await redis.hset(PREFIX + name, mapping={"window": seconds // DAY, "current": 50, "previous": previous})
    standing = await quotas[0].take(name, 100)
    assert standing is not None
    assert not standing.allowed
    assert standing.retry_after == pytest.approx(DAY * (1 - 50 / previous - gone), abs=3)


async def test_while_redis_is_away_nothing_is_counted_and_afterwards_it_is() -> None:
    with running_valkey() as valkey:
        quota, name = Quota(valkey.url, window_seconds=DAY), str(new_id())
        standing = await quota.take(name, 5)
        assert standing is not None
        valkey.stop()
        assert [await quota.take(name, 5) for _ in range(200)] == [None] * 200
        assert AWAY._value.get() == 1
        valkey.start()

        async def counted() -> bool:
            return await quota.take(name, 5) is not None

        await eventually(counted)
        assert AWAY._value.get() == 0
        await quota.close()


async def test_a_redis_that_hangs_is_waited_for_once() -> None:
    heard = 0

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        while await reader.read(65536):
            heard += 1
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    quota = Quota(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    assert await asyncio.gather(*(quota.take(f"name-{i}", 5) for i in range(50))) == [None] * 50
    so_far = heard
    assert [await quota.take(f"name-{i}", 5) for i in range(1000)] == [None] * 1000
    assert heard <= so_far + 1
    await quota.close()
    server.close()


def test_at_hand_it_counts_by_whole_minutes() -> None:
    quota = QuotaAtHand()
    assert [quota.take("noa", 2, 60.0 + second).allowed for second in (0, 1, 2, 59)] == [True, True, False, False]
    assert quota.take("noa", 2, 90.0).retry_after == 30
    assert quota.take("dana", 2, 90.0).allowed
    assert quota.take("noa", 2, 120.0).remaining == 1


def test_at_hand_it_remembers_so_many_names_and_forgets_the_oldest() -> None:
    quota = QuotaAtHand(names=100)
    for number in range(10_000):
        quota.take(f"name-{number}", 1, 0.0)
    assert len(quota) == 100
    assert not quota.take("name-9999", 1, 0.0).allowed
