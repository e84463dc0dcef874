"""Idempotency-Key: the work is done once, its answer given as often as asked."""

import asyncio
from typing import Any

import pytest

from models.kernel.session import Database
from tests.conftest import sign_in
from tests.support.client import ApiClient, eventually
from tests.support.failing import failing_commits
from tests.support.statements import waits_for_a_lock

KEY = {"Idempotency-Key": "order-4711"}


async def customers(client: ApiClient) -> int:
    total: int = (await client.expect(200, "GET", "/customers"))["pagination"]["total"]
    return total


async def test_a_repetition_gets_the_first_answer_and_does_nothing(client: ApiClient, database: Database) -> None:
    first = await client.post("/customers", json={"name": "Noa"}, headers=KEY)
    again = await client.post("/customers", json={"name": "Noa"}, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    for name in ("location", "etag", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert await customers(client) == 1
    assert len(await database.fetch("SELECT 1 FROM events")) == 1


async def test_every_kind_of_write_can_be_repeated(client: ApiClient) -> None:
    made = await client.create("/customers", name="Noa")
    path = f"/customers/{made['id']}"
    for number, (method, where, body) in enumerate(
        [("PATCH", path, {"city": "Lod"}), ("PUT", path, {"name": "Dana"}), ("DELETE", path, None),
         ("POST", f"{path}/restore", None)]
    ):  # fmt: skip
        answers = [
            await client.request(method, where, json=body, headers={"Idempotency-Key": f"write {number}"})
            for _ in range(2)
        ]
        assert answers[0].is_success
        assert (answers[0].status_code, answers[0].content) == (answers[1].status_code, answers[1].content)
        assert answers[1].headers["idempotency-replayed"] == "true"
    assert (await client.expect(200, "GET", path))["version"] == 5


async def test_a_repeated_submit_is_the_same_job(client: ApiClient, database: Database) -> None:
    body = {"kind": "probe.echo", "payload": {"text": "once"}}
    first, again = [await client.expect(202, "POST", "/jobs", json=body, headers=KEY) for _ in range(2)]
    assert first["id"] == again["id"]
    assert len(await database.fetch("SELECT 1 FROM jobs")) == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/customers", {"name": "Dana"}), ("POST", "/courses", {"name": "Noa"}), ("PUT", "/customers", None)],
)
async def test_the_key_of_another_request_is_refused(
    client: ApiClient, method: str, path: str, body: dict[str, str] | None
) -> None:
    await client.expect(201, "POST", "/customers", json={"name": "Noa"}, headers=KEY)
    response = await client.request(method, path, json=body, headers=KEY)
    assert response.status_code == (405 if method == "PUT" else 422)
    assert await customers(client) == 1


async def test_a_key_belongs_to_its_caller(client: ApiClient, database: Database) -> None:
    await client.expect(201, "POST", "/customers", json={"name": "Noa"}, headers=KEY)
    await sign_in(client, database, "manager")
    await client.expect(201, "POST", "/customers", json={"name": "Dana"}, headers=KEY)
    assert await customers(client) == 2


async def test_a_twin_is_refused_while_the_first_is_still_at_work(client: ApiClient, database: Database) -> None:
    path = f"/customers/{(await client.create('/customers', name='Noa'))['id']}"

    async def patch() -> Any:
        return await client.patch(path, json={"city": "Lod"}, headers=KEY)

    async def waits_for_the_row() -> bool:
        return await waits_for_a_lock(database, "customers")

    async with database.transaction() as session:
        await (await session.connection()).exec_driver_sql("SELECT 1 FROM customers FOR UPDATE")
        first = asyncio.create_task(patch())
        await eventually(waits_for_the_row)
        twin = await patch()
        assert (twin.status_code, twin.json()["code"]) == (409, "CONFLICT")
        assert not first.done()
    assert (await first).status_code == 200
    assert (await patch()).headers["idempotency-replayed"] == "true"
    assert (await client.expect(200, "GET", path))["version"] == 2


async def test_of_many_at_once_one_does_the_work(client: ApiClient) -> None:
    answers = await asyncio.gather(*(client.post("/customers", json={"name": "Noa"}, headers=KEY) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert await customers(client) == 1


async def test_a_refused_request_leaves_its_key_free(client: ApiClient, database: Database) -> None:
    for wrong in ({"name": ""}, {"nick": "Noa"}):
        await client.expect(400, "POST", "/customers", json=wrong, headers=KEY)
    missing = {"name": "Omer", "customerId": "0198c0de-0000-7000-8000-000000000001"}
    await client.expect(400, "POST", "/students", json=missing, headers=KEY)
    assert await database.fetch("SELECT 1 FROM keyed_answers") == []
    await client.expect(201, "POST", "/customers", json={"name": "Noa"}, headers=KEY)


async def test_the_record_commits_with_the_work_or_not_at_all(client: ApiClient, database: Database) -> None:
    async with failing_commits(database, "customers"):
        problem = await client.expect(500, "POST", "/customers", json={"name": "Noa"}, headers=KEY)
        assert problem["code"] == "INTERNAL_ERROR"
    assert await database.fetch("SELECT 1 FROM keyed_answers") == []
    assert await customers(client) == 0
    await client.expect(201, "POST", "/customers", json={"name": "Noa"}, headers=KEY)
    assert len(await database.fetch("SELECT 1 FROM keyed_answers")) == 1


async def test_after_a_day_the_key_is_as_new(client: ApiClient, database: Database) -> None:
    await client.expect(201, "POST", "/customers", json={"name": "Noa"}, headers=KEY)
    await database.execute("UPDATE keyed_answers SET created_at = created_at - interval '24 hours'")
    fresh = await client.post("/customers", json={"name": "Dana"}, headers=KEY)
    assert (fresh.status_code, fresh.json()["name"]) == (201, "Dana")
    again = await client.post("/customers", json={"name": "Dana"}, headers=KEY)
    assert again.content == fresh.content


@pytest.mark.parametrize("key", ["", "k" * 201, "a\tb", "ü\x01"])
async def test_a_key_must_be_sane(client: ApiClient, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    response = await client.post("/customers", json={"name": "Noa"}, headers=headers)
    assert response.status_code == 400
    assert [fault["field"] for fault in response.json()["errors"]] == ["Idempotency-Key"]
    assert await customers(client) == 0
