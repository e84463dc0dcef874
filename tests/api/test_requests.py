"""What every route does alike with a request, before it looks at what it is about."""

import pytest

from tests.support.client import ApiClient

NOBODY = "0198c0de-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/jobs", "GET, OPTIONS, POST"),
        (f"/jobs/{NOBODY}", "GET, OPTIONS, PATCH"),
        (f"/schedules/{NOBODY}", "DELETE, GET, OPTIONS, PATCH, PUT"),
        ("/customers", "GET, OPTIONS, POST"),
        (f"/customers/{NOBODY}/students", "GET, OPTIONS, POST"),
    ],
)
async def test_who_asks_for_the_methods_of_a_path_is_told_all(client: ApiClient, path: str, methods: str) -> None:
    answer = await client.options(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == methods


@pytest.mark.parametrize("sent", ["text/plain", "application/x-www-form-urlencoded", "application/msgpack", "json"])
async def test_a_body_that_is_said_to_be_something_else_than_json_is_not_read(client: ApiClient, sent: str) -> None:
    answer = await client.post("/customers", content=b'{"name": "Noa"}', headers={"Content-Type": sent})
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("sent", [None, "application/json", "APPLICATION/JSON; charset=utf-8", "application/x+json"])
async def test_a_body_that_may_be_json_is_read(client: ApiClient, sent: str | None) -> None:
    headers = {} if sent is None else {"Content-Type": sent}
    assert (await client.post("/customers", content=b'{"name": "Noa"}', headers=headers)).status_code == 201


async def test_a_text_in_the_path_that_cannot_be_stored_is_named(client: ApiClient) -> None:
    schedule = {"name": "x", "cron": "0 3 * * *", "kind": "probe.echo", "payload": {"text": "x"}}
    for method, path, body, name in (
        ("GET", "/job-kinds/a%00b", None, "name"),
        ("PUT", "/schedules/by-key/a%00b", schedule, "key"),
    ):
        problem = await client.expect(400, method, path, json=body)
        assert [fault["field"] for fault in problem["errors"]] == [name]
