"""A file holds what the list with the same filters shows."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.exports import export_csv
from tests.support.factories import (
    make_customer,
    make_cycle,
    make_instructor,
    make_meeting,
    make_registration,
    make_student,
)

pytestmark = pytest.mark.usefixtures("workers")


@pytest.fixture
async def school(client: ApiClient, database: Database) -> dict[str, Any]:
    """Two of everything, the ids by name."""
    async with database.transaction() as session:
        haifa = await make_customer(session, name="Noa Levi", city="Haifa")
        lagos = await make_customer(session, name="Dana 100%", city="Lagos")
        gone = await make_customer(session, name="Gone", deleted_at=datetime.now(UTC))
        omer = await make_student(session, name="Omer", customer_id=haifa.id)
        ada = await make_student(session, name="Ada", customer_id=lagos.id)
        robotics, chess = await make_cycle(session), await make_cycle(session)
        substitute = await make_instructor(session)
        await make_meeting(session, robotics, number=1, starts_at=datetime(2026, 3, 1, 10, tzinfo=UTC))
        await make_meeting(
            session, robotics, number=2, starts_at=datetime(2026, 3, 8, 10, tzinfo=UTC), status="cancelled",
            topic="Sensors",
        )  # fmt: skip
        await make_meeting(
            session, chess, number=1, starts_at=datetime(2026, 3, 15, 10, tzinfo=UTC), instructor_id=substitute.id
        )
        await make_registration(session, robotics, student_id=omer.id, amount_paid=Decimal(1200))
        await make_registration(session, robotics, student_id=ada.id, status="trial")
        await make_registration(session, chess, student_id=ada.id)
    return {
        "haifa": haifa.id, "gone": gone.id, "omer": omer.id, "robotics": robotics.id, "substitute": substitute.id,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "filters", "count"),
    [
        ("customers", {}, 2),
        ("customers", {"city": "Lagos"}, 1),
        ("customers", {"search": "noa"}, 1),
        ("customers", {"q": "%"}, 1),
        ("customers", {"hasActiveRegistration": True, "city": "Haifa"}, 1),
        ("students", {}, 2),
        ("students", {"customerId": "haifa"}, 1),
        ("students", {"search": "AD"}, 1),
        ("meetings", {}, 3),
        ("meetings", {"cycleId": "robotics"}, 2),
        ("meetings", {"instructorId": "substitute"}, 1),
        ("meetings", {"status": "cancelled"}, 1),
        ("meetings", {"from": "2026-03-08T10:00:00Z", "to": "2026-03-15T10:00:00Z"}, 2),
        ("meetings", {"search": "sensor"}, 1),
        ("registrations", {}, 3),
        ("registrations", {"cycleId": "robotics"}, 2),
        ("registrations", {"studentId": "omer"}, 1),
        ("registrations", {"status": "trial"}, 1),
        ("registrations", {"paymentStatus": "paid"}, 1),
        ("registrations", {"search": "ada", "cycleId": "robotics"}, 1),
    ],
)
async def test_a_file_has_the_rows_of_the_list(
    client: ApiClient, school: dict[str, Any], resource: str, filters: dict[str, Any], count: int
) -> None:
    filters = {name: str(school[value]) if value in school else value for name, value in filters.items()}
    listed = await client.expect(200, "GET", f"/{resource}", params={**filters, "limit": 100})
    rows = await export_csv(client, resource, filters=filters)
    assert len(rows) == listed["pagination"]["total"] == count
    assert {row["id"] for row in rows} == {row["id"] for row in listed["data"]}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"filters": {"town": "x", "city": "Haifa"}}, "filters.town"),
        ({"filters": {"limit": 5, "sortBy": "name", "cursor": "x"}}, "filters.limit filters.sortBy filters.cursor"),
        ({"filters": {"hasActiveRegistration": "perhaps", "q": 1}}, "filters.hasActiveRegistration filters.q"),
        ({"filters": {"city": {"a": 1}}}, "filters.city"),
        ({"resource": "meetings", "filters": {"status": "late", "cycleId": "1"}}, "filters.status filters.cycleId"),
        ({"resource": "meetings", "filters": {"from": "2026-03-08T10:00:00"}}, "filters.from"),
        ({"resource": "teapots"}, "resource"),
        ({"format": "pdf", "locale": "!", "notifyEmail": "nobody", "nick": 1}, "format locale notifyEmail nick"),
    ],
)
async def test_every_bad_filter_is_named_however_the_file_is_asked_for(
    client: ApiClient, body: dict[str, Any], fields: str
) -> None:
    payload = {"resource": "customers", "format": "csv", **body}
    problem = await client.expect(400, "POST", "/exports", json=payload)
    assert {fault["field"] for fault in problem["errors"]} == set(fields.split())
    problem = await client.expect(400, "POST", "/jobs", json={"kind": "exports.create", "payload": payload})
    assert {fault["field"] for fault in problem["errors"]} == {f"payload.{field}" for field in fields.split()}
    assert (await client.expect(200, "GET", "/exports"))["data"] == []
