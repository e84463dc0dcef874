"""The trail over HTTP: who may read it, how it is filtered and paged, and as a file."""

import base64
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from models.kernel.clock import utc_now
from models.kernel.origin import Origin, acting
from models.kernel.session import Database, fetch
from tests.conftest import sign_in
from tests.support.client import ApiClient
from tests.support.exports import export_csv
from tests.support.factories import make_branch, make_customer

JOB = UUID(int=7)
FAR_CURSOR = base64.urlsafe_b64encode(json.dumps([str(2**63), "1"]).encode()).decode()
WRONG_CURSOR = base64.urlsafe_b64encode(json.dumps(["1", str(JOB)]).encode()).decode()


@pytest.fixture
async def history(client: ApiClient, database: Database) -> list[str]:
    """Two customers of one job, then a branch of somebody else; their ids."""
    with acting(Origin("user:first", request_id="r-1", job_id=JOB, client_ip="192.0.2.7")):
        async with database.transaction() as session:
            customers = [await make_customer(session, name=name) for name in ("Noa", "Omer")]
            await fetch(session, "UPDATE customers SET city = 'Lima'")
    with acting(Origin("user:second", request_id="r-2")):
        async with database.transaction() as session:
            branch = await make_branch(session)
    return [str(row.id) for row in (*customers, branch)]


@pytest.mark.parametrize(
    ("params", "actions"),
    [
        ({"actor": "user:first"}, ["update", "update", "create", "create"]),
        ({"actor": "user:second"}, ["create"]),
        ({"action": "update"}, ["update", "update"]),
        ({"entity": "customer", "action": "create"}, ["create", "create"]),
        ({"entity": "branch"}, ["create"]),
        ({"requestId": "r-1", "sortOrder": "asc"}, ["create", "create", "update", "update"]),
        ({"jobId": str(JOB)}, ["update", "update", "create", "create"]),
        ({"jobId": str(UUID(int=8))}, []),
        ({"entity": "customer", "entityId": "nobody"}, []),
    ],
)
async def test_the_trail_is_filtered(
    client: ApiClient, history: list[str], params: dict[str, str], actions: list[str]
) -> None:
    page = await client.expect(200, "GET", "/audit-log", params=params)
    assert [entry["action"] for entry in page["data"]] == actions
    assert page["pagination"]["total"] == len(actions)


async def test_the_trail_of_one_thing_is_found(client: ApiClient, history: list[str]) -> None:
    page = await client.expect(200, "GET", "/audit-log", params={"entityId": history[0]})
    assert [(entry["action"], entry["clientIp"]) for entry in page["data"]] == [
        ("update", "192.0.2.7"), ("create", "192.0.2.7"),
    ]  # fmt: skip


async def test_the_trail_is_filtered_by_time(client: ApiClient, history: list[str]) -> None:
    newest = (await client.expect(200, "GET", "/audit-log", params={"limit": 1}))["data"][0]
    since = await client.expect(200, "GET", "/audit-log", params={"from": newest["at"]})
    assert [entry["id"] for entry in since["data"]] == [newest["id"]]
    yesterday = (utc_now() - timedelta(days=1)).isoformat()
    assert (await client.expect(200, "GET", "/audit-log", params={"to": yesterday}))["data"] == []


async def test_the_pages_hold_every_entry_once_newest_first(client: ApiClient, history: list[str]) -> None:
    async def read(**params: Any) -> list[int]:
        ids: list[int] = []
        cursor: dict[str, str] = {}
        while True:
            page = await client.expect(200, "GET", "/audit-log", params={"limit": 2, **params, **cursor})
            ids += [entry["id"] for entry in page["data"]]
            if not page["pagination"]["hasMore"]:
                return ids
            cursor = {"cursor": page["pagination"]["nextCursor"]}

    newest_first = await read()
    assert len(newest_first) > 5, "two customers made and moved, a branch"
    assert newest_first == sorted(set(newest_first), reverse=True)
    assert await read(sortOrder="asc") == sorted(newest_first)


@pytest.mark.parametrize(
    "params",
    [
        {"action": "guess"},
        {"jobId": "7"},
        {"from": "noon"},
        {"search": "x"},
        {"sortBy": "actor"},
        {"a": "b"},
        {"cursor": "x"},
        {"cursor": FAR_CURSOR},
        {"cursor": WRONG_CURSOR},
    ],
)
async def test_what_cannot_be_asked_is_named(client: ApiClient, params: dict[str, str]) -> None:
    problem = await client.expect(400, "GET", "/audit-log", params=params)
    assert [fault["field"] for fault in problem["errors"]] == list(params)


@pytest.mark.parametrize("role", ["manager", "instructor", "student"])
async def test_only_administrators_read_it(anonymous: ApiClient, database: Database, role: str) -> None:
    await anonymous.expect(401, "GET", "/audit-log")
    await (await sign_in(anonymous, database, role)).expect(403, "GET", "/audit-log")


async def test_reading_leaves_no_trail(client: ApiClient, history: list[str]) -> None:
    before = (await client.expect(200, "GET", "/audit-log"))["pagination"]["total"]
    assert (await client.expect(200, "GET", "/audit-log"))["pagination"]["total"] == before


@pytest.mark.usefixtures("workers")
async def test_the_trail_is_a_file_too(client: ApiClient, history: list[str]) -> None:
    rows = await export_csv(client, "audit-log", filters={"requestId": "r-1", "action": "update"})
    assert [row["entityId"] for row in rows] == history[:2]
    assert {row["actor"] for row in rows} == {"user:first"}
    assert [json.loads(row["newValues"]) for row in rows] == [{"city": "Lima"}] * 2
