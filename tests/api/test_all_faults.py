"""Every fault of a request is in its one answer, by the path at which the caller wrote it."""

from typing import Any

import pytest

from tests.support.client import ApiClient

NOBODY = "0198c0de-0000-7000-8000-000000000001"
ECHO = {"kind": "probe.echo", "payload": {"text": "x"}}


def named(problem: dict[str, Any]) -> list[str]:
    return sorted(fault["field"] for fault in problem["errors"])


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("/jobs?sortBy=nope&search=x&cursor=!&limit=0", ["cursor", "limit", "search", "sortBy"]),
        ("/jobs?sortBy=nope&q=x&offset=7&cursor=!", ["cursor", "offset", "q", "sortBy"]),
        ("/customers?sortBy=nope&cursor=!&hasActiveRegistration=x", ["cursor", "hasActiveRegistration", "sortBy"]),
        ("/closures?from=2026-03-01&to=2026-02-01&branchId=x&sortBy=x", ["branchId", "sortBy", "to"]),
        ("/closures?from=x&to=2026-02-01", ["from"]),
        ("/jobs?status=bogus,queued,zz", ["status[0]", "status[2]"]),
        ("/jobs?tag=a&tag=&parentId=x", ["parentId"]),
    ],
)
async def test_all_faults_of_a_list_are_named(client: ApiClient, query: str, fields: list[str]) -> None:
    assert named(await client.expect(400, "GET", query)) == fields


async def test_what_is_wrong_in_a_list_that_may_be_missing_is_named_by_its_place(client: ApiClient) -> None:
    body = {"ids": ["x", NOBODY, 7], "status": ["gone", "queued"]}
    problem = await client.expect(400, "POST", "/jobs/cancel", json=body)
    assert named(problem) == ["ids[0]", "ids[2]", "status[0]"]
