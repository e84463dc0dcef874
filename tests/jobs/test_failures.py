"""What a job survives: dead, paused and ending workers, and a database that goes away."""

import asyncio
import os
import signal
import sys
from typing import Any

import httpx
import pytest

from cli.platform import LocalPlatform
from models.kernel.session import Database
from tests.support.client import ApiClient, eventually

pytestmark = pytest.mark.usefixtures("workers")


async def running(client: ApiClient, database: Database, **payload: Any) -> tuple[str, int]:
    """The id of a job that runs now, and the process it runs in."""
    job = await client.submit("probe.effect", payload)

    async def worker() -> str | None:
        rows = await database.fetch("SELECT worker FROM jobs WHERE id = $1 AND status = 'running'", job["id"])
        return rows[0]["worker"] if rows else None

    return job["id"], int((await eventually(worker, within=60)).rpartition(":")[2])


async def effects(database: Database, label: str) -> list[int]:
    rows = await database.fetch("SELECT attempt FROM probe_effects WHERE label = $1", label)
    return [row["attempt"] for row in rows]


async def outcomes(client: ApiClient, job_id: str) -> list[str]:
    return [attempt["outcome"] for attempt in await client.expect(200, "GET", f"/jobs/{job_id}/attempts")]


async def test_a_killed_worker_costs_an_attempt_and_nothing_else(client: ApiClient, database: Database) -> None:
    job_id, pid = await running(client, database, label="killed", seconds=1.5)
    os.kill(pid, signal.SIGKILL)
    assert (await client.finish(job_id))["status"] == "succeeded"
    assert await outcomes(client, job_id) == ["lost", "succeeded"]
    assert await effects(database, "killed") == [2]


async def test_a_worker_back_from_a_long_pause_changes_nothing(client: ApiClient, database: Database) -> None:
    job_id, pid = await running(client, database, label="paused", seconds=1.0)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert (await client.finish(job_id))["status"] == "succeeded"
    finally:
        os.kill(pid, signal.SIGCONT)
    after = await client.submit("probe.echo", {"text": "the paused process works again"})
    assert (await client.finish(after["id"]))["status"] == "succeeded"
    assert await outcomes(client, job_id) == ["lost", "succeeded"]
    assert await effects(database, "paused") == [2]


async def test_a_worker_told_to_end_finishes_its_job_or_gives_it_back(
    client: ApiClient, database: Database, workers: LocalPlatform
) -> None:
    job_id, _ = await running(client, database, label="ending", seconds=1.5)
    workers.processes.send_signal("worker", signal.SIGTERM)
    assert (await client.finish(job_id, within=60))["status"] == "succeeded"
    assert len(await effects(database, "ending")) == 1


async def test_postgresql_going_away_during_a_job_is_survived(
    client: ApiClient, database: Database, workers: LocalPlatform
) -> None:
    assert workers.postgres is not None
    job_id, _ = await running(client, database, label="outage", seconds=1.0)
    workers.postgres.stop()
    workers.postgres.start()

    async def answers() -> bool:
        return (await client.get(f"/jobs/{job_id}")).status_code == httpx.codes.OK

    await eventually(answers)
    assert (await client.finish(job_id, within=60))["status"] == "succeeded"
    assert len(await effects(database, "outage")) == 1


async def test_connections_cut_by_the_server_are_replaced(
    client: ApiClient, database: Database, workers: LocalPlatform
) -> None:
    job_id, _ = await running(client, database, label="cut", seconds=1.0)
    await database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'bellwork-%' "
        "AND application_name <> 'bellwork-tests' AND pid <> pg_backend_pid()"
    )

    async def answers() -> bool:
        return (await client.get(f"/jobs/{job_id}")).status_code == httpx.codes.OK

    await eventually(answers)
    assert (await client.finish(job_id, within=60))["status"] == "succeeded"
    assert len(await effects(database, "cut")) == 1


async def test_a_second_scheduler_doubles_nothing(
    client: ApiClient, database: Database, workers: LocalPlatform
) -> None:
    twin = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.scheduler", env=workers.env, cwd=workers.root
    )
    try:
        jobs = [await client.submit("probe.effect", {"label": "twin schedulers"}) for _ in range(20)]
        for job in jobs:
            assert (await client.finish(job["id"]))["attempt"] == 1
    finally:
        twin.terminate()
        await twin.wait()
    assert await effects(database, "twin schedulers") == [1] * 20
