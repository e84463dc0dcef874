"""Finding jobs by what is known of them."""

from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient

LATER = "2199-01-01T00:00:00Z"


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
        ("status=failed,gone", "status"),
        ("status=", "status"),
        ("status=failed,", "status"),
        ("kind=a&kind=b", "kind"),
        ("scheduleId=x", "scheduleId"),
        ("tag=" + "&tag=".join("abcdefghijk"), "tag"),
    ],
)
async def test_a_filter_that_says_nothing_is_a_fault(client: ApiClient, query: str, field: str) -> None:
    problem = await client.expect(400, "GET", f"/jobs?{query}")
    assert [fault["field"] for fault in problem["errors"]] == [field]
