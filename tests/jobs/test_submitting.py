"""What a client can say about a job as it submits it, on every way in."""

from typing import Any

import httpx

from tests.api.test_others_work import key_with
from tests.support.client import ApiClient

LATER = "2199-01-01T00:00:00Z"


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
