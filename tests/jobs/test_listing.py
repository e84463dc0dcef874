"""Finding jobs by what is known of them."""

from typing import Any

import pytest
from sqlalchemy import text

from models.jobs.listing_queries import jobs
from models.jobs.rules import JobStatus
from models.kernel.ids import new_id
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.jobs import LATER


@pytest.fixture
async def four(client: ApiClient, database: Database) -> dict[str, str]:
    """Jobs by a name, each with something that the others have not."""
    named: dict[str, dict[str, Any]] = {
        "plain": {},
        "keyed": {"dedupeKey": "spring", "tags": ["a", "b"]},
        "failed": {"tags": ["b"]},
        "other": {"kind": "probe.batch", "payload": {"label": "x"}, "tags": ["com,ma"]},
    }
    ids = {}
    for name, options in named.items():
        body = {"kind": "probe.echo", "payload": {"text": "x"}, "runAt": LATER, **options}
        answer = await client.expect(202, "POST", "/jobs", json=body, headers={"X-Request-ID": f"request-{name}"})
        ids[name] = answer["id"]
    await database.execute(
        """UPDATE jobs SET status = 'failed', finished_at = now(), schedule_id = id, error = '{"code": "DISK_FULL"}'
           WHERE request_id = 'request-failed'"""
    )
    return ids


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=scheduled", "plain keyed other"),
        ("status=failed,running", "failed"),
        ("status=failed&status=scheduled", "plain keyed failed other"),
        ("status=failed,running&status=scheduled&kind=probe.echo", "plain keyed failed"),
        ("dedupeKey=spring", "keyed"),
        ("queue=webhooks", "other"),
        ("errorCode=DISK_FULL", "failed"),
        ("errorCode=NO_SUCH", ""),
        ("requestId=request-plain", "plain"),
        ("tag=a", "keyed"),
        ("tag=a&tag=b", "keyed failed"),
        ("tag=com,ma", "other"),
        ("tag=b&status=scheduled", "keyed"),
        ("tag=none", ""),
    ],
)
async def test_jobs_are_found_by_what_is_known_of_them(
    client: ApiClient, four: dict[str, str], query: str, names: str
) -> None:
    page = await client.expect(200, "GET", f"/jobs?{query}")
    found = {row["id"] for row in page["data"]}
    assert [name for name, id_ in four.items() if id_ in found] == names.split()
    assert page["pagination"]["total"] == len(found)


async def test_jobs_are_found_by_their_schedule(client: ApiClient, four: dict[str, str]) -> None:
    page = await client.expect(200, "GET", "/jobs", params={"scheduleId": four["failed"]})
    assert [row["id"] for row in page["data"]] == [four["failed"]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=failed,gone", "status[1]"),
        ("status=", "status[0]"),
        ("status=failed,", "status[1]"),
        ("kind=a&kind=b", "kind"),
        ("scheduleId=x", "scheduleId"),
        ("tag=" + "&tag=".join("abcdefghijk"), "tag"),
    ],
)
async def test_a_filter_that_says_nothing_is_a_fault(client: ApiClient, query: str, field: str) -> None:
    problem = await client.expect(400, "GET", f"/jobs?{query}")
    assert [fault["field"] for fault in problem["errors"]] == [field]


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"tag": ["a", "b"]}, "ix_jobs_tags"),
        ({"schedule_id": new_id()}, "ix_jobs_schedule"),
        ({"dedupe_key": "k"}, "ix_jobs_dedupe_key"),
        ({"error_code": "EXPIRED"}, "ix_jobs_error_code"),
        ({"status": [JobStatus.FAILED]}, "ix_jobs_failed"),
        ({"status": [JobStatus.RUNNING]}, "ix_jobs_running"),
        ({"status": [JobStatus.SCHEDULED]}, "ix_jobs_later"),
        ({"status": [JobStatus.QUEUED]}, "ix_jobs_published"),
    ],
)
async def test_what_is_rare_is_found_by_an_index_of_its_own(
    quiet_database: Database, filters: dict[str, Any], index: str
) -> None:
    """Among many more jobs that are nothing of the kind."""
    await quiet_database.execute(
        """INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, finished_at)
           SELECT gen_random_uuid(), 'probe.echo', 'default', '{}', 'succeeded', 5, 'system', now(), 1, now()
           FROM generate_series(1, 5000)"""
    )
    await quiet_database.execute("ANALYZE jobs")
    async with quiet_database.session() as session:
        statement = jobs(filters, only_owner=None).compile(session.bind, compile_kwargs={"literal_binds": True})
        rows = await session.execute(text(f"EXPLAIN {statement}".replace(":", "\\:")))
    plan = "\n".join(rows.scalars())
    assert index in plan, plan


async def test_the_newest_come_first_and_a_time_bounds_what_is_looked_at(client: ApiClient) -> None:
    made = [await client.submit("probe.echo", {"text": "x"}, runAt=LATER) for _ in range(3)]
    page = await client.expect(200, "GET", "/jobs", params={"limit": 2})
    assert [job["id"] for job in page["data"]] == [made[2]["id"], made[1]["id"]]
    rest = await client.expect(200, "GET", "/jobs", params={"limit": 2, "cursor": page["pagination"]["nextCursor"]})
    assert [job["id"] for job in rest["data"]] == [made[0]["id"]]
    window = {"from": made[1]["createdAt"], "to": made[1]["createdAt"]}
    between = await client.expect(200, "GET", "/jobs", params=window)
    assert [job["id"] for job in between["data"]] == [made[1]["id"]]
    for instant in ("0002-01-01T00:00:00Z", "9998-12-31T23:59:59Z"):
        await client.expect(200, "GET", "/jobs", params={"from": instant})
        await client.expect(200, "GET", "/jobs", params={"to": instant})
    for name in ("from", "to"):
        problem = await client.expect(400, "GET", "/jobs", params={name: "2026-02-01T00:00:00"})
        assert [fault["field"] for fault in problem["errors"]] == [name]
