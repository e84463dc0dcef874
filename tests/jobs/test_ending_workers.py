"""A worker that is told to end (SIGTERM) lets short work end, gives long work back, and leaves."""

import asyncio
import os
import signal

import pytest

from cli.platform import LocalPlatform
from models.kernel.session import Database
from tasks.heartbeat import Heartbeat
from tasks.leases import Leases
from tasks.outcomes import JobInterrupted
from tests.jobs.test_rules import job_at
from tests.support.client import ApiClient, eventually
from tests.support.jobs import effects, outcomes, started

pytestmark = pytest.mark.usefixtures("workers")


def told_to_end(workers: LocalPlatform) -> int:
    pid = workers.processes.pid("worker")
    assert pid is not None
    workers.processes.send_signal("worker", signal.SIGTERM)
    return pid


async def gone(pid: int) -> None:
    """Before anyone would kill it: containers get a minute, `bellwork up` gives 20 seconds."""

    async def has_ended() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    await eventually(has_ended, within=20)


async def test_short_work_is_done_first(client: ApiClient, workers: LocalPlatform) -> None:
    job_id = await started(client, "probe.linger", label="short", seconds=1.0)
    await gone(told_to_end(workers))
    done = await client.finish(job_id)
    assert (done["status"], await outcomes(client, job_id)) == ("succeeded", ["succeeded"])


async def test_long_work_is_given_back_and_costs_no_attempt(
    client: ApiClient, database: Database, workers: LocalPlatform
) -> None:
    job_id = await started(client, "probe.linger", {"maxAttempts": 1}, label="long", seconds=600)
    await gone(told_to_end(workers))
    done = await client.finish(job_id, within=60)
    assert (done["status"], await outcomes(client, job_id)) == ("succeeded", ["interrupted", "succeeded"])
    assert await effects(database, "long") == [2]


async def test_deploys_under_load_lose_no_attempt_and_no_effect(
    client: ApiClient, database: Database, workers: LocalPlatform
) -> None:
    seconds = [2.0, *(0.05 * (n % 7) for n in range(34))]
    payloads = [{"label": "load", "seconds": each} for each in seconds]
    jobs = [{"kind": "probe.effect", "payload": payload, "maxAttempts": 1} for payload in payloads]
    batches = []

    async def at_work() -> bool:
        return bool(await database.fetch("SELECT 1 FROM jobs WHERE status = 'running' AND kind = 'probe.effect'"))

    for _ in range(2):
        batches.append(await client.expect(202, "POST", "/jobs/batch", json={"jobs": jobs}))
        await eventually(at_work, within=60)
        await gone(told_to_end(workers))
    for batch in batches:
        done = await client.finish(batch["id"], within=60)
        assert done["result"] == {"succeeded": 35, "failed": 0, "cancelled": 0}
    rows = await database.fetch("SELECT count(*) AS n, count(DISTINCT job_id) AS jobs FROM probe_effects")
    assert (rows[0]["n"], rows[0]["jobs"]) == (70, 70)


async def test_a_job_can_be_cancelled_while_its_worker_ends(client: ApiClient, workers: LocalPlatform) -> None:
    job_id = await started(client, "probe.effect", label="c", seconds=600, steps=12000)
    pid = told_to_end(workers)
    await client.request("POST", f"/jobs/{job_id}/cancel", headers={"Prefer": "wait=10"})
    done = await client.finish(job_id)
    assert (done["status"], await outcomes(client, job_id)) == ("cancelled", ["stopped"])
    await gone(pid)


async def test_a_worker_leaves_while_postgresql_is_away(client: ApiClient, workers: LocalPlatform) -> None:
    assert workers.postgres is not None
    job_id = await started(client, "probe.linger", label="without a database", seconds=600)
    workers.postgres.stop()
    try:
        await gone(told_to_end(workers))
    finally:
        workers.postgres.start()
    assert (await client.finish(job_id, within=60, through_outages=True))["status"] == "succeeded"


async def test_a_worker_leaves_while_the_broker_is_away(client: ApiClient, workers: LocalPlatform) -> None:
    assert workers.valkey is not None
    job_id = await started(client, "probe.linger", label="without a broker", seconds=600)
    workers.valkey.stop()
    try:
        await gone(told_to_end(workers))
    finally:
        workers.valkey.start()
    done = await client.finish(job_id, within=60)
    assert (done["status"], await outcomes(client, job_id)) == ("succeeded", ["interrupted", "succeeded"])


async def test_a_handler_that_would_begin_when_all_are_interrupted_does_not(database: Database) -> None:
    leases = Leases(database, 3.0, Heartbeat())
    leases.interrupt()
    with (
        leases.hold(job_at(1), asyncio.Event(), time_limit_seconds=1.0) as hold,
        pytest.raises(JobInterrupted),
        hold.interruptible(),
    ):
        pytest.fail("it began")
