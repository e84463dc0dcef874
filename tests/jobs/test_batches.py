"""Many jobs as one: all or none, counted by a parent that ends after them."""

import asyncio
from typing import Any

import pytest

from cli.platform import LocalPlatform
from models.kernel.session import Database
from tests.support.client import ApiClient, eventually

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


async def test_a_batch_is_cancelled_in_few_statements_and_each_job_tells_its_end(
    client: ApiClient, database: Database
) -> None:
    later = {"runAt": "2199-01-01T00:00:00Z"}
    batch = await submit(client, [{**job, **later} for job in echoes(1000)])
    await client.request("POST", f"/jobs/{batch['id']}/cancel", headers={"Prefer": "wait=1"})
    done = await client.finish(batch["id"])
    assert (done["status"], done["result"]) == ("cancelled", {"succeeded": 0, "failed": 0, "cancelled": 1000})
    assert (await client.expect(200, "POST", f"/jobs/{batch['id']}/cancel"))["verdict"] == "prevented"
    rows = await database.fetch("SELECT type, count(DISTINCT resource_id) AS jobs FROM events GROUP BY type")
    assert [tuple(row.values()) for row in rows] == [("job.cancelled", 1001)]


async def test_a_batch_cancelled_twice_at_once_while_workers_take_from_it_ends_cancelled(
    client: ApiClient, database: Database, platform: LocalPlatform
) -> None:
    assert platform.postgres
    log_before = len(platform.postgres.log_path.read_bytes())
    batch = await submit(client, [*echoes(999), {**echoes(1)[0], "runAt": "2199-01-01T00:00:00Z"}])

    async def under_way() -> bool:
        counted = await client.expect(200, "GET", f"/jobs/{batch['id']}")
        return bool(counted["progress"]["current"])

    await eventually(under_way)
    cancels = [client.request("POST", f"/jobs/{batch['id']}/cancel", headers={"Prefer": "wait=1"}) for _ in range(4)]
    assert {response.status_code for response in await asyncio.gather(*cancels)} <= {200, 202}
    done = await client.finish(batch["id"])
    result = done["result"]
    assert (done["status"], result["failed"], result["succeeded"] + result["cancelled"]) == ("cancelled", 0, 1000)
    told = "SELECT resource_id FROM events GROUP BY resource_id HAVING count(*) > 1"
    assert await database.fetch(told) == []
    assert b"deadlock detected" not in platform.postgres.log_path.read_bytes()[log_before:]


async def test_a_batch_with_a_job_that_was_cancelled_says_so(client: ApiClient) -> None:
    batch = await submit(client, [echoes(1)[0], {**echoes(1)[0], "runAt": "2199-01-01T00:00:00Z"}])
    page = await client.expect(200, "GET", "/jobs", params={"parentId": batch["id"], "status": "scheduled"})
    await client.expect(200, "POST", f"/jobs/{page['data'][0]['id']}/cancel")
    done = await client.finish(batch["id"])
    assert (done["status"], done["error"]["code"]) == ("failed", "JOBS_CANCELLED")
