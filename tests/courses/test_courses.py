"""Courses, branches and closures over HTTP: what is theirs alone."""

from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.factories import make_cycle, make_instructor

ROBOTICS = {"title": "Robotics", "category": "technology", "difficulty": "beginner", "durationMinutes": 600}
HAIFA = {"name": "Haifa", "type": "school", "country": "IL", "timezone": "Asia/Jerusalem", "city": "Haifa"}
BERLIN = {"name": "Berlin", "type": "online", "country": "DE", "timezone": "Europe/Berlin", "subdivision": "BE"}
SUMMER = {"name": "Summer", "startDate": "2026-07-01", "endDate": "2026-08-31"}


@pytest.mark.parametrize(
    ("params", "titles"),
    [
        ({"category": "art"}, ["Pottery"]),
        ({"difficulty": "beginner"}, ["Robotics"]),
        ({"status": "published"}, ["Pottery"]),
        ({"duration": "600"}, ["Robotics"]),
        ({"search": "CLAY"}, ["Pottery"]),
        ({"sortBy": "price", "sortOrder": "asc"}, ["Pottery", "Robotics"]),
    ],
)
async def test_courses_are_filtered_and_searched(client: ApiClient, params: dict[str, str], titles: list[str]) -> None:
    await client.create("/courses", **ROBOTICS)
    await client.create(
        "/courses", title="Pottery", description="Clay and fire", category="art", difficulty="advanced",
        durationMinutes=601, status="published", price=149.9, currency="ILS",
    )  # fmt: skip
    page = await client.expect(200, "GET", "/courses", params=params)
    assert [row["title"] for row in page["data"]] == titles


async def test_a_price_is_an_amount_of_its_currency(client: ApiClient) -> None:
    response = await client.post("/courses", json={**ROBOTICS, "price": 149.9, "currency": "ILS"})
    assert '"price":149.90,' in response.text
    course = response.json()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"currency": None}, "currency"),
        ({"price": 1.234}, "price"),
        ({"price": 10, "currency": "ZZZ"}, "currency"),
        ({"currency": "JPY"}, "price"),
    ]
    for change, field in wrong:
        problem = await client.expect(400, "PATCH", f"/courses/{course['id']}", json=change)
        assert [fault["field"] for fault in problem["errors"]] == [field]
        body = {**ROBOTICS, "price": 149.9, "currency": "ILS", **change}
        await client.expect(400, "POST", "/courses", json=body)
    free = await client.expect(200, "PATCH", f"/courses/{course['id']}", json={"price": None, "currency": None})
    assert (free["price"], free["currency"]) == (None, None)


async def test_the_instructor_of_a_course_must_be_there(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        instructor = await make_instructor(session)
    course = await client.create("/courses", **ROBOTICS, instructorId=str(instructor.id))
    page = await client.expect(200, "GET", "/courses", params={"instructorId": str(instructor.id)})
    assert page["data"] == [course]
    await client.expect(204, "DELETE", f"/instructors/{instructor.id}")
    problem = await client.expect(400, "POST", "/courses", json={**ROBOTICS, "instructorId": str(instructor.id)})
    assert [fault["field"] for fault in problem["errors"]] == ["instructorId"]


@pytest.mark.parametrize(
    ("params", "names"),
    [({"type": "online"}, ["Berlin"]), ({"city": "Haifa"}, ["Haifa"]), ({"isActive": "false"}, ["Berlin"])],
)
async def test_branches_are_filtered(client: ApiClient, params: dict[str, str], names: list[str]) -> None:
    await client.create("/branches", **HAIFA)
    await client.create("/branches", **BERLIN, isActive=False)
    page = await client.expect(200, "GET", "/branches", params=params)
    assert [row["name"] for row in page["data"]] == names


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"timezone": "Asia/Haifa", "country": "XX"}, {"timezone", "country"}),
        ({"subdivision": "XY"}, {"subdivision"}),
        ({"country": "IL"}, {"subdivision"}),
        ({"timezone": "../etc/passwd"}, {"timezone"}),
    ],
)
async def test_a_branch_is_at_a_place_whose_holidays_are_known(
    client: ApiClient, change: dict[str, str], fields: set[str]
) -> None:
    problem = await client.expect(400, "POST", "/branches", json={**BERLIN, **change})
    assert {fault["field"] for fault in problem["errors"]} == fields
    branch = await client.create("/branches", **BERLIN)
    problem = await client.expect(400, "PATCH", f"/branches/{branch['id']}", json=change)
    assert {fault["field"] for fault in problem["errors"]} == fields


async def test_a_branch_with_closures_or_cycles_cannot_be_removed_for_good(
    client: ApiClient, database: Database
) -> None:
    branch = await client.create("/branches", **HAIFA)
    await client.create("/closures", **SUMMER, branchId=branch["id"])
    problem = await client.expect(409, "DELETE", f"/branches/{branch['id']}", params={"hard": True})
    assert problem["referencedBy"] == "closures"
    async with database.transaction() as session:
        cycle = await make_cycle(session)
    problem = await client.expect(409, "DELETE", f"/courses/{cycle.course_id}", params={"hard": True})
    assert problem["referencedBy"] == "cycles"


async def test_a_closure_does_not_end_before_it_starts(client: ApiClient) -> None:
    problem = await client.expect(400, "POST", "/closures", json={**SUMMER, "endDate": "2026-06-30"})
    assert [fault["field"] for fault in problem["errors"]] == ["endDate"]
    closure = await client.create("/closures", **SUMMER, branchId=None)
    path = f"/closures/{closure['id']}"
    problem = await client.expect(400, "PATCH", path, json={"startDate": "2026-09-01"})
    assert [fault["field"] for fault in problem["errors"]] == ["endDate"]
    one_day = await client.expect(200, "PATCH", path, json={"startDate": "2026-08-31"})
    assert one_day["startDate"] == one_day["endDate"]
    nowhere = {**SUMMER, "branchId": closure["id"]}
    problem = await client.expect(400, "PUT", path, json=nowhere)
    assert [fault["field"] for fault in problem["errors"]] == ["branchId"]


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, ["Everywhere", "Haifa only", "Berlin only"]),
        ({"branchId": "haifa"}, ["Everywhere", "Haifa only"]),
        ({"from": "2026-07-01"}, ["Haifa only", "Berlin only"]),
        ({"to": "2026-07-01"}, ["Everywhere", "Haifa only"]),
        ({"from": "2026-06-30", "to": "2026-07-01"}, ["Everywhere", "Haifa only"]),
        ({"search": "berlin"}, ["Berlin only"]),
    ],
)
async def test_closures_are_found_by_branch_and_days(
    client: ApiClient, params: dict[str, str], names: list[str]
) -> None:
    haifa = (await client.create("/branches", **HAIFA))["id"]
    berlin = (await client.create("/branches", **BERLIN))["id"]
    closures: list[dict[str, Any]] = [
        {"name": "Everywhere", "startDate": "2026-06-01", "endDate": "2026-06-30"},
        {"name": "Haifa only", "startDate": "2026-07-01", "endDate": "2026-07-31", "branchId": haifa},
        {"name": "Berlin only", "startDate": "2026-08-01", "endDate": "2026-08-31", "branchId": berlin},
    ]
    for closure in closures:
        await client.create("/closures", **closure)
    asked = {name: haifa if value == "haifa" else value for name, value in params.items()}
    page = await client.expect(200, "GET", "/closures", params={**asked, "sortBy": "startDate", "sortOrder": "asc"})
    assert [row["name"] for row in page["data"]] == names


async def test_days_that_run_backwards_are_an_error(client: ApiClient) -> None:
    problem = await client.expect(400, "GET", "/closures", params={"from": "2026-07-02", "to": "2026-07-01"})
    assert [fault["field"] for fault in problem["errors"]] == ["to"]
