"""Instants that a caller gives: those that are long past, and those at the edges of what can be told."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.jobs.service import enqueue
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
    quiet_client: ApiClient, quiet_database: Database, due: str
) -> None:
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
