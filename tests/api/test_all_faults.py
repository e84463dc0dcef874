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


PRIVATE = "http://10.0.0.1/hook"
CRON = {"name": "x", "cron": "0 3 * * *"}
UNKNOWN = {"kind": "no.such", "payload": {}}


@pytest.mark.parametrize(
    ("method", "path", "body", "fields"),
    [
        ("POST", "/jobs", {**ECHO, "payload": {}, "callbackUrl": PRIVATE}, ["callbackUrl", "payload.text"]),
        ("POST", "/jobs", {**ECHO, "payload": {"text": 1}, "priority": "x", "callbackUrl": PRIVATE},
         ["callbackUrl", "payload.text", "priority"]),
        ("POST", "/jobs", {**ECHO, "priority": 11, "onDuplicate": "replace", "startBy": "2001-01-01T00:00:00Z"},
         ["onDuplicate", "priority", "startBy"]),
        ("POST", "/jobs", {**ECHO, "dedupeKey": 7, "onDuplicate": "replace"}, ["dedupeKey"]),
        ("POST", "/jobs", {**UNKNOWN, "priority": 11}, ["kind", "priority"]),
        ("POST", "/jobs/batch", {"jobs": [UNKNOWN, ECHO, {**ECHO, "payload": {}}], "callbackUrl": PRIVATE},
         ["callbackUrl", "jobs[0].kind", "jobs[2].payload.text"]),
        ("POST", "/jobs/batch",
         {"jobs": [UNKNOWN, {**ECHO, "payload": {}, "tags": 7}, {**ECHO, "dedupeKey": "k"}], "tags": [""]},
         ["jobs[0].kind", "jobs[1].payload.text", "jobs[1].tags", "jobs[2].dedupeKey", "tags[0]"]),
        ("POST", "/schedules", {**CRON, **ECHO, "payload": {}, "callbackUrl": PRIVATE},
         ["callbackUrl", "payload.text"]),
        ("PUT", "/schedules/by-key/k", {**CRON, **ECHO, "payload": {}, "callbackUrl": PRIVATE},
         ["callbackUrl", "payload.text"]),
        ("POST", "/schedules",
         {**CRON, **ECHO, "payload": {}, "priority": 11, "catchUp": "all", "overlap": "skip", "rrule": "FREQ=DAILY"},
         ["cron", "overlap", "payload.text", "priority"]),
        ("POST", "/schedules", {**CRON, **ECHO, "cron": 7, "timezone": "Mars/Base"}, ["cron"]),
    ],
)  # fmt: skip
async def test_the_faults_of_envelope_payload_and_callback_are_named_together(
    client: ApiClient, method: str, path: str, body: dict[str, Any], fields: list[str]
) -> None:
    for headers in ({}, {"Prefer": "respond-async"}):
        assert named(await client.expect(400, method, path, json=body, headers=headers)) == fields


async def test_the_faults_of_a_changed_schedule_are_named_together(client: ApiClient) -> None:
    path = f"/schedules/{(await client.create('/schedules', **CRON, **ECHO))['id']}"
    change = {"payload": {}, "callbackUrl": PRIVATE, "catchUp": "all", "overlap": "skip"}
    assert named(await client.expect(400, "PATCH", path, json=change)) == ["callbackUrl", "overlap", "payload.text"]
    problem = await client.expect(400, "PUT", path, json={**CRON, **ECHO, **change, "overlap": "allow"})
    assert named(problem) == ["callbackUrl", "payload.text"]


async def test_a_wrong_condition_is_named_beside_what_is_wrong_with_the_body(client: ApiClient) -> None:
    path = f"/schedules/{(await client.create('/schedules', **CRON, **ECHO))['id']}"
    wrong = {"If-Match": "3"}
    body = {**CRON, **ECHO, "payload": {}, "priority": 11}
    problem = await client.expect(400, "PUT", path, json=body, headers=wrong)
    assert named(problem) == ["If-Match", "payload.text", "priority"]
    problem = await client.expect(400, "PUT", path, json={**body, "priority": 1}, headers=wrong)
    assert named(problem) == ["If-Match", "payload.text"]
    problem = await client.expect(400, "PATCH", f"/jobs/{NOBODY}", json={"priority": 11}, headers=wrong)
    assert named(problem) == ["If-Match", "priority"]


async def test_a_job_of_a_batch_that_one_may_not_ask_for_is_named(client: ApiClient) -> None:
    forbidden = {"kind": "webhooks.deliver", "payload": {}}
    problem = await client.expect(403, "POST", "/jobs/batch", json={"jobs": [UNKNOWN, ECHO, forbidden]})
    assert problem["detail"].startswith("jobs[2]: ")
