"""A retry of one job: now or later, from where it came to or from its start."""

from typing import Any
from uuid import UUID

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.jobs import LATER


async def retry(client: ApiClient, job_id: str, **body: Any) -> Any:
    return await client.expect(202, "POST", f"/jobs/{job_id}/retry", json=body)


async def broken(client: ApiClient, kind: str, **payload: Any) -> str:
    """A job that has failed after a part of its work."""
    job = await client.submit(kind, payload, maxAttempts=1)
    assert (await client.finish(job["id"]))["status"] == "failed"
    return str(job["id"])


async def labels(database: Database, job_id: str) -> list[str]:
    rows = await database.fetch("SELECT label FROM probe_effects WHERE job_id = $1 ORDER BY attempt", UUID(job_id))
    return [row["label"] for row in rows]


async def cancelled(client: ApiClient) -> str:
    job = await client.submit("probe.echo", {"text": "x"}, runAt=LATER)
    await client.expect(200, "POST", f"/jobs/{job['id']}/cancel")
    return str(job["id"])


async def test_a_job_is_retried_at_a_time(client: ApiClient) -> None:
    job_id = await cancelled(client)
    again = await retry(client, job_id, runAt=LATER)
    assert (again["status"], again["runAt"]) == ("scheduled", LATER)
    await client.expect(409, "POST", f"/jobs/{job_id}/retry", json={"runAt": LATER})
    assert (await client.expect(200, "POST", f"/jobs/{job_id}/cancel"))["verdict"] == "prevented"


async def test_a_time_that_has_passed_is_now_and_no_better_place_in_the_queue(client: ApiClient) -> None:
    job_id = await cancelled(client)
    again = await retry(client, job_id, runAt="2020-01-01T00:00:00Z")
    assert again["status"] == "queued"
    assert again["runAt"] > again["createdAt"]


async def test_nothing_need_be_said_and_nothing_wrong_is_taken(client: ApiClient) -> None:
    sent: dict[str, Any]
    for sent in ({}, {"json": {}}, {"json": None}):
        await client.expect(202, "POST", f"/jobs/{await cancelled(client)}/retry", **sent)
    job_id = await cancelled(client)
    problem = await client.expect(400, "POST", f"/jobs/{job_id}/retry", json={"runAt": "2027-01-01T00:00:00"})
    assert [fault["field"] for fault in problem["errors"]] == ["runAt"]
    await client.expect(400, "POST", f"/jobs/{job_id}/retry", json={"fromTheStart": True})
    assert (await client.expect(200, "GET", f"/jobs/{job_id}"))["status"] == "cancelled"


@pytest.mark.usefixtures("workers")
async def test_from_the_start_the_steps_are_done_again_with_the_same_keys(
    client: ApiClient, database: Database
) -> None:
    kept = await broken(client, "probe.steps", steps=["mail", "room"], breakAfter="mail")
    await retry(client, kept)
    assert (await client.finish(kept))["status"] == "succeeded"
    assert await labels(database, kept) == [f"mail {kept}:mail", f"room {kept}:room"]
    forgotten = await broken(client, "probe.steps", steps=["mail", "room"], breakAfter="mail")
    assert (await retry(client, forgotten, fromStart=True))["steps"] is None
    done = await client.finish(forgotten)
    assert [step["name"] for step in done["steps"]] == ["mail", "room"]
    assert await labels(database, forgotten) == [f"mail {forgotten}:mail"] * 2 + [f"room {forgotten}:room"]


@pytest.mark.usefixtures("workers")
async def test_from_the_start_chunks_are_written_again(client: ApiClient, database: Database) -> None:
    kept, forgotten = [await broken(client, "probe.chunks", label="c", chunks=3, breakAfter=2) for _ in range(2)]
    await retry(client, kept)
    await retry(client, forgotten, fromStart=True)
    for job_id in (kept, forgotten):
        assert (await client.finish(job_id))["status"] == "succeeded"
    assert (len(await labels(database, kept)), len(await labels(database, forgotten))) == (3, 5)


async def test_the_jobs_of_a_batch_are_retried_at_a_time(client: ApiClient, database: Database) -> None:
    jobs = [{"kind": "probe.echo", "payload": {"text": "x"}, "runAt": LATER}] * 2
    parent = (await client.expect(202, "POST", "/jobs/batch", json={"jobs": jobs}))["id"]
    await database.execute(
        "UPDATE jobs SET status = 'failed', finished_at = now(), steps = '[]' WHERE $1 IN (id, parent_id)", UUID(parent)
    )
    await retry(client, parent, runAt=LATER, fromStart=True)
    rows = await database.fetch("SELECT status, steps FROM jobs WHERE parent_id = $1", UUID(parent))
    assert [(row["status"], row["steps"]) for row in rows] == [("scheduled", None)] * 2
