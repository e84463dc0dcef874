"""Customers over HTTP: the habits every resource has."""

import pytest

from tests.conftest import sign_in
from tests.support.client import ApiClient

NOA = {"name": "Noa Levi", "phone": "+972501234567", "email": "noa@example.com", "city": "Haifa"}


async def test_a_created_customer_is_read_back_with_its_place_and_version(client: ApiClient) -> None:
    response = await client.post("/customers", json=NOA)
    assert response.status_code == 201
    assert response.headers["location"] == f"/api/v1/customers/{response.json()['id']}"
    read = await client.get(response.headers["location"].removeprefix("/api/v1"))
    assert read.json() == response.json()
    assert read.headers["etag"] == '"1"'
    assert {**NOA, "notes": None}.items() <= read.json().items()


async def test_every_fault_of_a_body_is_named_at_once(client: ApiClient) -> None:
    problem = await client.expect(
        400, "POST", "/customers", json={"name": "x" * 201, "phone": "050-123", "email": "nobody", "nick": 1}
    )
    assert {fault["field"] for fault in problem["errors"]} == {"name", "phone", "email", "nick"}
    assert problem["code"] == "VALIDATION_ERROR"
    assert (await client.expect(200, "GET", "/customers"))["pagination"]["total"] == 0


async def test_a_patch_changes_what_it_names_and_a_put_everything(client: ApiClient) -> None:
    customer = await client.create("/customers", **NOA)
    patched = await client.expect(200, "PATCH", f"/customers/{customer['id']}", json={"city": None})
    assert (patched["city"], patched["email"], patched["version"]) == (None, NOA["email"], 2)
    replaced = await client.expect(200, "PUT", f"/customers/{customer['id']}", json={"name": "Noa Cohen"})
    assert (replaced["name"], replaced["email"]) == ("Noa Cohen", None)


async def test_a_lost_update_is_refused(client: ApiClient) -> None:
    customer = await client.create("/customers", **NOA)
    path = f"/customers/{customer['id']}"
    await client.expect(200, "PATCH", path, json={"city": "Lod"}, headers={"If-Match": '"1"'})
    problem = await client.expect(412, "PATCH", path, json={"city": "Akko"}, headers={"If-Match": '"1"'})
    assert problem["code"] == "PRECONDITION_FAILED"
    assert (await client.expect(200, "GET", path))["city"] == "Lod"


async def test_a_deleted_customer_is_gone_until_restored(client: ApiClient) -> None:
    customer = await client.create("/customers", **NOA)
    path = f"/customers/{customer['id']}"
    await client.expect(204, "DELETE", path)
    await client.expect(404, "GET", path)
    assert (await client.expect(200, "GET", "/customers"))["data"] == []
    await client.expect(200, "POST", f"{path}/restore")
    assert (await client.expect(200, "GET", path))["name"] == NOA["name"]


async def test_only_an_administrator_removes_for_good(client: ApiClient, database) -> None:  # type: ignore[no-untyped-def]
    customer = await client.create("/customers", **NOA)
    path = f"/customers/{customer['id']}"
    admin = client.headers["Authorization"]
    await sign_in(client, database, "manager")
    await client.expect(403, "DELETE", path, params={"hard": True})
    client.headers["Authorization"] = admin
    await client.expect(204, "DELETE", path, params={"hard": True})
    await client.expect(404, "POST", f"{path}/restore")


async def test_pages_follow_each_other_by_cursor_without_gap_or_repetition(client: ApiClient) -> None:
    names = [f"Customer {number:02}" for number in range(7)]
    for name in names:
        await client.create("/customers", name=name)
    seen: list[str] = []
    params: dict[str, str | int] = {"limit": 3, "sortBy": "name", "sortOrder": "asc"}
    while True:
        page = await client.expect(200, "GET", "/customers", params=params)
        seen += [row["name"] for row in page["data"]]
        assert page["pagination"]["total"] == 7
        if not page["pagination"]["hasMore"]:
            break
        params["cursor"] = page["pagination"]["nextCursor"]
    assert seen == names


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"city": "Haifa"}, ["Noa Levi"]),
        ({"search": "DANA"}, ["Dana"]),
        ({"q": "noa@"}, ["Noa Levi"]),
        ({"search": "%"}, []),
        ({"hasActiveRegistration": "true"}, []),
    ],
)
async def test_a_list_is_filtered_and_searched(client: ApiClient, params: dict[str, str], names: list[str]) -> None:
    await client.create("/customers", **NOA)
    await client.create("/customers", name="Dana", city="Lagos")
    page = await client.expect(200, "GET", "/customers", params=params)
    assert [row["name"] for row in page["data"]] == names


async def test_unknown_filters_and_sorts_are_errors(client: ApiClient) -> None:
    problem = await client.expect(400, "GET", "/customers", params={"town": "x", "limit": "0", "sortOrder": "up"})
    assert {fault["field"] for fault in problem["errors"]} == {"town", "limit", "sortOrder"}
    problem = await client.expect(400, "GET", "/customers", params={"sortBy": "shoeSize"})
    assert problem["errors"][0]["field"] == "sortBy"


async def test_what_happens_to_a_customer_is_an_event_of_the_same_transaction(client: ApiClient, database) -> None:  # type: ignore[no-untyped-def]
    customer = await client.create("/customers", **NOA)
    await client.expect(412, "DELETE", f"/customers/{customer['id']}", headers={"If-Match": '"9"'})
    await client.expect(204, "DELETE", f"/customers/{customer['id']}")
    rows = await database.fetch("SELECT type, resource_id, actor FROM events ORDER BY id")
    assert [row["type"] for row in rows] == ["customer.created", "customer.deleted"]
    assert {str(row["resource_id"]) for row in rows} == {customer["id"]}
    assert rows[0]["actor"].startswith("user:")
