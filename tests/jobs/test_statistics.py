"""What the metrics tell of jobs."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from models.jobs.lifecycle import Closing, claim, close
from models.jobs.rules import AttemptOutcome, JobStatus
from models.jobs.service import enqueue
from models.jobs.statistics import count_ended, read_statistics
from models.kernel.actor import SYSTEM, Actor
from models.kernel.ids import new_id
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.probes import Echo

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


@pytest.mark.usefixtures("workers")
async def test_the_metrics_page_is_prometheus_text(client: ApiClient) -> None:
    await client.submit("probe.echo", {"text": "x"}, runAt="2099-01-01T00:00:00Z")
    response = await client.get("http://test/metrics", headers={"Authorization": ""})
    assert response.status_code == 200
    samples = {
        (sample.name, sample.labels.get("status")): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
    assert samples["bellwork_jobs", "scheduled"] == 1
    assert any(name == "bellwork_http_requests_total" for name, _ in samples)
