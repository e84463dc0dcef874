"""Whoever holds a lock that the engine needs: it is passed by, or waited for, and costs no attempt."""

import asyncio
from typing import Any

import asyncpg
import pytest

from models.events.endings import announce_end
from models.jobs.dispatching import take_due
from models.jobs.dispatching_queries import TRY_DISPATCHING
from models.jobs.kinds import kind_of
from models.jobs.rules import JobStatus, Queue
from models.jobs.service import enqueue, enqueue_many, get_job
from models.kernel.actor import SYSTEM
from models.kernel.session import AWAY, Database, fetch
from models.kernel.settings import Settings
from scheduler.__main__ import database_of
from tasks.context import Tools
from tasks.runtime import Runtime
from tests.support.client import eventually
from tests.support.probes import Echo, Effect


async def test_a_failed_attempt_whose_end_meets_a_deadlock_is_ended_all_the_same(
    quiet_database: Database, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = list[int]()

    async def meeting_one(*args: Any) -> None:
        met.append(1)
        if len(met) == 1:
            raise asyncpg.DeadlockDetectedError
        await announce_end(*args)

    monkeypatch.setattr("tasks.runtime.announce_end", meeting_one)
    job = await enqueue(quiet_database, SYSTEM, Effect(label="x", final=True, fail_until=9))
    await Runtime(tools, "w").perform(kind_of(Effect), [job.id])
    ended = await get_job(quiet_database, job.id)
    assert (len(met), ended.status, ended.attempt) == (2, JobStatus.FAILED, 1)


async def test_the_dispatcher_waits_for_no_row(quiet_database: Database) -> None:
    """Nor does it leave the others: what is just being changed by somebody is marked the next time."""
    held, free = await enqueue_many(quiet_database, SYSTEM, [Echo(text=str(n)) for n in range(2)])
    marked = "SELECT id FROM jobs WHERE published_at IS NOT NULL ORDER BY id"
    async with asyncio.timeout(20):
        async with quiet_database.transaction() as other:
            await fetch(other, "SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", held)
            async with quiet_database.statements() as transaction:
                await take_due(transaction, Queue.DEFAULT, 10)
            assert [row["id"] for row in await quiet_database.fetch(marked)] == [free]
        async with quiet_database.statements() as transaction:
            await take_due(transaction, Queue.DEFAULT, 10)
    assert [row["id"] for row in await quiet_database.fetch(marked)] == sorted([held, free])


async def test_a_scheduler_that_is_paused_leaves_its_part_to_another(
    quiet_database: Database, settings: Settings
) -> None:
    """And once it is awake it goes on as after an outage."""
    paused = database_of(settings.model_copy(update={"database_url": quiet_database.url}))

    async def is_free() -> bool:
        async with quiet_database.statements() as transaction:
            return bool((await transaction.fetch(TRY_DISPATCHING, Queue.DEFAULT))[0]["mine"])

    async def fall_asleep() -> None:
        async with paused.statements() as transaction:
            assert (await transaction.fetch(TRY_DISPATCHING, Queue.DEFAULT))[0]["mine"]
            assert not await is_free()
            await eventually(is_free)
            await transaction.fetch("SELECT 1")

    with pytest.raises(AWAY):
        await fall_asleep()
    await paused.ping()
    await paused.close()
