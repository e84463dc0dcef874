"""Instructors over HTTP: what they are paid."""

from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.factories import make_cycle

DANA = {"name": "Dana Katz", "employmentType": "freelancer", "currency": "ILS", "rateFrontal": 120}


async def test_rates_go_out_with_the_decimals_of_their_currency(client: ApiClient) -> None:
    response = await client.post("/instructors", json={**DANA, "rateOnline": "99.9"})
    assert '"rateFrontal":120.00,"rateOnline":99.90,"ratePrivate":null' in response.text
    response = await client.post("/instructors", json={**DANA, "currency": "JPY"})
    assert '"rateFrontal":120,' in response.text


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"rateFrontal": 120.005}, {"rateFrontal"}),
        ({"rateOnline": -1, "ratePrivate": "Infinity"}, {"rateOnline", "ratePrivate"}),
        ({"currency": "JPY", "rateOnline": 1.5}, {"rateOnline"}),
        ({"currency": "XXX"}, {"currency"}),
        ({"rateFrontal": None}, {"rateFrontal"}),
    ],
)
async def test_a_rate_is_an_amount_of_its_currency(client: ApiClient, change: dict[str, Any], fields: set[str]) -> None:
    for method, path in [("POST", "/instructors"), ("PUT", ""), ("PATCH", "")]:
        path = path or f"/instructors/{(await client.create('/instructors', **DANA))['id']}"
        body = change if method == "PATCH" else {**DANA, **change}
        problem = await client.expect(400, method, path, json=body)
        assert {fault["field"] for fault in problem["errors"]} == fields


async def test_another_currency_must_fit_the_rates_that_stay(client: ApiClient) -> None:
    dana = await client.create("/instructors", **{**DANA, "rateFrontal": 120.50})
    problem = await client.expect(400, "PATCH", f"/instructors/{dana['id']}", json={"currency": "JPY"})
    assert [fault["field"] for fault in problem["errors"]] == ["rateFrontal"]
    assert (await client.expect(200, "GET", f"/instructors/{dana['id']}"))["currency"] == "ILS"


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"isActive": "false"}, ["Gil"]),
        ({"isActive": "true"}, ["Dana Katz"]),
        ({"employmentType": "employee"}, ["Gil"]),
        ({"search": "gil@"}, ["Gil"]),
    ],
)
async def test_instructors_are_filtered_and_searched(
    client: ApiClient, params: dict[str, str], names: list[str]
) -> None:
    await client.create("/instructors", **DANA)
    gil = {"name": "Gil", "employmentType": "employee", "email": "gil@example.com", "isActive": False}
    await client.create("/instructors", **{**DANA, **gil})
    page = await client.expect(200, "GET", "/instructors", params=params)
    assert [row["name"] for row in page["data"]] == names


async def test_an_instructor_may_be_a_user_who_is_there(client: ApiClient) -> None:
    me = (await client.expect(200, "GET", "/auth/me"))["user"]["id"]
    dana = await client.create("/instructors", **DANA, userId=me)
    assert dana["userId"] == me
    problem = await client.expect(400, "PATCH", f"/instructors/{dana['id']}", json={"userId": dana["id"]})
    assert [fault["field"] for fault in problem["errors"]] == ["userId"]


async def test_an_instructor_with_cycles_cannot_be_removed_for_good(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(session)
    path = f"/instructors/{cycle.instructor_id}"
    problem = await client.expect(409, "DELETE", path, params={"hard": True})
    assert problem["referencedBy"] == "cycles"
    await client.expect(204, "DELETE", path)
