"""The short way of the two hottest requests gives the answers of the routes, and leaves all else to them."""

from typing import Any

import httpx
import pytest

from api.jobs.express import ExpressLane
from tests.support.client import ApiClient

# A header that means something to the routes, and nothing to these requests.
THE_LONG_WAY = {"prefer": "respond-async"}
OF_THE_COUNT = {"x-request-id", "date", "x-ratelimit-remaining", "x-ratelimit-reset"}
OF_THE_MOMENT = {*OF_THE_COUNT, "location", "etag", "retry-after", "content-length"}
OF_THE_JOB = {"id", "requestId", "runAt", "createdAt"}
ECHO = {"kind": "probe.echo", "payload": {"text": "hello"}}


@pytest.fixture
def short_ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What went the short way, by method."""
    taken: list[str] = []

    def note(name: str, method: str) -> None:
        original = getattr(ExpressLane, name)

        async def noted(self: ExpressLane, scope: Any, *args: Any) -> Any:
            answered = await original(self, scope, *args)
            if answered is not False and "route_handler" not in scope:
                taken.append(method)
            return answered

        monkeypatch.setattr(ExpressLane, name, noted)

    note("_read", "GET")
    note("_submit", "POST")
    return taken


def _headers(answer: httpx.Response, besides: set[str]) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in besides}


async def test_a_job_is_read_to_the_byte_as_by_the_route(quiet_client: ApiClient, short_ways: list[str]) -> None:
    job = await quiet_client.submit("probe.echo", {"text": "hello"})
    short = await quiet_client.get(f"/jobs/{job['id']}")
    assert short_ways[-1:] == ["GET"]
    long = await quiet_client.get(f"/jobs/{job['id']}", headers=THE_LONG_WAY)
    assert short.status_code == long.status_code == 200
    assert short.content == long.content
    assert _headers(short, OF_THE_COUNT) == _headers(long, OF_THE_COUNT)
    assert short.headers.keys() == long.headers.keys()


async def test_a_job_is_submitted_as_by_the_route(client: ApiClient, short_ways: list[str]) -> None:
    short = await client.post("/jobs", json=ECHO)
    assert short_ways == ["POST"]
    long = await client.post("/jobs", json=ECHO, headers=THE_LONG_WAY)
    assert short.status_code == long.status_code == 202
    assert _headers(short, OF_THE_MOMENT) == _headers(long, OF_THE_MOMENT)
    assert short.headers.keys() == long.headers.keys()
    for answer in (short, long):
        assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['id']}"
        assert answer.json()["requestId"] == answer.headers["x-request-id"]
    same = [
        {name: value for name, value in answer.json().items() if name not in OF_THE_JOB} for answer in (short, long)
    ]
    assert same[0] == same[1]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "probe.echo", "payload": {"text": 1}}, 400),
        ({"kind": "probe.echo", "payload": {"text": "hello"}, "unknown": 1}, 400),
        ({"kind": "no.such", "payload": {}}, 404),
        ({"kind": "webhooks.deliver", "payload": {}}, 403),
    ],
)
async def test_what_is_wrong_is_told_by_the_route(client: ApiClient, body: dict[str, Any], status: int) -> None:
    answers = [await client.post("/jobs", json=body, headers=headers) for headers in ({}, THE_LONG_WAY)]
    problems = [{name: value for name, value in each.json().items() if name != "requestId"} for each in answers]
    assert [each.status_code for each in answers] == [status, status]
    assert problems[0] == problems[1]


async def test_a_job_that_is_not_there_is_told_by_the_route(client: ApiClient) -> None:
    assert (await client.get("/jobs/0198c0de-0000-7000-8000-000000000001")).status_code == 404
    assert (await client.get("/jobs/not-an-id-not-an-id-not-an-id-not-an")).status_code == 404


async def test_a_caller_who_is_unknown_is_not_let_in(anonymous: ApiClient) -> None:
    for headers in ({}, {"authorization": "Bearer forged"}, {"authorization": "Basic eDp5"}, {"x-api-key": "forged"}):
        read = await anonymous.get("/jobs/0198c0de-0000-7000-8000-000000000001", headers=headers)
        submitted = await anonymous.post("/jobs", json=ECHO, headers=headers)
        assert (read.status_code, submitted.status_code) == (401, 401)


async def test_a_body_longer_than_the_limit_is_refused(client: ApiClient) -> None:
    answer = await client.post("/jobs", json={"kind": "probe.echo", "payload": {"text": "x" * 2**21}})
    assert answer.status_code == 413


async def test_a_long_body_goes_the_long_way_whole(client: ApiClient, short_ways: list[str]) -> None:
    text = "x" * 100_000
    answer = await client.post("/jobs", json={"kind": "probe.echo", "payload": {"text": text}})
    assert answer.status_code == 202
    assert answer.json()["payload"] == {"text": text}
    assert short_ways == []
