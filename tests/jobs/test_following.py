"""Polling, waiting, streaming: how a caller learns how a job goes, and who may."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar

from api.jobs import following
from models.jobs.service import get_job
from models.kernel.session import Database
from tests.conftest import sign_in
from tests.support.client import ApiClient
from tests.support.listening import listening

pytestmark = pytest.mark.usefixtures("workers")


async def stream(client: ApiClient, job_id: str, **headers: str) -> list[dict[str, Any]]:
    """The server-sent events of a job until the stream ends."""
    events: list[dict[str, Any]] = []
    async with client.stream("GET", f"/jobs/{job_id}/events", headers=headers, timeout=30) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        text = "".join([part async for part in response.aiter_text()])
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "event" in fields:
            events.append({**fields, "data": json.loads(fields["data"])})
    return events


async def test_an_accepted_job_says_where_to_look_and_when(client: ApiClient) -> None:
    response = await client.post("/jobs", json={"kind": "probe.echo", "payload": {"text": "x"}})
    assert response.status_code == 202
    assert response.headers["location"] == f"/api/v1/jobs/{response.json()['id']}"
    assert int(response.headers["retry-after"]) >= 1


async def test_a_submit_may_wait_for_the_end(client: ApiClient) -> None:
    response = await client.post(
        "/jobs", json={"kind": "probe.echo", "payload": {"text": "now"}}, headers={"Prefer": "wait=20"}
    )
    assert response.status_code == 200
    assert response.headers["preference-applied"] == "wait=20"
    assert response.json()["result"] == {"text": "now"}


async def test_the_stream_shows_progress_and_closes_at_the_end(client: ApiClient) -> None:
    job = await client.submit("probe.effect", {"label": "stream", "seconds": 1.5, "steps": 5})
    events = await stream(client, job["id"])
    assert events[-1]["event"] == "end"
    assert events[-1]["data"]["status"] == "succeeded"
    currents = [event["data"]["progress"]["current"] for event in events if event["data"]["progress"]]
    assert currents == sorted(currents)
    assert currents[-1] == 5
    assert len({event["id"] for event in events}) == len(events)


async def test_each_thing_a_caller_sees_of_a_job_is_an_event_when_it_changes(
    app: Litestar, client: ApiClient, database: Database
) -> None:
    """Words of progress alone, a step, a requested cancel: what has an ETag of its own is an event of its own."""
    job = await client.submit("probe.echo", {"text": "x"}, runAt="2199-01-01T00:00:00Z")
    id_ = UUID(job["id"])
    events = following.stream(listening(app), await get_job(database, id_), None)
    assert await anext(events) == b"retry: 1000\n\n"
    states = [_id_of(await anext(events))]
    for change in (
        "priority = 6", "run_at = '2198-01-01Z'", "payload = '{\"text\": \"y\"}'",
        "status = 'running', attempt = 1, lease_until = now() + interval '1 hour'",
        "progress_current = 0, progress_message = 'a'", "progress_message = 'b'", "steps = '[{\"name\": \"mail\"}]'",
        "cancel_requested_at = now()", "status = 'cancelled', lease_until = NULL, finished_at = now()",
    ):  # fmt: skip
        await database.execute(f"UPDATE jobs SET {change} WHERE id = $1", id_)
        await database.execute("SELECT pg_notify('bellwork_job', $1)", job["id"])
        states.append(_id_of(await asyncio.wait_for(anext(events), 10)))
        assert (await client.get(f"/jobs/{id_}")).headers["etag"] == f'"{states[-1]}"', change
    assert len(set(states)) == len(states) == 10
    assert [event async for event in events] == []


def _id_of(event: bytes) -> str:
    return event.decode().split("\nid: ")[1].split("\n")[0]


async def test_who_comes_back_after_the_end_is_sent_away_for_good(client: ApiClient, database: Database) -> None:
    """An `EventSource` opens a stream that was closed again each second, but not after 204."""
    job = await client.submit("probe.echo", {"text": "x"})
    await client.finish(job["id"])
    (end,) = await stream(client, job["id"])
    again = {"Last-Event-ID": end["id"]}
    answer = await client.get(f"/jobs/{job['id']}/events", headers=again)
    assert (answer.status_code, answer.content) == (204, b"")
    await database.execute(
        "INSERT INTO job_log_lines (job_id, attempt, number, at, level, message) VALUES ($1, 1, 1, now(), 'info', 'x')",
        UUID(job["id"]),
    )
    assert [event["event"] for event in await stream(client, job["id"], **again)] == ["log"]


async def test_a_job_of_another_owner_is_not_there(client: ApiClient, database: Database) -> None:
    job = await client.submit("probe.echo", {"text": "mine"})
    key = await client.create("/api-keys", name="a partner", scopes=["read:jobs", "write:jobs"])
    client.headers["Authorization"] = f"Bearer {key['secret']}"
    for path in (f"/jobs/{job['id']}", f"/jobs/{job['id']}/attempts", f"/jobs/{job['id']}/events"):
        await client.expect(404, "GET", path)
    assert (await client.expect(200, "GET", "/jobs"))["data"] == []
    own = await client.submit("probe.echo", {"text": "own"})
    assert [row["id"] for row in (await client.expect(200, "GET", "/jobs"))["data"]] == [own["id"]]


async def test_a_manager_sees_everybodys_jobs(client: ApiClient, database: Database) -> None:
    job = await client.submit("probe.echo", {"text": "x"})
    await sign_in(client, database, "manager")
    await client.expect(200, "GET", f"/jobs/{job['id']}")
    page = await client.expect(200, "GET", "/jobs", params={"kind": "probe.echo"})
    assert [row["id"] for row in page["data"]] == [job["id"]]


async def test_faults_of_a_payload_are_named_where_they_are(client: ApiClient) -> None:
    body = {"kind": "probe.effect", "payload": {"label": 3, "wait": 1}, "priority": 4}
    problem = await client.expect(400, "POST", "/jobs", json=body)
    assert {fault["field"] for fault in problem["errors"]} == {"payload.label", "payload.wait"}
    problem = await client.expect(400, "POST", "/jobs", json={"kind": "probe.echo", "payload": {}, "priority": 10})
    assert {fault["field"] for fault in problem["errors"]} == {"priority", "payload.text"}
    await client.expect(404, "POST", "/jobs", json={"kind": "probe.unknown", "payload": {}})


async def test_the_catalogue_tells_what_a_kind_takes_and_gives(client: ApiClient) -> None:
    kinds = {kind["name"]: kind for kind in await client.expect(200, "GET", "/job-kinds")}
    echo = kinds["probe.echo"]
    assert echo["description"] == "Give the text back."
    assert echo["scope"] == "write:jobs"
    assert "text" in json.dumps(echo["payloadSchema"])
    assert (await client.expect(200, "GET", "/job-kinds/probe.echo")) == echo
    await client.expect(404, "GET", "/job-kinds/probe.unknown")


async def test_the_request_id_follows_into_job_and_event(client: ApiClient, database: Database) -> None:
    body = {"kind": "probe.echo", "payload": {"text": "x"}}
    response = await client.post("/jobs", json=body, headers={"X-Request-ID": "order-77"})
    assert response.headers["x-request-id"] == "order-77"
    assert (await client.finish(response.json()["id"]))["requestId"] == "order-77"
    rows = await database.fetch("SELECT type, request_id FROM events")
    assert [(row["type"], row["request_id"]) for row in rows] == [("job.succeeded", "order-77")]
