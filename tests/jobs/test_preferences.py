"""`Prefer: wait=N`, in all the ways in which it may be written, and wherever work is asked for or looked at."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient

ECHO = {"kind": "probe.echo", "payload": {"text": "x"}}
LATER = "2199-01-01T00:00:00Z"
RUNNING = "UPDATE jobs SET status = 'running', attempt = 1, lease_until = now() + interval '1 hour' WHERE id = $1"

ENDED = "UPDATE jobs SET status = 'cancelled', lease_until = NULL, finished_at = now() WHERE id = $1"


@pytest.mark.parametrize(
    ("headers", "applied"),
    [
        ([("Prefer", "wait=1")], "wait=1"),
        ([("prefer", "WAIT = 1")], "wait=1"),
        ([("Prefer", 'wait="1"')], "wait=1"),
        ([("Prefer", "respond-async"), ("Prefer", "wait=1")], "wait=1"),
        ([("Prefer", 'note="a, wait=20"; x, wait=1, wait=20')], "wait=1"),
        ([("Prefer", "respond-async; wait=1")], "wait=1"),
        ([("Prefer", "wait=0")], "wait=0"),
        ([("Prefer", "wait=soon")], None),
        ([("Prefer", "await=20")], None),
        ([("Prefer", "respond-async")], None),
    ],
)
async def test_a_preference_is_understood_however_it_is_written(
    quiet_client: ApiClient, headers: Any, applied: str | None
) -> None:
    """For a submit, a read, and a read of what one has already."""
    submitted = await quiet_client.post("/jobs", json=ECHO, headers=headers)
    path = submitted.headers["location"].removeprefix("/api/v1")
    known = [*headers, ("If-None-Match", submitted.headers["etag"])]
    answers = [submitted, await quiet_client.get(path, headers=headers), await quiet_client.get(path, headers=known)]
    assert [answer.status_code for answer in answers] == [202, 200, 304]
    assert [answer.headers.get("preference-applied") for answer in answers] == [applied] * 3


async def test_who_asks_not_to_wait_for_a_cancel_is_answered_at_once(
    quiet_client: ApiClient, quiet_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> None:
        raise AssertionError("somebody waits")

    monkeypatch.setattr("api.jobs.following.wait_for_end", never)
    job = await quiet_client.submit("probe.echo", {"text": "x"})
    await quiet_database.execute(RUNNING, UUID(job["id"]))
    for headers in ({"Prefer": "wait=0"}, {"Prefer": "wait=0", "Idempotency-Key": "k"}):
        answer = await quiet_client.post(f"/jobs/{job['id']}/cancel", headers=headers)
        assert (answer.status_code, answer.json()["verdict"]) == (202, "requested")
        assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["preference-applied"] == "wait=0"


async def test_a_job_that_waits_says_when_to_look_again_also_after_a_change(quiet_client: ApiClient) -> None:
    job = await quiet_client.submit("probe.echo", {"text": "x"}, runAt=LATER)
    answer = await quiet_client.patch(f"/jobs/{job['id']}", json={"priority": 7})
    assert (answer.status_code, answer.headers["retry-after"]) == (200, "60")


@pytest.mark.usefixtures("workers")
async def test_a_submit_with_a_key_may_wait_and_its_repetition_is_told_where_the_job_is(client: ApiClient) -> None:
    headers = {"Prefer": "wait=20", "Idempotency-Key": "once"}
    first = await client.post("/jobs", json=ECHO, headers=headers)
    assert (first.status_code, first.json()["status"]) == (200, "succeeded")
    assert first.headers["preference-applied"] == "wait=20"
    again = await client.post("/jobs", json=ECHO, headers=headers)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert int(again.headers["retry-after"]) >= 1
    assert "preference-applied" not in again.headers
    assert (await client.expect(200, "GET", "/jobs"))["pagination"]["total"] == 1


@pytest.mark.usefixtures("workers")
async def test_a_batch_with_a_key_may_wait(client: ApiClient) -> None:
    headers = {"Prefer": "wait=20", "Idempotency-Key": "once"}
    answer = await client.post("/jobs/batch", json={"jobs": [ECHO, ECHO]}, headers=headers)
    assert (answer.status_code, answer.json()["result"]["succeeded"]) == (200, 2)
    assert (await client.post("/jobs/batch", json={"jobs": [ECHO, ECHO]}, headers=headers)).status_code == 202


async def test_who_has_a_state_of_a_job_waits_for_the_next_one(client: ApiClient, database: Database) -> None:
    """One who has another is answered at once, and one who has none waits for the end."""
    submitted = await client.post("/jobs", json={**ECHO, "runAt": LATER})
    path, etag, job_id = f"/jobs/{submitted.json()['id']}", submitted.headers["etag"], UUID(submitted.json()["id"])
    wait = {"Prefer": "wait=30"}
    at_once = await client.get(path, headers={**wait, "If-None-Match": '"older"'})
    assert (at_once.status_code, at_once.headers["etag"]) == (200, etag)
    for_news = asyncio.create_task(client.get(path, headers={**wait, "If-None-Match": f"W/{etag}"}))
    for_the_end = asyncio.create_task(client.get(path, headers=wait))
    for change, told in ((RUNNING, for_news), (ENDED, for_the_end)):
        await database.execute(change, job_id)
        await database.execute("SELECT pg_notify('bellwork_job', $1)", str(job_id))
        await told
    assert for_news.result().json()["status"] == "running"
    assert for_the_end.result().json()["status"] == "cancelled"
    last = {**wait, "If-None-Match": for_the_end.result().headers["etag"]}
    assert (await client.get(path, headers=last)).status_code == 304
