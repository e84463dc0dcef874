"""Many jobs as one: all or none, counted by a parent that ends after them."""

from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient

pytestmark = pytest.mark.usefixtures("workers")


def echoes(count: int) -> list[dict[str, Any]]:
    return [{"kind": "probe.echo", "payload": {"text": str(n)}} for n in range(count)]


async def submit(client: ApiClient, jobs: list[dict[str, Any]]) -> Any:
    return await client.expect(202, "POST", "/jobs/batch", json={"jobs": jobs})


async def test_a_batch_ends_after_its_jobs_and_counts_them(client: ApiClient) -> None:
    failing = {"kind": "probe.effect", "payload": {"label": "f", "final": True}}
    batch = await submit(client, [*echoes(12), failing])
    done = await client.finish(batch["id"])
    assert done["result"] == {"succeeded": 12, "failed": 1, "cancelled": 0}
    assert (done["status"], done["error"]["code"]) == ("failed", "JOBS_FAILED")
    assert (done["progress"]["current"], done["progress"]["total"]) == (13, 13)
    page = await client.expect(200, "GET", "/jobs", params={"parentId": batch["id"], "limit": 100})
    assert page["pagination"]["total"] == 13
    assert {job["status"] for job in page["data"]} == {"succeeded", "failed"}


async def test_a_batch_whose_jobs_all_succeed_succeeds(client: ApiClient) -> None:
    done = await client.finish((await submit(client, echoes(3)))["id"])
    assert (done["status"], done["result"]["succeeded"], done["error"]) == ("succeeded", 3, None)


async def test_one_bad_job_refuses_the_whole_batch_and_all_faults_are_named(
    client: ApiClient, database: Database
) -> None:
    jobs = [*echoes(2), {"kind": "probe.echo", "payload": {"txt": 1}}, {"kind": "probe.effect", "payload": {}}]
    problem = await client.expect(400, "POST", "/jobs/batch", json={"jobs": jobs})
    fields = {fault["field"] for fault in problem["errors"]}
    assert fields == {"jobs[2].payload.text", "jobs[2].payload.txt", "jobs[3].payload.label"}
    keyed = {**echoes(1)[0], "dedupeKey": "k"}
    problem = await client.expect(400, "POST", "/jobs/batch", json={"jobs": [keyed]})
    assert [fault["field"] for fault in problem["errors"]] == ["jobs[0].dedupeKey"]
    await client.expect(400, "POST", "/jobs/batch", json={"jobs": []})
    await client.expect(400, "POST", "/jobs/batch", json={"jobs": echoes(1001)})
    assert (await database.fetch("SELECT count(*) AS n FROM jobs"))[0]["n"] == 0


async def test_cancelling_a_batch_cancels_its_jobs(client: ApiClient, database: Database) -> None:
    slow = {"kind": "probe.effect", "payload": {"label": "s", "seconds": 30, "steps": 300}}
    batch = await submit(client, [slow] * 6)
    await client.request("POST", f"/jobs/{batch['id']}/cancel", headers={"Prefer": "wait=1"})
    done = await client.finish(batch["id"])
    assert (done["status"], done["result"]) == ("cancelled", {"succeeded": 0, "failed": 0, "cancelled": 6})
    assert await database.fetch("SELECT 1 FROM probe_effects") == []


async def test_a_batch_itself_is_not_retried(client: ApiClient) -> None:
    failing = {"kind": "probe.effect", "payload": {"label": "f", "final": True}}
    batch = await submit(client, [failing])
    await client.finish(batch["id"])
    await client.expect(409, "POST", f"/jobs/{batch['id']}/retry")
