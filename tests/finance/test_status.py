"""Completing, cancelling and postponing meetings, one and many, with all that follows."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from models.cycles.tables import Cycle, Meeting
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.factories import make_cycle, make_instructor, make_meeting, make_registration

PAST = datetime(2026, 2, 3, 14, 0, tzinfo=UTC)
FIXED: dict[str, Any] = {"type": "institutional_fixed", "meeting_revenue": Decimal("380")}
NOBODY = "0198c0de-0000-7000-8000-000000000099"


async def a_cycle(database: Database, meetings: int = 3, **terms: Any) -> tuple[Cycle, list[Meeting]]:
    """A fixed cycle sold with as many meetings as it has; each earns 380 and pays 180."""
    async with database.transaction() as session:
        cycle = await make_cycle(session, **{**FIXED, "total_meetings": meetings, **terms})
        made = [await make_meeting(session, cycle, number=number) for number in range(1, meetings + 1)]
    return cycle, made


async def emitted(database: Database, type_: str) -> list[Any]:
    rows = await database.fetch("SELECT payload FROM events WHERE type = $1 ORDER BY id", type_)
    return [row["payload"] for row in rows]


def money(meeting: dict[str, Any]) -> tuple[float, float, float]:
    return meeting["revenue"], meeting["instructorPayment"], meeting["profit"]


async def test_completing_freezes_the_money(client: ApiClient, database: Database) -> None:
    cycle, (meeting, *_) = await a_cycle(database)
    done = await client.expect(200, "POST", f"/meetings/{meeting.id}/complete")
    assert (done["status"], money(done)) == ("completed", (380, 180, 200))
    assert done["completedAt"] is not None
    await client.expect(200, "PATCH", f"/cycles/{cycle.id}", json={"meetingRevenue": 999})
    assert money(await client.expect(200, "GET", f"/meetings/{meeting.id}")) == (380, 180, 200)
    assert len(await emitted(database, "meeting.completed")) == 1
    assert (await client.expect(200, "GET", f"/cycles/{cycle.id}"))["progress"]["completed"] == 1


async def test_leaving_completed_takes_the_money_back(client: ApiClient, database: Database) -> None:
    cycle, (meeting, *_) = await a_cycle(database)
    await client.expect(200, "POST", f"/meetings/{meeting.id}/complete")
    cancelled = await client.expect(200, "POST", f"/meetings/{meeting.id}/cancel")
    assert (cancelled["status"], money(cancelled), cancelled["completedAt"]) == ("cancelled", (0, 0, 0), None)
    assert (await client.expect(200, "GET", f"/cycles/{cycle.id}"))["progress"]["completed"] == 0


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("complete", "complete"),
        ("cancel", "complete"),
        ("cancel", "cancel"),
        ("postpone", "complete"),
        ("complete", "postpone"),
    ],
)
async def test_a_move_that_is_none_is_refused(client: ApiClient, database: Database, first: str, then: str) -> None:
    _, (meeting, *_) = await a_cycle(database)
    body = {"startsAt": "2026-06-01T09:00:00Z"}
    await client.expect(200, "POST", f"/meetings/{meeting.id}/{first}", json=body if first == "postpone" else None)
    path = f"/meetings/{meeting.id}/{then}"
    problem = await client.expect(422, "POST", path, json=body if then == "postpone" else None)
    assert problem["currentStatus"] in ("completed", "cancelled", "postponed")


async def test_a_lost_update_of_a_status_is_refused(client: ApiClient, database: Database) -> None:
    _, (meeting, *_) = await a_cycle(database)
    await client.expect(412, "POST", f"/meetings/{meeting.id}/complete", headers={"If-Match": '"7"'})


async def test_a_postponed_meeting_lives_on_in_its_replacement(client: ApiClient, database: Database) -> None:
    _, (meeting, *_) = await a_cycle(database)
    await client.expect(200, "PATCH", f"/meetings/{meeting.id}", json={"topic": "Motors", "room": "2"})
    body = {"startsAt": "2026-06-01T21:30:00Z"}
    both = await client.expect(200, "POST", f"/meetings/{meeting.id}/postpone", json=body)
    old, new = both["meeting"], both["replacement"]
    assert (old["status"], old["rescheduledToId"], money(old)) == ("postponed", new["id"], (0, 0, 0))
    assert (new["status"], new["number"], new["topic"], new["room"]) == ("scheduled", 1, "Motors", "2")
    assert (new["endsAt"], new["localDate"]) == ("2026-06-01T23:00:00Z", "2026-06-02")
    assert len(await emitted(database, "meeting.postponed")) == 1
    await client.expect(422, "PATCH", f"/meetings/{meeting.id}", json={"startsAt": "2026-02-01T21:30:00Z"})


async def test_a_meeting_is_not_postponed_to_where_its_instructor_is_taken(
    client: ApiClient, database: Database
) -> None:
    _, (first, second, _) = await a_cycle(database)
    body = {"startsAt": second.starts_at.isoformat()}
    problem = await client.expect(409, "POST", f"/meetings/{first.id}/postpone", json=body)
    assert problem["conflictingMeetingId"] == str(second.id)
    assert (await client.expect(200, "GET", f"/meetings/{first.id}"))["status"] == "scheduled"
    shifted = {"startsAt": (first.starts_at + timedelta(minutes=30)).isoformat()}
    await client.expect(200, "POST", f"/meetings/{first.id}/postpone", json=shifted)


async def test_the_last_completed_meeting_completes_cycle_and_registrations(
    client: ApiClient, database: Database
) -> None:
    cycle, meetings = await a_cycle(database, 2)
    async with database.transaction() as session:
        statuses = ["registered", "active", "trial"]
        made = {status: await make_registration(session, cycle, status=status) for status in statuses}
    await client.expect(200, "POST", f"/meetings/{meetings[0].id}/complete")
    assert (await client.expect(200, "GET", f"/cycles/{cycle.id}"))["status"] == "active"
    await client.expect(200, "POST", f"/meetings/{meetings[1].id}/complete")
    read = await client.expect(200, "GET", f"/cycles/{cycle.id}")
    assert (read["status"], read["progress"]) == ("completed", {"completed": 2, "remaining": 0, "percent": 100})
    rows = await database.fetch("SELECT id, status FROM registrations")
    now = {row["id"]: row["status"] for row in rows}
    assert {before: now[registration.id] for before, registration in made.items()} == {
        "registered": "completed", "active": "completed", "trial": "trial",
    }  # fmt: skip
    assert len(await emitted(database, "cycle.completed")) == 1
    assert len(await emitted(database, "registration.updated")) == 2


async def test_meetings_completed_at_the_same_time_complete_the_cycle_once(
    client: ApiClient, database: Database
) -> None:
    cycle, meetings = await a_cycle(database, 4)
    answers = await asyncio.gather(*(client.post(f"/meetings/{each.id}/complete") for each in meetings))
    assert [answer.status_code for answer in answers] == [200] * 4
    read = await client.expect(200, "GET", f"/cycles/{cycle.id}")
    assert (read["status"], read["progress"]["completed"]) == ("completed", 4)
    assert len(await emitted(database, "cycle.completed")) == 1


async def test_a_loss_is_told_once(client: ApiClient, database: Database) -> None:
    _, (meeting, *_) = await a_cycle(database, meeting_revenue=Decimal(100))
    await client.expect(200, "POST", f"/meetings/{meeting.id}/complete")
    await client.expect(200, "POST", f"/meetings/{meeting.id}/cancel")
    await database.execute("UPDATE meetings SET status = 'scheduled'")
    done = await client.expect(200, "POST", f"/meetings/{meeting.id}/complete")
    assert done["profit"] == -80
    assert len(await emitted(database, "meeting.loss_making")) == 1


async def test_a_substitute_is_paid_and_a_correction_is_priced_at_once(client: ApiClient, database: Database) -> None:
    _, (meeting, *_) = await a_cycle(database)
    async with database.transaction() as session:
        substitute = await make_instructor(session, rate_frontal=Decimal(200), rate_online=Decimal(100))
    path = f"/meetings/{meeting.id}"
    await client.expect(200, "PATCH", path, json={"instructorId": str(substitute.id)})
    assert money(await client.expect(200, "POST", f"{path}/complete")) == (380, 300, 80)
    assert money(await client.expect(200, "PATCH", path, json={"activityType": "online"})) == (380, 150, 230)
    assert money(await client.expect(200, "PATCH", path, json={"nature": "no_revenue"})) == (0, 150, -150)


async def test_a_days_pay_goes_to_its_first_completed_meeting_and_on_to_the_next(
    client: ApiClient, database: Database
) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(session, **FIXED, pay_mode="daily", daily_rate=Decimal(500), total_meetings=9)
        hours = [PAST + timedelta(hours=2 * n) for n in range(3)]
        early, noon, late = [
            await make_meeting(session, cycle, number=n, starts_at=at) for n, at in enumerate(hours, 1)
        ]
    for meeting in (noon, early, late):
        await client.expect(200, "POST", f"/meetings/{meeting.id}/complete")

    async def paid() -> list[float]:
        page = await client.expect(200, "GET", f"/cycles/{cycle.id}/meetings")
        return [meeting["instructorPayment"] for meeting in page["data"]]

    assert await paid() == [0, 500, 0]
    await client.expect(200, "POST", f"/meetings/{noon.id}/cancel")
    assert await paid() == [500, 0, 0]
    await client.expect(204, "DELETE", f"/meetings/{early.id}")
    assert await paid() == [0, 500]


async def update_status(client: ApiClient, **body: Any) -> Any:
    job = await client.expect(202, "POST", "/meetings/bulk-update-status", json=body)
    done = await client.finish(job["id"])
    assert done["status"] == "succeeded", done["error"]
    return done["result"]


def reasons(result: Any) -> dict[str, str]:
    return {each["meetingId"]: each["reason"] for each in result["refused"]}


@pytest.mark.usefixtures("workers")
async def test_many_meetings_are_completed_at_once_with_all_that_follows(client: ApiClient, database: Database) -> None:
    cycle, meetings = await a_cycle(database, 3)
    other, _ = await a_cycle(database, 2)
    async with database.transaction() as session:
        await make_registration(session, cycle)
    await client.expect(200, "POST", f"/meetings/{meetings[0].id}/cancel")
    ids = [str(meeting.id) for meeting in meetings]
    result = await update_status(client, meetingIds=[*ids, NOBODY], status="completed")
    assert (result["changed"], result["refusedTotal"], result["cyclesCompleted"]) == (2, 2, 0)
    assert reasons(result) == {
        ids[0]: "a meeting that is cancelled cannot become completed",
        NOBODY: "there is no such meeting",
    }
    await update_status(client, meetingIds=ids[:1], status="scheduled")
    result = await update_status(client, filter={"cycleId": str(cycle.id), "status": "scheduled"}, status="completed")
    assert (result["changed"], result["cyclesCompleted"], result["registrationsCompleted"]) == (1, 1, 1)
    totals = await client.expect(200, "GET", f"/finance/cycles/{cycle.id}")
    assert (totals["completedMeetings"], *money(totals)) == (3, 1140, 540, 600)
    assert len(await emitted(database, "meeting.completed")) == 3
    assert (await client.expect(200, "GET", f"/cycles/{other.id}"))["progress"]["completed"] == 0


@pytest.mark.usefixtures("workers")
async def test_only_past_meetings_are_completed_when_it_is_said(client: ApiClient, database: Database) -> None:
    cycle, meetings = await a_cycle(database, 1)
    async with database.transaction() as session:
        later = await make_meeting(session, cycle, number=2, starts_at=datetime.now(UTC) + timedelta(days=1))
    ids = [str(meetings[0].id), str(later.id)]
    result = await update_status(client, meetingIds=ids, status="completed", onlyPast=True)
    assert (result["changed"], reasons(result)) == (1, {ids[1]: "it has not ended yet"})
    result = await update_status(client, filter={"cycleId": str(cycle.id)}, status="cancelled", onlyPast=True)
    assert (result["changed"], result["refused"]) == (1, [])


@pytest.mark.usefixtures("workers")
async def test_cancelled_meetings_come_back_only_where_the_instructor_is_free(
    client: ApiClient, database: Database
) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(session)
        times = [PAST, PAST + timedelta(hours=1), PAST + timedelta(hours=3), PAST + timedelta(hours=5)]
        ids = [
            str((await make_meeting(session, cycle, number=n, starts_at=at, status="cancelled")).id)
            for n, at in enumerate(times, 1)
        ]
        await make_meeting(session, cycle, number=5, starts_at=times[2])
    result = await update_status(client, meetingIds=ids, status="scheduled")
    assert result["changed"] == 2
    assert set(reasons(result)) == {ids[1], ids[2]}
    assert len(await emitted(database, "meeting.reopened")) == 2


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"status": "completed"}, {"meetingIds"}),
        ({"status": "completed", "meetingIds": []}, {"meetingIds"}),
        ({"status": "postponed", "filter": {"from": "soon", "cycle": 1}, "onlyPast": "yes"},
         {"status", "filter.from", "filter.cycle", "onlyPast"}),
        ({"status": "completed", "filter": {}}, {"filter.cycleId"}),
        ({"status": "completed", "filter": {"from": "2026-01-01T00:00:00"}}, {"filter.from"}),
    ],
    ids=str,
)  # fmt: skip
async def test_every_fault_of_an_order_is_named(client: ApiClient, body: dict[str, Any], named: set[str]) -> None:
    problem = await client.expect(400, "POST", "/meetings/bulk-update-status", json=body)
    assert {fault["field"] for fault in problem["errors"]} == named


async def test_unknown_meetings_are_not_found(client: ApiClient) -> None:
    for action in ("complete", "cancel", "recalculate"):
        await client.expect(404, "POST", f"/meetings/{UUID(NOBODY)}/{action}")
