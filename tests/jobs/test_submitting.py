"""What a client can say about a job as it submits it, on every way in."""

import asyncio
from typing import Any

import httpx
import pytest

from models.jobs import lifecycle, service
from models.jobs.kinds import kind_of
from models.jobs.rules import OnDuplicate, Twin
from models.jobs.service import JobOptions, enqueue
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.jobs import DONE, LATER
from tests.support.keys import key_with
from tests.support.probes import Echo, Limited


async def submit(client: ApiClient, text: str = "x", **options: Any) -> httpx.Response:
    headers = options.pop("headers", None)
    body = {"kind": "probe.echo", "payload": {"text": text}, "runAt": LATER, **options}
    response = await client.post("/jobs", json=body, headers=headers)
    assert response.status_code == 202, response.text
    return response


async def test_a_submit_that_met_its_twin_says_so(client: ApiClient) -> None:
    first, second = await submit(client, dedupeKey="k"), await submit(client, dedupeKey="k")
    assert "deduplicated" not in first.headers
    assert second.headers["deduplicated"] == "kept"
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]


async def test_that_it_met_its_twin_is_repeated_with_the_answer(client: ApiClient) -> None:
    await submit(client, dedupeKey="k")
    keyed = {"Idempotency-Key": "once"}
    answers = [await submit(client, dedupeKey="k", headers=keyed) for _ in range(2)]
    assert [answer.headers["deduplicated"] for answer in answers] == ["kept", "kept"]
    assert answers[1].headers["idempotency-replayed"] == "true"


async def test_a_key_is_taken_for_ones_own_jobs_only(client: ApiClient) -> None:
    mine, theirs = await key_with(client, "write:jobs", "read:jobs"), await key_with(client, "write:jobs")
    job = await submit(client, dedupeKey="spring", headers=mine)
    other = await submit(client, dedupeKey="spring", headers=theirs)
    staff = await submit(client, dedupeKey="spring")
    assert len({job.json()["id"], other.json()["id"], staff.json()["id"]}) == 3
    assert "deduplicated" not in {*other.headers, *staff.headers}
    assert (await submit(client, dedupeKey="spring", headers=mine)).json()["id"] == job.json()["id"]


async def test_a_later_submit_takes_the_place_of_one_that_has_not_started(client: ApiClient) -> None:
    first = (await submit(client, "a", dedupeKey="k", tags=["old"], startBy="2199-02-01T00:00:00Z")).json()
    options = {"dedupeKey": "k", "onDuplicate": "replace", "priority": 8, "tags": ["new"], "maxAttempts": 2}
    answer = await submit(client, "b", runAt="2199-06-01T00:00:00Z", **options)
    assert answer.headers["deduplicated"] == "replaced"
    changed = {
        "payload": {"text": "b"}, "runAt": "2199-06-01T00:00:00Z", "priority": 8, "tags": ["new"], "startBy": None,
        "maxAttempts": 2, "requestId": answer.headers["x-request-id"],
    }  # fmt: skip
    assert answer.json() == {**first, **changed}
    now = await submit(client, "c", runAt=None, dedupeKey="k", onDuplicate="replace")
    assert (now.json()["id"], now.json()["status"]) == (first["id"], "queued")


async def test_a_replacement_with_another_limit_key_waits_for_its_turn_under_that(quiet_database: Database) -> None:
    """The one it replaces was on its way to a worker, let go under its own key."""
    same = JobOptions(dedupe_key="k", on_duplicate=OnDuplicate.REPLACE)
    job = await enqueue(quiet_database, SYSTEM, Limited(key="a"), same)
    for key, waits in (("a", False), ("b", True)):
        await quiet_database.execute("UPDATE jobs SET published_at = now()")
        assert (await enqueue(quiet_database, SYSTEM, Limited(key=key), same)).id == job.id
        (row,) = await quiet_database.fetch("SELECT limit_key, published_at IS NULL AS waits FROM jobs")
        assert (row["limit_key"], row["waits"]) == (key, waits)


async def test_what_has_started_is_not_replaced(quiet_client: ApiClient, quiet_database: Database) -> None:
    first = (await submit(quiet_client, "a", dedupeKey="k")).json()
    for status in ("running", "retrying", "queued"):
        lease = "now() + interval '1 hour'" if status == "running" else "NULL"
        await quiet_database.execute(
            f"UPDATE jobs SET status = '{status}', attempt = 1, run_at = '2199-01-01Z', lease_until = {lease}"
        )
        answer = await submit(quiet_client, "b", dedupeKey="k", onDuplicate="replace")
        assert answer.headers["deduplicated"] == "kept"
        assert (answer.json()["id"], answer.json()["payload"]) == (first["id"], {"text": "a"})


async def test_only_ones_own_job_is_replaced(client: ApiClient) -> None:
    first = (await submit(client, "mine", dedupeKey="k")).json()
    theirs = await key_with(client, "write:jobs")
    answer = await submit(client, "theirs", dedupeKey="k", onDuplicate="replace", headers=theirs)
    assert "deduplicated" not in answer.headers
    await submit(client, "theirs again", dedupeKey="k", onDuplicate="replace", headers=theirs)
    assert await client.expect(200, "GET", f"/jobs/{first['id']}") == first
    mine = await submit(client, "mine again", dedupeKey="k", onDuplicate="replace")
    assert (mine.json()["id"], mine.headers["deduplicated"]) == (first["id"], "replaced")
    stranger = await client.expect(200, "GET", f"/jobs/{answer.json()['id']}")
    assert stranger["payload"] == {"text": "theirs again"}


async def test_replacing_and_claiming_at_once_lose_no_payload(quiet_database: Database) -> None:
    """Whoever is first: a job that runs has the payload it was given before it started, and the submit is told."""
    options = JobOptions(dedupe_key="k", on_duplicate=OnDuplicate.REPLACE)
    for number in range(30):
        first = (await service.submit(quiet_database, SYSTEM, kind_of(Echo), Echo(text="a"), options)).job
        claimed, submitted = await asyncio.gather(
            lifecycle.claim(quiet_database, [first.id], "tester", 60),
            service.submit(quiet_database, SYSTEM, kind_of(Echo), Echo(text=f"b{number}"), options),
        )
        told = submitted.twin == Twin.REPLACED
        assert (b"b" in bytes(claimed[0].payload)) == told
        await lifecycle.close(quiet_database, claimed[0], DONE)


@pytest.mark.usefixtures("workers")
async def test_a_debounced_job_runs_once_with_what_came_last(client: ApiClient) -> None:
    ids = set()
    for number in range(5):
        run_at = None if number == 4 else LATER
        answer = await submit(client, str(number), runAt=run_at, dedupeKey="k", onDuplicate="replace")
        ids.add(answer.json()["id"])
    assert len(ids) == 1
    assert (await client.finish(ids.pop()))["result"] == {"text": "4"}


SOON, PAST = "2199-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
FAULTY: list[tuple[dict[str, Any], set[str]]] = [
    ({"startBy": PAST}, {"startBy"}),
    ({"startBy": "2199-01-01T00:00:00"}, {"startBy"}),
    ({"runAt": SOON, "startBy": SOON}, {"startBy"}),
    ({"runAt": "2199-01-01T00:00:00", "startBy": "2199-01-01T00:00:00"}, {"runAt", "startBy"}),
    ({"startBy": PAST, "onDuplicate": "replace"}, {"startBy", "onDuplicate"}),
    ({"onDuplicate": "refuse", "dedupeKey": "k"}, {"onDuplicate"}),
    ({"tags": ["", "x" * 65, "fine"]}, {"tags[0]", "tags[1]"}),
    ({"tags": [str(number) for number in range(11)]}, {"tags"}),
    ({"tags": ["a\0b"]}, {"tags[0]"}),
]


@pytest.mark.parametrize(("options", "fields"), FAULTY)
async def test_what_is_wrong_with_options_is_named_at_once(
    client: ApiClient, options: dict[str, Any], fields: set[str]
) -> None:
    """The same for one job, on either way, and for a job of a batch."""
    body = {"kind": "probe.echo", "payload": {"text": "x"}, **options}
    for headers in ({}, {"prefer": "respond-async"}):
        problem = await client.expect(400, "POST", "/jobs", json=body, headers=headers)
        assert {fault["field"] for fault in problem["errors"]} == fields
    if "dedupeKey" not in options:
        problem = await client.expect(400, "POST", "/jobs/batch", json={"jobs": [body]})
        assert {fault["field"] for fault in problem["errors"]} == {f"jobs[0].{field}" for field in fields}


AWKWARD = ['a"b', "back\\slash", "{curly}", "com,ma", " ", "NULL", "שלום", "'quote'"]


async def test_tags_are_kept_as_they_are_given(client: ApiClient) -> None:
    """In every way in: with a body the short way takes, one it does not, and in a batch, whose parent has its own."""
    job = {"kind": "probe.echo", "payload": {"text": "x"}, "runAt": LATER, "tags": [*AWKWARD, AWKWARD[0]]}
    for headers in ({}, {"prefer": "respond-async"}):
        assert (await client.expect(202, "POST", "/jobs", json=job, headers=headers))["tags"] == AWKWARD
    batch = await client.expect(202, "POST", "/jobs/batch", json={"jobs": [job, {**job, "tags": []}], "tags": ["all"]})
    assert batch["tags"] == ["all"]
    children = await client.expect(200, "GET", "/jobs", params={"parentId": batch["id"], "sortOrder": "asc"})
    assert [child["tags"] for child in children["data"]] == [AWKWARD, []]
    for tag in AWKWARD:
        found = await client.expect(200, "GET", "/jobs", params={"tag": tag})
        assert found["pagination"]["total"] == 3, tag


async def test_a_retry_keeps_the_tags_and_forgets_when_it_had_to_start(client: ApiClient) -> None:
    job = (await submit(client, tags=["a"], startBy="2199-02-01T00:00:00Z")).json()
    await client.expect(200, "POST", f"/jobs/{job['id']}/cancel")
    again = await client.expect(202, "POST", f"/jobs/{job['id']}/retry")
    assert (again["tags"], again["startBy"]) == (["a"], None)
