"""Jobs of a kind that a deploy took away, or that a worker of an older version does not know yet, harm nobody."""

from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

import tests.support.newer  # noqa: F401
from models.events.endings import end_batches
from models.jobs import dispatching, lifecycle
from models.jobs.records import JobRecord
from models.jobs.rules import JobStatus, Queue
from models.jobs.service import enqueue, get_job
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from scheduler.rescue import rescue_lost
from tests.support.client import ApiClient, eventually
from tests.support.jobs import job_in
from tests.support.probes import Echo

GONE = "gone.kind"


async def removed(database: Database, id_: UUID | str) -> None:
    """What a deploy does that takes the job's kind away."""
    await database.execute("UPDATE jobs SET kind = $2 WHERE id = $1", id_, GONE)


async def lost(database: Database, *, attempts: int) -> JobRecord:
    """A job whose worker died in the last (or not) of its attempts."""
    job = await job_in(database, JobStatus.RUNNING)
    await database.execute(
        "UPDATE jobs SET lease_until = now() - interval '1 s', max_attempts = $2 WHERE id = $1", job.id, attempts
    )
    return job


async def status_of(database: Database, job: JobRecord) -> JobStatus:
    return (await get_job(database, job.id)).status


async def test_a_lost_job_of_a_removed_kind_ends_and_the_others_are_rescued(quiet_database: Database) -> None:
    gone, other = [await lost(quiet_database, attempts=attempts) for attempts in (1, 5)]
    await removed(quiet_database, gone.id)
    assert await rescue_lost(quiet_database) == 2
    assert await status_of(quiet_database, gone) == JobStatus.FAILED
    assert await status_of(quiet_database, other) == JobStatus.RETRYING
    events = await quiet_database.fetch("SELECT type, resource_id FROM events")
    assert [tuple(row.values()) for row in events] == [("job.failed", gone.id)]


async def test_a_lost_job_whose_end_cannot_be_written_holds_up_no_other(
    quiet_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, other = [await lost(quiet_database, attempts=attempts) for attempts in (1, 5)]

    async def refuse(*_: Any) -> None:
        raise ValueError("this ending has a fault")

    monkeypatch.setitem(endings(), "probe.echo", refuse)
    assert await rescue_lost(quiet_database) == 1
    assert await status_of(quiet_database, other) == JobStatus.RETRYING
    assert await status_of(quiet_database, broken) == JobStatus.RUNNING
    assert await rescue_lost(quiet_database) == 0, "it is put off, and does not stand before others"
    monkeypatch.undo()
    await quiet_database.execute("UPDATE jobs SET lease_until = now() WHERE id = $1", broken.id)
    assert await rescue_lost(quiet_database) == 1
    assert await status_of(quiet_database, broken) == JobStatus.FAILED


def endings() -> dict[str, Any]:
    from models.jobs import endings as module

    return module._endings


async def test_a_job_of_a_removed_kind_can_be_read_explained_and_cancelled(
    quiet_client: ApiClient, quiet_database: Database
) -> None:
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    await removed(quiet_database, job.id)
    assert (await quiet_client.expect(200, "GET", f"/jobs/{job.id}"))["kind"] == GONE
    listed = await quiet_client.expect(200, "GET", "/jobs", params={"kind": GONE})
    assert [row["kind"] for row in listed["data"]] == [GONE]
    explanation = await quiet_client.expect(200, "GET", f"/jobs/{job.id}/explain")
    assert explanation["because"][0]["reason"] == "kind_unknown"
    assert GONE in explanation["because"][0]["detail"]
    answer = await quiet_client.expect(200, "POST", f"/jobs/{job.id}/cancel")
    assert (answer["verdict"], answer["job"]["status"]) == ("prevented", "cancelled")


async def test_a_job_of_a_removed_kind_is_not_retried_and_the_answer_says_why(
    quiet_client: ApiClient, quiet_database: Database
) -> None:
    job = await job_in(quiet_database, JobStatus.FAILED)
    await removed(quiet_database, job.id)
    problem = await quiet_client.expect(409, "POST", f"/jobs/{job.id}/retry")
    assert GONE in problem["detail"]
    assert await status_of(quiet_database, job) == JobStatus.FAILED


async def test_a_batch_with_a_job_of_a_removed_kind_is_cancelled_and_ends(
    quiet_client: ApiClient, quiet_database: Database
) -> None:
    job = {"kind": "probe.echo", "payload": {"text": "x"}}
    batch = await quiet_client.expect(202, "POST", "/jobs/batch", json={"jobs": [job, job]})
    children = await quiet_client.expect(200, "GET", "/jobs", params={"parentId": batch["id"]})
    await removed(quiet_database, children["data"][0]["id"])
    await quiet_client.request("POST", f"/jobs/{batch['id']}/cancel", headers={"Prefer": "wait=1"})
    async with quiet_database.transaction() as session:
        await end_batches(session)
    done = await quiet_client.expect(200, "GET", f"/jobs/{batch['id']}")
    assert (done["status"], done["result"]["cancelled"]) == ("cancelled", 2)


async def test_jobs_of_a_kind_the_scheduler_does_not_know_stay_in_their_queue(quiet_database: Database) -> None:
    gone, other = [await enqueue(quiet_database, SYSTEM, Echo(text=text)) for text in ("gone", "other")]
    await removed(quiet_database, gone.id)
    async with quiet_database.transaction() as session:
        (bundle,) = (await dispatching.take_due(session, Queue.DEFAULT, 10)).bundles
    assert bundle.ids == [other.id]


async def test_the_metrics_count_jobs_of_unknown_kinds(quiet_client: ApiClient, quiet_database: Database) -> None:
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    await removed(quiet_database, job.id)
    page = await quiet_client.get("http://test/metrics")
    assert 'bellwork_jobs_unknown_kind{kind="gone.kind"} 1.0' in page.text


@pytest.mark.usefixtures("workers")
async def test_a_worker_gives_back_a_job_of_a_kind_it_does_not_know_and_the_attempts_are_not_touched(
    client: ApiClient, database: Database
) -> None:
    """A new version of the scheduler beside an old worker: `probe.later` is known to the one only."""
    job = await client.submit("probe.later")

    async def given_back() -> Any:
        explanation = await client.expect(200, "GET", f"/jobs/{job['id']}/explain")
        return [because for because in explanation["because"] if because["reason"] == "kind_unknown"]

    (because,) = await eventually(given_back)
    assert "worker" in because["detail"]
    seen = await client.expect(200, "GET", f"/jobs/{job['id']}")
    assert (seen["attempt"], seen["error"]["code"]) == (0, "KIND_UNKNOWN")
    other = await client.submit("probe.echo", {"text": "the worker goes on"})
    assert (await client.finish(other["id"]))["status"] == "succeeded"
    await database.execute(
        """UPDATE jobs SET kind = 'probe.echo', payload = '{"text": "x"}' WHERE id = $1""", job["id"]
    )
    done = await client.finish(job["id"])
    assert (done["status"], done["attempt"], done["error"]) == ("succeeded", 1, None)


async def test_the_wait_of_a_job_that_no_worker_knows_grows(quiet_database: Database) -> None:
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    for seconds in (1, 2, 4, 8, 16, 30, 30):
        before = await clock_of(quiet_database)
        await lifecycle.refuse(quiet_database, [job.id], "old worker")
        after = await clock_of(quiet_database)
        waiting = await get_job(quiet_database, job.id)
        assert (waiting.status, waiting.attempt) == ("retrying", 0)
        assert before <= waiting.run_at - timedelta(seconds=seconds) <= after
        await quiet_database.execute("UPDATE jobs SET run_at = clock_timestamp() - interval '1 s'")
        await dispatching.become_due(quiet_database)


async def clock_of(database: Database) -> datetime:
    ((now,),) = await database.fetch("SELECT clock_timestamp()")
    return cast(datetime, now)


async def test_a_job_that_was_claimed_meanwhile_is_not_given_back(quiet_database: Database) -> None:
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    await lifecycle.claim(quiet_database, [job.id], "new worker", 10)
    assert await lifecycle.refuse(quiet_database, [job.id], "old worker") == []
    assert await status_of(quiet_database, job) == JobStatus.RUNNING
