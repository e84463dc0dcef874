"""Who is alive: not who is up, but who takes something from a queue, or is busy with it."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

import pytest

from models.jobs.kinds import kind_named
from models.jobs.lifecycle import claim
from models.jobs.liveness import forget_silent, see_scheduler, see_worker
from models.jobs.rules import Queue
from models.jobs.service import enqueue
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from scheduler.broker import Broker, Message
from scheduler.canary import send_canaries
from tasks.context import Tools
from tasks.heartbeat import Heartbeat
from tasks.leases import Leases
from tasks.runtime import Runtime
from tests.support.client import ApiClient, eventually
from tests.support.probes import Echo


class FakeBroker:
    def __init__(self, depths: Mapping[str, int]) -> None:
        self.sent: list[Message] = []
        self._depths = depths

    async def publish(self, messages: Sequence[Message]) -> None:
        self.sent += messages

    async def depth(self, queue: str) -> int:
        return self._depths.get(queue, 0)


@pytest.mark.usefixtures("workers")
async def test_a_canary_shows_which_worker_serves_a_queue(client: ApiClient, database: Database) -> None:
    async def served() -> bool:
        rows = await database.fetch("SELECT queue FROM lanes WHERE worker LIKE '%@%'")
        return {row["queue"] for row in rows} == {queue.value for queue in Queue}

    assert await eventually(served, within=60)


async def test_an_idle_queue_gets_a_canary_for_each_of_its_workers_and_a_newcomer(quiet_database: Database) -> None:
    for worker in ("a@one", "b@two"):
        await see_worker(quiet_database, ["mail"], worker)
    await see_worker(quiet_database, ["bulk"], "gone@three")
    await quiet_database.execute("UPDATE lanes SET seen_at = seen_at - interval '2 minutes' WHERE queue = 'bulk'")
    broker = FakeBroker({"default": 4})
    await send_canaries(quiet_database, cast(Broker, broker))
    sent = Counter(message.queue for message in broker.sent)
    assert sent == {"mail": 3, "bulk": 1, "exports": 1, "calendar": 1, "webhooks": 1}
    assert len({message.job_ids[0] for message in broker.sent}) == len(broker.sent)


async def test_a_worker_that_is_busy_is_alive_without_taking_anything(quiet_database: Database) -> None:
    """Its leases are renewed, and with them the sign of its life."""
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    (running,) = await claim(quiet_database, [job.id], "w", 60)

    async def seen() -> list[str]:
        return [row["queue"] for row in await quiet_database.fetch("SELECT queue FROM lanes")]

    with Leases(quiet_database, 0.3, Heartbeat()).hold(running, asyncio.Event(), time_limit_seconds=60.0):
        assert await eventually(seen) == ["default"]


async def test_a_worker_shows_at_most_every_few_seconds_what_it_takes(quiet_database: Database) -> None:
    heartbeat = Heartbeat()
    await heartbeat.show(quiet_database, ["default"])
    await quiet_database.execute("DELETE FROM lanes")
    await heartbeat.show(quiet_database, ["default", "mail"])
    assert [row["queue"] for row in await quiet_database.fetch("SELECT queue FROM lanes")] == ["mail"]


async def test_a_job_is_done_also_when_no_sign_of_life_can_be_written(tools: Tools) -> None:
    await tools.database.execute("ALTER TABLE lanes RENAME TO lanes_away")
    try:
        job = await enqueue(tools.database, SYSTEM, Echo(text="x"))
        ended = await Runtime(tools, "w").perform(kind_named("probe.echo"), [job.id])
    finally:
        await tools.database.execute("ALTER TABLE lanes_away RENAME TO lanes")
    assert ended[job.id].outcome == "succeeded"


async def test_those_who_were_not_seen_for_a_day_are_forgotten(quiet_database: Database) -> None:
    for name, ago in (("gone", "25 hours"), ("here", "23 hours")):
        await see_worker(quiet_database, ["mail"], name)
        await see_scheduler(quiet_database, name, broker_away=False)
        for table, column in (("lanes", "worker"), ("schedulers_seen", "scheduler")):
            await quiet_database.execute(
                f"UPDATE {table} SET seen_at = seen_at - $2::text::interval WHERE {column} = $1", name, ago
            )
    assert await forget_silent(quiet_database) == 2
    assert [row["worker"] for row in await quiet_database.fetch("SELECT worker FROM lanes")] == ["here"]
