"""What a job survives: dead, paused and ending workers, and a database that goes away."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from uuid import UUID

import pytest

from cli.platform import LocalPlatform
from models.kernel.session import Database
from tests.support.client import ApiClient, eventually
from tests.support.jobs import effects, outcomes

pytestmark = pytest.mark.usefixtures("workers")


async def running(client: ApiClient, database: Database, label: str, seconds: float = 600) -> tuple[str, int]:
    """The id of a job whose first attempt takes so long and runs now, and the process it runs in.

    PostgreSQL lets its transaction idle for as long as a lease.
    """
    job = await client.submit("probe.linger", {"label": label, "seconds": seconds})

    async def worker() -> str | None:
        rows = await database.fetch("SELECT worker FROM jobs WHERE id = $1 AND status = 'running'", job["id"])
        return rows[0]["worker"] if rows else None

    return job["id"], int((await eventually(worker, within=60)).rpartition(":")[2])


async def was_undone_once(database: Database, label: str) -> bool:
    """Whether what the first attempt wrote is gone, and what a later one wrote is there."""
    (attempt,) = await effects(database, label)
    return attempt > 1


async def works(client: ApiClient, database: Database, pid: int) -> bool:
    """Whether of some jobs at a time the process does one: of one at a time, always the same may."""
    jobs = [await client.submit("probe.effect", {"label": "after", "seconds": 0.2}) for _ in range(4)]
    for job in jobs:
        await client.finish(job["id"])
    rows = await database.fetch("SELECT worker FROM jobs WHERE id = ANY($1)", [UUID(job["id"]) for job in jobs])
    return any(row["worker"].endswith(f":{pid}") for row in rows)


async def test_a_killed_worker_costs_an_attempt_and_nothing_else(client: ApiClient, database: Database) -> None:
    job_id, pid = await running(client, database, "killed")
    os.kill(pid, signal.SIGKILL)
    assert (await client.finish(job_id))["status"] == "succeeded"
    assert await outcomes(client, job_id) == ["lost", "succeeded"]
    assert await effects(database, "killed") == [2]


async def test_a_worker_back_from_a_long_pause_changes_nothing(client: ApiClient, database: Database) -> None:
    job_id, pid = await running(client, database, "paused")
    os.kill(pid, signal.SIGSTOP)
    try:
        assert (await client.finish(job_id))["status"] == "succeeded"
    finally:
        os.kill(pid, signal.SIGCONT)
    await eventually(lambda: works(client, database, pid))
    assert await outcomes(client, job_id) == ["lost", "succeeded"]
    assert await effects(database, "paused") == [2]


async def test_postgresql_going_away_during_a_job_is_survived(
    client: ApiClient, database: Database, workers: LocalPlatform
) -> None:
    assert workers.postgres is not None
    job_id, _ = await running(client, database, "outage", seconds=2.5)
    workers.postgres.stop()
    workers.postgres.start()
    assert (await client.finish(job_id, within=60, through_outages=True))["status"] == "succeeded"
    assert await was_undone_once(database, "outage")


async def test_connections_cut_by_the_server_are_replaced(
    client: ApiClient, database: Database, workers: LocalPlatform
) -> None:
    job_id, _ = await running(client, database, "cut", seconds=2.5)
    await database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'bellwork-%' "
        "AND application_name <> 'bellwork-tests' AND pid <> pg_backend_pid()"
    )
    assert (await client.finish(job_id, within=60, through_outages=True))["status"] == "succeeded"
    assert await was_undone_once(database, "cut")


async def test_a_second_scheduler_doubles_nothing(
    client: ApiClient, database: Database, workers: LocalPlatform, tmp_path: Path
) -> None:
    log = tmp_path / "twin.log"
    with log.open("wb") as output:
        twin = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.scheduler", env=workers.env, cwd=workers.root, stdout=output
        )

    async def has_started() -> bool:
        return b"started" in log.read_bytes()

    try:
        await eventually(has_started, within=60)
        jobs = [await client.submit("probe.effect", {"label": "twin schedulers"}) for _ in range(20)]
        for job in jobs:
            assert (await client.finish(job["id"]))["attempt"] == 1
    finally:
        twin.terminate()
        await twin.wait()
    assert await effects(database, "twin schedulers") == [1] * 20
