"""Customers over HTTP: how they are found."""

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.factories import make_cycle, make_registration, make_student

NOA = {"name": "Noa Levi", "phone": "+972501234567", "email": "noa@example.com", "city": "Haifa"}


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"city": "Haifa"}, ["Noa Levi"]),
        ({"search": "DANA"}, ["Dana"]),
        ({"q": "noa@"}, ["Noa Levi"]),
        ({"search": "+97250"}, ["Noa Levi"]),
        ({"search": "%"}, []),
        ({"search": "_oa"}, []),
        ({"search": "noa", "city": "Lagos"}, []),
    ],
)
async def test_customers_are_filtered_and_searched(client: ApiClient, params: dict[str, str], names: list[str]) -> None:
    await client.create("/customers", **NOA)
    await client.create("/customers", name="Dana", city="Lagos")
    page = await client.expect(200, "GET", "/customers", params=params)
    assert [row["name"] for row in page["data"]] == names


@pytest.mark.parametrize(("status", "active"), [("active", True), ("registered", True), ("completed", False)])
async def test_customers_whose_students_learn_now_are_found(
    client: ApiClient, database: Database, status: str, active: bool
) -> None:
    async with database.transaction() as session:
        student = await make_student(session)
        await make_registration(session, await make_cycle(session), student_id=student.id, status=status)
    for asked in (True, False):
        page = await client.expect(200, "GET", "/customers", params={"hasActiveRegistration": asked})
        assert [row["id"] for row in page["data"]] == ([str(student.customer_id)] if asked == active else [])
