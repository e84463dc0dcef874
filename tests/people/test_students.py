"""Students over HTTP: whose they are."""

from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.factories import make_customer, make_student

NOBODY = "0198c0de-0000-7000-8000-000000000001"


async def customer_of(client: ApiClient, name: str = "Noa Levi") -> str:
    customer: dict[str, Any] = await client.create("/customers", name=name)
    return str(customer["id"])


async def test_students_are_added_to_and_listed_by_their_customer(client: ApiClient) -> None:
    noa, dana = await customer_of(client), await customer_of(client, "Dana")
    response = await client.post(f"/customers/{noa}/students", json={"name": "Omer", "birthDate": "2016-02-29"})
    omer = response.json()
    assert (response.status_code, omer["customerId"], omer["birthDate"]) == (201, noa, "2016-02-29")
    assert response.headers["location"] == f"/api/v1/students/{omer['id']}"
    maya = await client.create("/students", customerId=noa, name="Maya", grade="4")
    await client.create("/students", customerId=dana, name="Tal")
    listed = await client.expect(200, "GET", f"/customers/{noa}/students", params={"sortBy": "name"})
    assert listed["data"] == [omer, maya]


@pytest.mark.parametrize(
    ("params", "names"),
    [({"customerId": "noa"}, ["Maya", "Omer"]), ({"grade": "4"}, ["Maya"]), ({"search": "OME"}, ["Omer"])],
)
async def test_students_are_filtered_and_searched(client: ApiClient, params: dict[str, str], names: list[str]) -> None:
    noa, dana = await customer_of(client), await customer_of(client, "Dana")
    await client.create("/students", customerId=noa, name="Omer")
    await client.create("/students", customerId=noa, name="Maya", grade="4")
    await client.create("/students", customerId=dana, name="Tal", grade="5")
    asked = {name: noa if value == "noa" else value for name, value in params.items()}
    page = await client.expect(200, "GET", "/students", params={**asked, "sortBy": "name", "sortOrder": "asc"})
    assert [row["name"] for row in page["data"]] == names


async def test_references_that_are_not_there_are_named_together(client: ApiClient) -> None:
    wrong = {"customerId": NOBODY, "userId": NOBODY}
    problem = await client.expect(400, "POST", "/students", json={"name": "Omer", **wrong})
    assert {fault["field"] for fault in problem["errors"]} == {"customerId", "userId"}
    student = await client.create(f"/customers/{await customer_of(client)}/students", name="Omer")
    problem = await client.expect(400, "PATCH", f"/students/{student['id']}", json=wrong)
    assert {fault["field"] for fault in problem["errors"]} == {"customerId", "userId"}
    await client.expect(404, "POST", f"/customers/{NOBODY}/students", json={"name": "Omer"})


async def test_a_deleted_customer_gets_no_more_students(client: ApiClient) -> None:
    noa = await customer_of(client)
    await client.expect(204, "DELETE", f"/customers/{noa}")
    problem = await client.expect(400, "POST", "/students", json={"name": "Omer", "customerId": noa})
    assert [fault["field"] for fault in problem["errors"]] == ["customerId"]
    await client.expect(404, "GET", f"/customers/{noa}/students")


async def test_a_customer_with_students_cannot_be_removed_for_good(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session)
        await make_student(session, customer_id=customer.id)
    path = f"/customers/{customer.id}"
    problem = await client.expect(409, "DELETE", path, params={"hard": True})
    assert problem["referencedBy"] == "students"
    assert "students still refer to it" in problem["detail"]
    await client.expect(200, "GET", path)
