"""Registrations over HTTP: places, money, and what is told about them."""

import asyncio
from typing import Any

import pytest

from models.cycles.tables import Cycle
from models.kernel.clock import utc_now
from models.kernel.session import Database
from models.people.tables import Student
from tests.support.client import ApiClient
from tests.support.factories import make_cycle, make_registration, make_student

NOWHERE = "0198c0de-0000-7000-8000-000000000001"


async def cycle_of(database: Database, **overrides: Any) -> Cycle:
    async with database.transaction() as session:
        return await make_cycle(session, **overrides)


async def students_of(database: Database, number: int) -> list[Student]:
    async with database.transaction() as session:
        return [await make_student(session, name=f"Student {n}") for n in range(number)]


async def test_a_registration_costs_what_the_cycle_costs_unless_it_says_otherwise(
    client: ApiClient, database: Database
) -> None:
    cycle = await cycle_of(database, price_per_student=1200)
    one, other = await students_of(database, 2)
    response = await client.post(f"/cycles/{cycle.id}/registrations", json={"studentId": str(one.id)})
    assert response.status_code == 201
    assert '"amount":1200.00,' in response.text
    assert response.headers["location"] == f"/api/v1/registrations/{response.json()['id']}"
    made = await client.create(
        "/registrations", cycleId=str(cycle.id), studentId=str(other.id), amount="980.50", status="trial"
    )
    assert (made["amount"], made["currency"], made["status"]) == (980.5, "ILS", "trial")
    assert (made["amountPaid"], made["paymentStatus"], made["version"]) == (0, "unpaid", 1)
    assert await client.expect(200, "GET", f"/registrations/{made['id']}") == made


async def test_twenty_at_once_get_as_many_places_as_there_are(client: ApiClient, database: Database) -> None:
    cycle = await cycle_of(database, max_students=7)
    students = await students_of(database, 20)
    answers = await asyncio.gather(
        *(client.post(f"/cycles/{cycle.id}/registrations", json={"studentId": str(each.id)}) for each in students)
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 7 + [409] * 13
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (refused["code"], refused["cycleId"], refused["capacity"]) == ("CONFLICT", str(cycle.id), 7)
    assert "7 places" in refused["detail"]
    assert (await client.expect(200, "GET", f"/cycles/{cycle.id}/registrations"))["pagination"]["total"] == 7


async def test_a_student_is_in_a_cycle_once_however_often_they_ask(client: ApiClient, database: Database) -> None:
    cycle = await cycle_of(database)
    (student,) = await students_of(database, 1)
    path, body = f"/cycles/{cycle.id}/registrations", {"studentId": str(student.id)}
    answers = await asyncio.gather(*(client.post(path, json=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 4
    made = next(answer.json() for answer in answers if answer.status_code == 201)
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert {problem["existingRegistrationId"] for problem in refused} == {made["id"]}


@pytest.mark.parametrize("status", ["completed", "cancelled"])
async def test_a_cycle_that_is_over_takes_nobody(client: ApiClient, database: Database, status: str) -> None:
    cycle = await cycle_of(database, status=status)
    (student,) = await students_of(database, 1)
    body = {"studentId": str(student.id)}
    problem = await client.expect(422, "POST", f"/cycles/{cycle.id}/registrations", json=body)
    assert status in problem["detail"]


async def test_what_a_registration_refers_to_must_be_there(client: ApiClient, database: Database) -> None:
    cycle = await cycle_of(database)
    await client.expect(404, "POST", f"/cycles/{NOWHERE}/registrations", json={"studentId": NOWHERE})
    problem = await client.expect(400, "POST", f"/cycles/{cycle.id}/registrations", json={"studentId": NOWHERE})
    assert [fault["field"] for fault in problem["errors"]] == ["studentId"]
    problem = await client.expect(400, "POST", "/registrations", json={"studentId": NOWHERE, "cycleId": NOWHERE})
    assert [fault["field"] for fault in problem["errors"]] == ["cycleId", "studentId"]


@pytest.mark.parametrize(
    ("currency", "amount", "message"),
    [
        ("ILS", "100.005", "at most 2 decimals"),
        ("JPY", 100.5, "at most 0 decimals"),
        ("ILS", -1, "between 0 and"),
        ("ILS", "NaN", "between 0 and"),
        ("ILS", "1e12", "between 0 and"),
        ("ILS", "ten", "decimal"),
    ],
)
async def test_an_amount_is_one_of_the_cycles_currency(
    client: ApiClient, database: Database, currency: str, amount: Any, message: str
) -> None:
    cycle = await cycle_of(database, currency=currency, price_per_student=1000)
    (student,) = await students_of(database, 1)
    body = {"studentId": str(student.id), "amount": amount}
    problem = await client.expect(400, "POST", f"/cycles/{cycle.id}/registrations", json=body)
    assert [fault["field"] for fault in problem["errors"]] == ["amount"]
    assert message in problem["errors"][0]["message"]


async def registered(client: ApiClient, database: Database, **cycle: Any) -> dict[str, Any]:
    made = await cycle_of(database, **cycle)
    (student,) = await students_of(database, 1)
    registration: dict[str, Any] = await client.create(f"/cycles/{made.id}/registrations", studentId=str(student.id))
    return registration


async def test_payments_add_up_to_paid_and_not_beyond(client: ApiClient, database: Database) -> None:
    registration = await registered(client, database, price_per_student=1000)
    path = f"/registrations/{registration['id']}/payment"
    part = await client.expect(200, "POST", path, json={"amount": 400, "method": "cash"})
    assert (part["amountPaid"], part["paymentStatus"], part["paymentMethod"]) == (400, "partial", "cash")
    problem = await client.expect(422, "POST", path, json={"amount": "600.01"})
    assert problem["errors"] == [{"field": "amount", "message": "must not be more than the 600 ILS still due"}]
    link = "https://example.com/invoices/1"
    whole = await client.expect(200, "POST", path, json={"amount": 600, "invoiceLink": link})
    assert (whole["amountPaid"], whole["paymentStatus"], whole["paymentMethod"]) == (1000, "paid", "cash")
    assert whole["invoiceLink"] == link
    for amount in (0, -5, "1.234"):
        problem = await client.expect(400, "POST", path, json={"amount": amount, "method": "cash"})
        assert [fault["field"] for fault in problem["errors"]] == ["amount"]


async def test_payments_at_once_are_all_counted_and_none_too_many(client: ApiClient, database: Database) -> None:
    registration = await registered(client, database, price_per_student=1000)
    path = f"/registrations/{registration['id']}/payment"
    answers = await asyncio.gather(*(client.post(path, json={"amount": 150}) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 6 + [422] * 2
    after = await client.expect(200, "GET", f"/registrations/{registration['id']}")
    assert (after["amountPaid"], after["paymentStatus"]) == (900, "partial")


async def test_the_amount_cannot_fall_below_what_was_paid(client: ApiClient, database: Database) -> None:
    registration = await registered(client, database, price_per_student=1000)
    path = f"/registrations/{registration['id']}"
    await client.expect(200, "POST", f"{path}/payment", json={"amount": 400})
    problem = await client.expect(400, "PATCH", path, json={"amount": 399})
    assert [fault["field"] for fault in problem["errors"]] == ["amount"]
    lowered = await client.expect(200, "PATCH", path, json={"amount": 400})
    assert lowered["paymentStatus"] == "paid"
    raised = await client.expect(200, "PUT", path, json={"amount": 500, "status": "active"})
    assert (raised["paymentStatus"], raised["status"], raised["amountPaid"]) == ("partial", "active", 400)


async def test_a_cancelled_registration_frees_its_place(client: ApiClient, database: Database) -> None:
    first = await registered(client, database, max_students=1)
    (other,) = await students_of(database, 1)
    path, body = f"/cycles/{first['cycleId']}/registrations", {"studentId": str(other.id)}
    await client.expect(409, "POST", path, json=body)
    reason = {"reason": "The family moves."}
    cancelled = await client.expect(200, "POST", f"/registrations/{first['id']}/cancel", json=reason)
    assert (cancelled["status"], cancelled["cancellationReason"]) == ("cancelled", reason["reason"])
    assert cancelled["cancelledAt"] is not None
    await client.expect(201, "POST", path, json=body)
    await client.expect(422, "POST", f"/registrations/{first['id']}/cancel")
    await client.expect(422, "POST", f"/registrations/{first['id']}/payment", json={"amount": 1})
    problem = await client.expect(409, "PATCH", f"/registrations/{first['id']}", json={"status": "active"})
    assert problem["capacity"] == 1


async def test_a_cancelled_registration_gets_its_place_back_while_there_is_one(
    client: ApiClient, database: Database
) -> None:
    first = await registered(client, database, max_students=1)
    path = f"/registrations/{first['id']}"
    await client.expect(200, "POST", f"{path}/cancel")
    await client.expect(200, "PATCH", path, json={"notes": "They may come back."})
    back = await client.expect(200, "PATCH", path, json={"status": "active"})
    assert (back["status"], back["cancelledAt"], back["cancellationReason"]) == ("active", None, None)
    problem = await client.expect(400, "PATCH", path, json={"status": "cancelled"})
    assert "/cancel" in problem["errors"][0]["message"]


async def test_a_restored_registration_needs_a_place_like_any_other(client: ApiClient, database: Database) -> None:
    first = await registered(client, database, max_students=1)
    (other,) = await students_of(database, 1)
    path = f"/registrations/{first['id']}"
    await client.expect(204, "DELETE", path)
    again = await client.create(f"/cycles/{first['cycleId']}/registrations", studentId=first["studentId"])
    problem = await client.expect(409, "POST", f"{path}/restore")
    assert problem["existingRegistrationId"] == again["id"]
    await client.expect(204, "DELETE", f"/registrations/{again['id']}")
    second = await client.create(f"/cycles/{first['cycleId']}/registrations", studentId=str(other.id))
    problem = await client.expect(409, "POST", f"{path}/restore")
    assert problem["capacity"] == 1
    await client.expect(204, "DELETE", f"/registrations/{second['id']}", params={"hard": True})
    restored = await client.expect(200, "POST", f"{path}/restore")
    assert restored["id"] == first["id"]


async def test_of_two_restored_at_once_one_gets_the_last_place(client: ApiClient, database: Database) -> None:
    cycle = await cycle_of(database, max_students=2)
    students = await students_of(database, 2)
    path = f"/cycles/{cycle.id}/registrations"
    made = [await client.create(path, studentId=str(student.id)) for student in students]
    for registration in made:
        await client.expect(204, "DELETE", f"/registrations/{registration['id']}")
    async with database.transaction() as session:
        (await session.get_one(Cycle, cycle.id)).max_students = 1
    answers = await asyncio.gather(*(client.post(f"/registrations/{each['id']}/restore") for each in made))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_lists_are_filtered_and_searched(client: ApiClient, database: Database) -> None:
    cycle, other = await cycle_of(database), await cycle_of(database)
    noa, omer = await students_of(database, 2)
    paid = await client.create(f"/cycles/{cycle.id}/registrations", studentId=str(noa.id), amount=0)
    due = await client.create(f"/cycles/{cycle.id}/registrations", studentId=str(omer.id), status="trial")
    elsewhere = await client.create(f"/cycles/{other.id}/registrations", studentId=str(noa.id))
    for path, params, found in [
        ("/registrations", {}, {paid["id"], due["id"], elsewhere["id"]}),
        ("/registrations", {"cycleId": str(cycle.id)}, {paid["id"], due["id"]}),
        ("/registrations", {"studentId": str(noa.id)}, {paid["id"], elsewhere["id"]}),
        ("/registrations", {"status": "trial"}, {due["id"]}),
        ("/registrations", {"paymentStatus": "paid"}, {paid["id"]}),
        ("/registrations", {"search": "student 1"}, {due["id"]}),
        (f"/cycles/{other.id}/registrations", {}, {elsewhere["id"]}),
        (f"/students/{noa.id}/registrations", {"sortBy": "amount"}, {paid["id"], elsewhere["id"]}),
    ]:
        page = await client.expect(200, "GET", path, params=params)
        assert {row["id"] for row in page["data"]} == found, (path, params)
    await client.expect(404, "GET", f"/students/{NOWHERE}/registrations")
    await client.expect(404, "GET", f"/cycles/{NOWHERE}/registrations")
    problem = await client.expect(400, "GET", "/registrations", params={"status": "gone", "paymentStatus": "maybe"})
    assert {fault["field"] for fault in problem["errors"]} == {"status", "paymentStatus"}


async def test_what_happens_to_a_registration_is_told_with_its_money(client: ApiClient, database: Database) -> None:
    registration = await registered(client, database, price_per_student=1000)
    path = f"/registrations/{registration['id']}"
    await client.expect(200, "POST", f"{path}/payment", json={"amount": 400})
    await client.expect(422, "POST", f"{path}/payment", json={"amount": 4000})
    await client.expect(200, "POST", f"{path}/cancel")
    await client.expect(204, "DELETE", path)
    rows = await database.fetch("SELECT type, payload ->> 'amountPaid' AS paid FROM events ORDER BY id")
    assert [(row["type"], row["paid"]) for row in rows] == [
        ("registration.created", "0.00"),
        ("registration.paid", "400.00"),
        ("registration.cancelled", "400.00"),
        ("registration.deleted", "400.00"),
    ]


async def test_of_two_writers_with_the_same_version_one_is_refused(client: ApiClient, database: Database) -> None:
    registration = await registered(client, database)
    path, match = f"/registrations/{registration['id']}", {"If-Match": '"1"'}
    answers = await asyncio.gather(
        client.patch(path, json={"notes": "a"}, headers=match),
        client.post(f"{path}/payment", json={"amount": 1}, headers=match),
        client.post(f"{path}/cancel", headers=match),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]


async def test_what_is_registered_cannot_be_removed_for_good(client: ApiClient, database: Database) -> None:
    registration = await registered(client, database)
    problem = await client.expect(409, "DELETE", f"/students/{registration['studentId']}", params={"hard": True})
    assert problem["referencedBy"] == "registrations"
    problem = await client.expect(409, "DELETE", f"/cycles/{registration['cycleId']}", params={"hard": True})
    assert "registrations still refer to it" in problem["detail"]


async def test_a_cycle_does_not_get_fewer_places_than_are_taken(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(session, max_students=5)
        for status in ("registered", "active", "trial", "cancelled"):
            cancelled_at = utc_now() if status == "cancelled" else None
            await make_registration(session, cycle, status=status, cancelled_at=cancelled_at)
    path = f"/cycles/{cycle.id}"
    problem = await client.expect(409, "PATCH", path, json={"maxStudents": 2})
    assert (problem["taken"], problem["cycleId"]) == (3, str(cycle.id))
    assert "3 places" in problem["detail"]
    for places in (3, 10, None):
        assert (await client.expect(200, "PATCH", path, json={"maxStudents": places}))["maxStudents"] == places
    await client.expect(409, "PATCH", path, json={"maxStudents": 1})


async def test_a_cycle_that_is_too_full_already_may_be_changed_otherwise(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(session, max_students=1)
        for _ in range(2):
            await make_registration(session, cycle)
    changed = await client.expect(200, "PATCH", f"/cycles/{cycle.id}", json={"name": "Full", "maxStudents": 1})
    assert (changed["name"], changed["maxStudents"]) == ("Full", 1)
