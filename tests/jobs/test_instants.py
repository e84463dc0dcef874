"""Instants that a caller gives: those that are long past, and those at the edges of what can be told."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from litestar import Litestar

from models.jobs.pace import PaceReader
from models.jobs.service import enqueue
from models.kernel import schema
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.probes import Echo

ECHO = {"kind": "probe.echo", "payload": {"text": "x"}}
LONG_AGO = "1970-01-01T00:00:00Z"
THE_LONG_WAY = {"prefer": "respond-async"}


def instant(job: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(job[name])


async def test_what_was_due_before_it_was_asked_for_is_due_now(quiet_client: ApiClient) -> None:
    """So that it waits from now on, in the place of who comes now: on either way in, and for a job of a batch."""
    job = {**ECHO, "runAt": LONG_AGO}
    jobs = [
        await quiet_client.expect(202, "POST", "/jobs", json=job, headers=headers) for headers in ({}, THE_LONG_WAY)
    ]
    batch = await quiet_client.expect(202, "POST", "/jobs/batch", json={"jobs": [job]})
    jobs += (await quiet_client.expect(200, "GET", "/jobs", params={"parentId": batch["id"]}))["data"]
    assert len(jobs) == 3
    for each in jobs:
        assert each["status"] == "queued"
        assert instant(each, "createdAt") - instant(each, "runAt") < timedelta(minutes=10)


@pytest.mark.parametrize("due", ["-infinity", "0001-01-02T00:00:00Z", LONG_AGO])
async def test_a_row_that_was_due_for_ever_spoils_no_answer_of_its_kind(
    quiet_app: Litestar,
    quiet_client: ApiClient,
    quiet_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    due: str,
) -> None:
    monkeypatch.setattr(quiet_app.state, "pace", PaceReader())  # which knows nothing of the test before
    ended = (await enqueue(quiet_database, SYSTEM, Echo(text="x"))).id
    await quiet_database.execute(
        "UPDATE jobs SET status = 'succeeded', run_at = $2::text::timestamptz, started_at = now(), finished_at = now(),"
        " attempt = 1 WHERE id = $1",
        ended, due,
    )  # fmt: skip
    answer = await quiet_client.post("/jobs", json=ECHO)
    assert answer.status_code == 202, answer.text
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    pace = (await quiet_client.expect(200, "GET", "/job-kinds/probe.echo"))["pace"]
    assert pace["wait"] is None or pace["wait"]["p95"] <= 30 * 86_400
    assert pace["run"]["p50"] == 0


EDGES = [
    "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-14:00", "9999-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "0001-12-31T23:59:59Z",
]  # fmt: skip
NOBODY = "0198c0de-0000-7000-8000-000000000001"
YEARS = "must be in the years 2 to 9998"


def faults(problem: dict[str, Any]) -> dict[str, str]:
    return {fault["field"]: fault["message"] for fault in problem["errors"]}


@pytest.mark.parametrize("edge", EDGES)
async def test_an_instant_at_the_edges_of_the_calendar_is_a_fault_beside_all_others(
    quiet_client: ApiClient, edge: str
) -> None:
    job = {**ECHO, "runAt": edge, "startBy": edge, "onDuplicate": "replace"}
    named = {"runAt": YEARS, "startBy": YEARS, "onDuplicate": "needs a `dedupeKey`"}
    for headers in ({}, THE_LONG_WAY):
        assert faults(await quiet_client.expect(400, "POST", "/jobs", json=job, headers=headers)) == named
    batch = await quiet_client.expect(400, "POST", "/jobs/batch", json={"jobs": [job]})
    assert faults(batch) == {f"jobs[0].{name}": message for name, message in named.items()}
    for method, path, names in [
        ("PATCH", f"/jobs/{NOBODY}", ["runAt", "startBy"]),
        ("POST", f"/jobs/{NOBODY}/retry", ["runAt"]),
        ("POST", "/jobs/redrive", ["from", "to"]),
        ("POST", "/jobs/cancel", ["from", "to"]),
    ]:
        problem = await quiet_client.expect(400, method, path, json=dict.fromkeys(names, edge))
        assert faults(problem) == dict.fromkeys(names, YEARS), path
    problem = await quiet_client.expect(400, "GET", "/jobs", params={"from": edge, "to": edge})
    assert faults(problem) == {"from": YEARS, "to": YEARS}
    assert (await quiet_client.expect(200, "GET", "/jobs"))["pagination"]["total"] == 0


@pytest.mark.parametrize("edge", [*EDGES, "2026-01-01T00:00:00", "yesterday"])
async def test_a_cursor_at_the_edges_of_the_calendar_is_no_cursor(quiet_client: ApiClient, edge: str) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps([edge, NOBODY]).encode()).decode()
    problem = await quiet_client.expect(400, "GET", "/jobs", params={"sortBy": "runAt", "cursor": cursor})
    assert faults(problem).keys() == {"cursor"}


@pytest.mark.parametrize("day", ["0002-01-02", "9998-12-30"])
async def test_a_day_within_the_calendar_is_one_whatever_its_offset(quiet_client: ApiClient, day: str) -> None:
    for time in ("T00:00:00+14:00", "T23:59:59.999999-14:00", "T12:00:00Z"):
        await quiet_client.submit("probe.echo", {"text": "x"}, runAt=f"{day}{time}")
        await quiet_client.expect(200, "GET", "/jobs", params={"from": f"{day}{time}", "to": f"{day}{time}"})
    for sort_order in ("asc", "desc"):
        query = {"sortBy": "runAt", "sortOrder": sort_order, "limit": 1}
        page = await quiet_client.expect(200, "GET", "/jobs", params=query)
        while cursor := page["pagination"]["nextCursor"]:
            page = await quiet_client.expect(200, "GET", "/jobs", params={**query, "cursor": cursor})


async def test_what_postgresql_cannot_store_is_the_callers_to_change(
    quiet_client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "in_calendar", lambda _: True)
    for headers in ({}, THE_LONG_WAY):
        problem = await quiet_client.expect(
            400, "POST", "/jobs", json={**ECHO, "runAt": "9999-12-31T23:59:59-14:00"}, headers=headers
        )
        assert problem["code"] == "VALIDATION_ERROR"
