"""What the metrics tell of jobs."""

import math
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from models.jobs.lifecycle import Closing, claim, close
from models.jobs.liveness import see_scheduler, see_worker
from models.jobs.rules import AttemptOutcome, JobStatus
from models.jobs.service import enqueue
from models.jobs.statistics import count_ended, read_statistics
from models.kernel.actor import SYSTEM, Actor
from models.kernel.ids import new_id
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.probes import Batch, Echo

SUCCEEDED = Closing(status=JobStatus.SUCCEEDED, outcome=AttemptOutcome.SUCCEEDED, result=b"{}")


async def count(database: Database) -> None:
    async with database.transaction() as session:
        await count_ended(session)


async def ended(database: Database, *, ago: timedelta, ran: float) -> None:
    """A job that ended so long ago and ran for so many seconds, due a second before it started."""
    job = await enqueue(database, SYSTEM, Echo(text="x"))
    (running,) = await claim(database, [job.id], "w", 10)
    await close(database, running, SUCCEEDED)
    await database.execute(
        """UPDATE jobs SET finished_at = clock_timestamp() - $2::interval,
               started_at = clock_timestamp() - $2::interval - $3::float8 * interval '1 s',
               run_at = clock_timestamp() - $2::interval - ($3::float8 + 1) * interval '1 s' WHERE id = $1""",
        job.id, ago, ran,
    )  # fmt: skip
    await move_attempts(database, ago)


async def move_attempts(database: Database, ago: timedelta) -> None:
    """Those that ended just now have ended so long ago."""
    await database.execute(
        """UPDATE job_attempts SET finished_at = clock_timestamp() - $1::interval
        WHERE finished_at > clock_timestamp() - interval '1 minute'""",
        ago,
    )


async def test_ended_jobs_are_counted_once_by_kind_and_duration(quiet_database: Database) -> None:
    await quiet_database.execute("INSERT INTO counted_until VALUES (1, clock_timestamp() - interval '1 hour')")
    for ran in (0.02, 0.3, 0.3, 4000.0):
        await ended(quiet_database, ago=timedelta(minutes=1), ran=ran)
    await ended(quiet_database, ago=timedelta(hours=2), ran=1)
    for _ in range(3):
        await count(quiet_database)
    statistics = await read_statistics(quiet_database)
    (runs,), (waits,) = statistics.runs, statistics.waits
    cumulative = dict(runs.buckets)
    assert (cumulative["0.01"], cumulative["0.05"], cumulative["0.5"], cumulative["1800.0"]) == (0, 1, 3, 3)
    assert cumulative["+Inf"] == 4
    assert runs.total == pytest.approx(4000.62)
    assert dict(waits.buckets)["2.5"] == 4
    assert [(row["kind"], row["outcome"], row["attempts"]) for row in statistics.attempts] == [
        ("probe.echo", "succeeded", 4)
    ]


async def test_an_attempt_is_counted_once_when_it_ends_and_not_when_its_job_does(quiet_database: Database) -> None:
    await quiet_database.execute("INSERT INTO counted_until VALUES (1, clock_timestamp() - interval '1 hour')")
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))

    async def attempt(closing: Closing, ago: timedelta) -> list[tuple[str, int]]:
        await quiet_database.execute("UPDATE jobs SET status = 'queued' WHERE id = $1", job.id)
        (running,) = await claim(quiet_database, [job.id], "w", 10)
        await close(quiet_database, running, closing)
        await move_attempts(quiet_database, ago)
        await count(quiet_database)
        return [(row["outcome"], row["attempts"]) for row in (await read_statistics(quiet_database)).attempts]

    async def back(window: timedelta) -> None:
        await quiet_database.execute("UPDATE counted_until SET instant = clock_timestamp() - $1::interval", window)

    retry = Closing(status=JobStatus.RETRYING, outcome=AttemptOutcome.RETRY)
    assert await attempt(retry, timedelta(minutes=5)) == [("retry", 1)]
    await back(timedelta(minutes=4))
    assert await attempt(SUCCEEDED, timedelta(minutes=3)) == [("retry", 1), ("succeeded", 1)]


async def test_the_newest_ends_are_left_for_the_next_count(quiet_database: Database) -> None:
    await quiet_database.execute("INSERT INTO counted_until VALUES (1, clock_timestamp() - interval '1 hour')")
    await ended(quiet_database, ago=timedelta(seconds=1), ran=1)
    await count(quiet_database)
    assert (await read_statistics(quiet_database)).runs == []


async def test_backlogs_are_told_by_owner(quiet_database: Database) -> None:
    busy, calm = Actor("user", new_id()), Actor("user", new_id())
    for owner, jobs in ((busy, 3), (calm, 1)):
        for _ in range(jobs):
            await enqueue(quiet_database, owner, Echo(text="x"))
    owners = (await read_statistics(quiet_database)).owners
    assert [(row["owner"], row["jobs"]) for row in owners] == [(busy.name, 3), (calm.name, 1)]


async def test_everything_that_operators_watch_is_on_the_metrics_page(
    quiet_client: ApiClient, quiet_database: Database
) -> None:
    """Each with the value that it has: depth and age by queue, waits and runs by kind, attempts by outcome, leases, the
    dispatcher, backlogs by owner, and who is alive."""
    database = quiet_database
    owner = Actor("user", new_id())
    for text in "abc":
        await enqueue(database, owner, Echo(text=text))
    await database.execute("UPDATE jobs SET run_at = clock_timestamp() - interval '70 seconds'")
    (running,) = await claim(database, [(await enqueue(database, SYSTEM, Echo(text="r"))).id], "w", 30)
    await enqueue(database, SYSTEM, Batch(label="paused"))
    await database.execute("INSERT INTO paused_kinds (kind, paused_by) VALUES ('probe.batch', 'system')")
    await database.execute("UPDATE jobs SET run_at = clock_timestamp() - interval '1 day' WHERE kind = 'probe.batch'")
    await database.execute("INSERT INTO counted_until VALUES (1, clock_timestamp() - interval '1 hour')")
    await ended(database, ago=timedelta(minutes=1), ran=0.3)
    await count(database)
    await see_worker(database, ["default"], "w@one")
    await see_scheduler(database, "s", broker_away=True)
    found = await samples_of(quiet_client)
    assert found["bellwork_jobs", "queue=default status=queued"] == 3
    assert found["bellwork_jobs_oldest_seconds", "queue=default status=queued"] == pytest.approx(70, abs=20)
    assert found["bellwork_dispatch_lag_seconds", "queue=default"] == pytest.approx(70, abs=20)
    assert found["bellwork_dispatch_lag_seconds", "queue=webhooks"] == 0
    assert found["bellwork_lease_overdue_seconds", "queue=default"] == pytest.approx(-30, abs=20)
    assert ("bellwork_lease_overdue_seconds", "queue=webhooks") not in found
    assert found["bellwork_owner_backlog", f"owner={owner.name}"] == 3
    assert found["bellwork_job_attempts_total", "kind=probe.echo outcome=succeeded"] == 1
    assert found["bellwork_job_run_seconds_bucket", "kind=probe.echo le=0.5"] == 1
    assert found["bellwork_job_run_seconds_bucket", "kind=probe.echo le=0.25"] == 0
    assert found["bellwork_job_wait_seconds_sum", "kind=probe.echo"] == pytest.approx(1)
    assert found["bellwork_queue_silent_seconds", "queue=default"] == pytest.approx(0, abs=20)
    assert found["bellwork_queue_silent_seconds", "queue=mail"] == math.inf
    assert (found["bellwork_queue_workers", "queue=default"], found["bellwork_queue_workers", "queue=mail"]) == (1, 0)
    assert found["bellwork_scheduler_silent_seconds", ""] == pytest.approx(0, abs=20)
    assert (found["bellwork_broker_away", ""], found["bellwork_schedules_failing", ""]) == (1, 0)
    assert any(name == "bellwork_http_requests_total" for name, _ in found)
    assert running.attempt == 1


async def samples_of(client: ApiClient) -> dict[tuple[str, str], float]:
    """By name, and labels as `name=value` in the order of their names."""
    response = await client.get("http://test/metrics", headers={"Authorization": ""})
    assert response.status_code == 200
    return {
        (sample.name, " ".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
