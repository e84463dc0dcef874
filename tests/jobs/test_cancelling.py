"""A cancel comes with a verdict, whatever the job is doing."""

import os
import signal
from datetime import UTC, datetime, timedelta

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient, eventually
from tests.support.jobs import started

pytestmark = pytest.mark.usefixtures("workers")


async def labels(database: Database, job_id: str) -> list[str]:
    rows = await database.fetch("SELECT label FROM probe_effects WHERE job_id = $1", job_id)
    return [row["label"] for row in rows]


async def test_a_job_that_has_not_run_is_prevented(client: ApiClient, database: Database) -> None:
    run_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    job = await client.submit("probe.effect", {"label": "never"}, runAt=run_at)
    answer = await client.expect(200, "POST", f"/jobs/{job['id']}/cancel")
    assert (answer["verdict"], answer["job"]["status"]) == ("prevented", "cancelled")
    again = await client.expect(200, "POST", f"/jobs/{job['id']}/cancel")
    assert again["verdict"] == "prevented"
    rows = await database.fetch("SELECT type FROM events")
    assert [row["type"] for row in rows] == ["job.cancelled"]


async def test_a_running_job_stops_at_its_next_checkpoint_and_its_transaction_is_undone(
    client: ApiClient, database: Database
) -> None:
    job_id = await started(client, "probe.effect", label="undone", seconds=20, steps=200)
    answer = await client.expect(200, "POST", f"/jobs/{job_id}/cancel")
    assert (answer["verdict"], answer["afterStep"]) == ("stopped", None)
    assert await labels(database, job_id) == []
    attempts = await client.expect(200, "GET", f"/jobs/{job_id}/attempts")
    assert [attempt["outcome"] for attempt in attempts] == ["stopped"]


async def test_the_verdict_names_the_last_step_done(client: ApiClient) -> None:
    names = ["mail sent", "room created", "calendar written"]
    job_id = await started(client, "probe.steps", steps=names, seconds=3)

    async def first_step_is_done() -> bool:
        return bool((await client.expect(200, "GET", f"/jobs/{job_id}"))["steps"])

    await eventually(first_step_is_done)
    answer = await client.expect(200, "POST", f"/jobs/{job_id}/cancel")
    assert answer["verdict"] == "stopped"
    assert answer["afterStep"] in names[:2]


async def test_an_ended_job_is_too_late_to_cancel(client: ApiClient) -> None:
    job = await client.submit("probe.echo", {"text": "done"})
    await client.finish(job["id"])
    answer = await client.expect(200, "POST", f"/jobs/{job['id']}/cancel")
    assert (answer["verdict"], answer["job"]["status"]) == ("too_late", "succeeded")


async def test_a_job_without_checkpoints_ends_and_the_cancel_was_too_late(client: ApiClient) -> None:
    job_id = await started(client, "probe.effect", label="deaf", seconds=2)
    answer = await client.expect(200, "POST", f"/jobs/{job_id}/cancel")
    assert (answer["verdict"], answer["job"]["status"]) == ("too_late", "succeeded")


async def test_a_cancel_outlives_the_worker_that_should_have_seen_it(client: ApiClient, database: Database) -> None:
    job_id = await started(client, "probe.effect", label="killed", seconds=20)
    rows = await database.fetch("SELECT worker FROM jobs WHERE id = $1", job_id)
    await client.expect(202, "POST", f"/jobs/{job_id}/cancel", headers={"Prefer": "wait=1"})
    os.kill(int(rows[0]["worker"].rpartition(":")[2]), signal.SIGKILL)
    done = await client.finish(job_id)
    assert (done["status"], done["attempt"]) == ("cancelled", 1)
    assert (await client.expect(200, "POST", f"/jobs/{job_id}/cancel"))["verdict"] == "stopped"


async def test_an_attempt_that_breaks_after_a_cancel_is_the_last(client: ApiClient) -> None:
    job_id = await started(client, "probe.effect", label="broken", seconds=5, failUntil=9)
    answer = await client.expect(200, "POST", f"/jobs/{job_id}/cancel")
    assert (answer["verdict"], answer["job"]["status"], answer["job"]["attempt"]) == ("stopped", "cancelled", 1)


async def test_failed_and_cancelled_jobs_run_again_on_request_and_others_do_not(client: ApiClient) -> None:
    job = await client.submit("probe.effect", {"label": "again", "failUntil": 3})
    assert (await client.finish(job["id"]))["status"] == "failed"
    await client.expect(202, "POST", f"/jobs/{job['id']}/retry")
    done = await client.finish(job["id"])
    assert (done["status"], done["attempt"]) == ("succeeded", 4)
    await client.expect(409, "POST", f"/jobs/{job['id']}/retry")
    assert len(await client.expect(200, "GET", f"/jobs/{job['id']}/attempts")) == 4
