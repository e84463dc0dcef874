"""Recalculating: what was frozen is worked out again, and comes out the same however often."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from models.cycles.tables import Cycle
from models.finance.services.pricing import Scope, price
from models.kernel.actor import SYSTEM
from models.kernel.session import Database, fetch
from tests.support.client import ApiClient, eventually
from tests.support.factories import make_branch, make_cycle, make_instructor, make_meeting, make_registration
from tests.support.statements import waits_for_a_lock


async def school(database: Database) -> tuple[Cycle, Cycle]:
    """A private cycle in Haifa with VAT in its prices, a fixed one in Mexico; three completed meetings each."""
    async with database.transaction() as session:
        haifa, mexico = await make_branch(session), await make_branch(session, country="MX")
        private = await make_cycle(session, branch_id=haifa.id, price_includes_vat=True, total_meetings=3)
        for amount in ("1000", "999.99"):
            await make_registration(session, private, amount=Decimal(amount))
        instructor = await make_instructor(session, currency="MXN", rate_frontal=Decimal(400))
        fixed = await make_cycle(
            session, branch_id=mexico.id, instructor_id=instructor.id, type="institutional_fixed", currency="MXN",
            meeting_revenue=Decimal("500.50"), total_meetings=4,
        )  # fmt: skip
        for cycle in (private, fixed):
            for number in range(1, 4):
                await make_meeting(session, cycle, number=number, status="completed")
    return private, fixed


async def recalculate(client: ApiClient, path: str = "/finance/recalculate", **body: Any) -> Any:
    job = await client.expect(202, "POST", path, json=body)
    done = await client.finish(job["id"])
    assert done["status"] == "succeeded", done["error"]
    return done["result"]


@pytest.mark.usefixtures("workers")
async def test_everything_is_recalculated_and_then_nothing_changes_any_more(
    client: ApiClient, database: Database
) -> None:
    private, fixed = await school(database)
    first = await recalculate(client, all=True)
    assert first == {
        "examined": 6,
        "changed": 6,
        "totals": [
            {"currency": "ILS", "revenue": 1694.91, "instructorPayment": 540, "profit": 1154.91},
            {"currency": "MXN", "revenue": 1501.5, "instructorPayment": 1800, "profit": -298.5},
        ],
    }
    before = await database.fetch("SELECT * FROM meetings ORDER BY id")
    again = await recalculate(client, all=True)
    assert again == {**first, "changed": 0}
    assert await database.fetch("SELECT * FROM meetings ORDER BY id") == before
    losses = await database.fetch("SELECT count(*) AS n FROM events WHERE type = 'meeting.loss_making'")
    assert losses[0]["n"] == 3
    totals = await client.expect(200, "GET", f"/finance/cycles/{private.id}")
    assert (totals["revenue"], totals["completedMeetings"], totals["currency"]) == (1694.91, 3, "ILS")
    page = await client.expect(200, "GET", "/finance/cycles", params={"type": "institutional_fixed"})
    assert [(row["cycleId"], row["profit"]) for row in page["data"]] == [(str(fixed.id), -298.5)]


@pytest.mark.usefixtures("workers")
async def test_a_recalculation_is_about_what_it_names(client: ApiClient, database: Database) -> None:
    private, fixed = await school(database)
    ids = [str(row["id"]) for row in await database.fetch("SELECT id FROM meetings ORDER BY cycle_id, number")]
    assert (await recalculate(client, cycleId=str(private.id)))["changed"] == 3
    days = {"from": "2026-02-10", "to": "2026-02-10"}
    assert (await recalculate(client, **days))["examined"] == 2
    assert (await recalculate(client, cycleId=str(fixed.id), **days))["examined"] == 1
    assert (await recalculate(client, meetingId=ids[0]))["examined"] == 1
    result = await recalculate(client, "/meetings/bulk-recalculate", meetingIds=ids[2:4])
    assert result["examined"] == 2


@pytest.mark.usefixtures("workers")
async def test_new_terms_reach_frozen_meetings_by_recalculating_only(client: ApiClient, database: Database) -> None:
    _, fixed = await school(database)
    await recalculate(client, all=True)
    await client.expect(200, "PATCH", f"/cycles/{fixed.id}", json={"meetingRevenue": "600"})
    await database.execute("UPDATE meetings SET status = 'cancelled' WHERE cycle_id = $1 AND number = 1", fixed.id)
    assert (await client.expect(200, "GET", f"/finance/cycles/{fixed.id}"))["revenue"] == 1001
    result = await recalculate(client, cycleId=str(fixed.id))
    assert (result["examined"], result["changed"], result["totals"][0]["revenue"]) == (3, 3, 1200)


async def test_one_meeting_is_recalculated_at_once(client: ApiClient, database: Database) -> None:
    _, fixed = await school(database)
    meeting = (await client.expect(200, "GET", f"/cycles/{fixed.id}/meetings"))["data"][0]
    assert meeting["revenue"] == 0
    again = await client.expect(200, "POST", f"/meetings/{meeting['id']}/recalculate")
    assert (again["revenue"], again["instructorPayment"], again["profit"]) == (500.5, 600, -99.5)


async def test_a_meeting_that_is_cancelled_meanwhile_is_not_given_money(client: ApiClient, database: Database) -> None:
    """The recalculation has read it as completed, and waits for the row."""
    private, _ = await school(database)

    async def waits() -> bool:
        return await waits_for_a_lock(database, "scope")

    async def reprice() -> None:
        async with database.transaction() as session:
            await price(session, SYSTEM, Scope([private.id]))

    async with database.transaction() as session:
        await fetch(session, "UPDATE meetings SET status = 'cancelled', version = version + 1")
        repricing = asyncio.create_task(reprice())
        await eventually(waits)
    await repricing
    rows = await database.fetch("SELECT sum(revenue) AS revenue, sum(instructor_payment) AS pay FROM meetings")
    assert (rows[0]["revenue"], rows[0]["pay"]) == (0, 0)


async def test_children_count_from_their_registration_to_their_cancellation(
    client: ApiClient, database: Database
) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(
            session, type="institutional_per_child", price_per_student=Decimal(50), total_meetings=9
        )
        first, second, third = [await make_meeting(session, cycle, number=number) for number in (1, 2, 3)]
        await make_registration(session, cycle, registered_at=first.starts_at)
        await make_registration(session, cycle, registered_at=second.starts_at)
        await make_registration(
            session, cycle, registered_at=first.starts_at, status="cancelled", cancelled_at=third.starts_at
        )
        await make_registration(session, cycle, registered_at=first.starts_at, status="trial")
    for meeting, revenue in ((first, 100), (second, 150), (third, 100)):
        done = await client.expect(200, "POST", f"/meetings/{meeting.id}/complete")
        assert done["revenue"] == revenue


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, {"all"}),
        ({"all": True, "cycleId": "0198c0de-0000-7000-8000-000000000099"}, {"all"}),
        ({"from": "2026-02-02", "to": "2026-02-01"}, {"to"}),
        ({"from": "soon", "cycle": 1, "meetingIds": []}, {"from", "cycle", "meetingIds"}),
    ],
    ids=str,
)
async def test_every_fault_of_an_order_is_named(client: ApiClient, body: dict[str, Any], named: set[str]) -> None:
    problem = await client.expect(400, "POST", "/finance/recalculate", json=body)
    assert {fault["field"] for fault in problem["errors"]} == named


@pytest.mark.usefixtures("workers")
async def test_counters_are_brought_in_line_and_the_contract_stays(client: ApiClient, database: Database) -> None:
    _, fixed = await school(database)
    await database.execute("UPDATE cycles SET completed_meetings = 77")
    job = await client.expect(202, "POST", f"/cycles/{fixed.id}/sync-progress")
    result = (await client.finish(job["id"]))["result"]
    assert result == {"completed": 3, "remaining": 1, "meetingsInTable": 3}
    assert (await client.expect(200, "GET", f"/cycles/{fixed.id}"))["totalMeetings"] == 4


@pytest.mark.usefixtures("workers")
async def test_a_duplicate_has_the_terms_the_students_and_meetings_of_its_own(
    client: ApiClient, database: Database
) -> None:
    private, _ = await school(database)
    async with database.transaction() as session:
        await make_registration(session, private, status="trial")
    await database.execute("UPDATE registrations SET amount_paid = 500")
    order = {
        "newStartDate": "2027-02-01", "newName": "Again", "copyRegistrations": True, "generateMeetings": True
    }  # fmt: skip
    job = await client.expect(202, "POST", f"/cycles/{private.id}/duplicate", json=order)
    result = (await client.finish(job["id"]))["result"]
    generated = await client.finish(result["generationJobId"])
    assert (result["registrationsCopied"], generated["result"]["created"]) == (2, 3)
    copy = await client.expect(200, "GET", f"/cycles/{result['cycleId']}")
    original = await client.expect(200, "GET", f"/cycles/{private.id}")
    same = {"pattern", "totalMeetings", "priceIncludesVat", "pricePerStudent", "currency", "branchId", "instructorId"}
    assert {name: copy[name] for name in same} == {name: original[name] for name in same}
    assert (copy["name"], copy["startDate"], copy["progress"]["completed"]) == ("Again", "2027-02-01", 0)
    assert date.fromisoformat(copy["endDate"]) > date(2027, 2, 1)
    rows = await database.fetch("SELECT * FROM registrations WHERE cycle_id = $1", UUID(copy["id"]))
    assert {(row["status"], row["payment_status"], row["amount_paid"]) for row in rows} == {
        ("registered", "unpaid", Decimal(0))
    }
    assert sorted(row["amount"] for row in rows) == [Decimal("999.99"), Decimal(1000)]
    events = await database.fetch("SELECT type FROM events WHERE type IN ('cycle.created', 'registration.created')")
    assert len(events) == 3


@pytest.mark.usefixtures("workers")
async def test_a_duplicate_may_be_just_the_cycle(client: ApiClient, database: Database) -> None:
    private, _ = await school(database)
    job = await client.expect(202, "POST", f"/cycles/{private.id}/duplicate", json={"newStartDate": "2027-02-01"})
    result = (await client.finish(job["id"]))["result"]
    assert (result["registrationsCopied"], result["generationJobId"]) == (0, None)
    copy = await client.expect(200, "GET", f"/cycles/{result['cycleId']}")
    assert (copy["name"], copy["endDate"]) == (private.name, None)
