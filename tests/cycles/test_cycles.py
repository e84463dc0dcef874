"""Cycles over HTTP: what a cycle must be, and how it is found."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.factories import make_branch, make_course, make_cycle, make_instructor, make_meeting

TUESDAYS = {"slots": [{"weekday": 1, "start": "16:00", "end": "17:30"}]}
NOBODY = "0198c0de-0000-7000-8000-000000000099"


@pytest.fixture
async def body(client: ApiClient, database: Database) -> dict[str, Any]:
    """A cycle that may be created."""
    async with database.transaction() as session:
        course, branch = await make_course(session), await make_branch(session)
        instructor = await make_instructor(session)
        return {
            "name": "Robotics, spring 2026", "courseId": str(course.id), "branchId": str(branch.id),
            "instructorId": str(instructor.id), "type": "private", "startDate": "2026-02-03",
            "timezone": "Asia/Jerusalem", "pattern": TUESDAYS, "totalMeetings": 12, "activityType": "frontal",
            "currency": "ILS", "pricePerStudent": "1200.50",
        }  # fmt: skip


def fields(problem: Any) -> set[str]:
    return {fault["field"] for fault in problem["errors"]}


async def test_a_created_cycle_is_read_back_with_its_progress(client: ApiClient, body: dict[str, Any]) -> None:
    cycle = await client.create("/cycles", **body)
    assert cycle["pattern"] == TUESDAYS
    assert cycle["progress"] == {"completed": 0, "remaining": 12, "percent": 0}
    assert (cycle["status"], cycle["pricePerStudent"]) == ("active", 1200.5)
    assert await client.expect(200, "GET", f"/cycles/{cycle['id']}") == cycle


async def test_a_cycle_may_recur_by_a_rule(client: ApiClient, body: dict[str, Any]) -> None:
    pattern = {"rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU", "start": "10:00", "durationMinutes": 45}
    cycle = await client.create("/cycles", **{**body, "pattern": pattern})
    assert cycle["pattern"] == pattern


async def test_every_fault_between_the_fields_is_named_at_once(client: ApiClient, body: dict[str, Any]) -> None:
    wrong = {
        "type": "institutional_fixed", "timezone": "Asia/Haifa", "endDate": "2026-02-02", "payMode": "daily",
        "pricePerStudent": 10.001, "instructorBudget": -1,
        "pattern": {"slots": [{"weekday": 7, "start": "16:00", "end": "25:00"}], "rrule": "FREQ=YEARLY"},
    }  # fmt: skip
    problem = await client.expect(400, "POST", "/cycles", json={**body, **wrong})
    assert fields(problem) == {
        "timezone", "endDate", "meetingRevenue", "dailyRate", "pricePerStudent", "instructorBudget",
        "pattern.slots[0].weekday", "pattern.slots[0].end", "pattern.rrule", "pattern.start",
        "pattern.durationMinutes",
    }  # fmt: skip


async def test_every_fault_of_a_field_alone_is_named_at_once(client: ApiClient, body: dict[str, Any]) -> None:
    wrong = {
        "name": "", "courseId": "robotics", "type": "public", "startDate": "soon", "totalMeetings": 1001,
        "pattern": {"slots": [{"weekday": "Monday", "start": "16:00"}], "days": []}, "currency": "shekel", "teacher": 1,
    }  # fmt: skip
    problem = await client.expect(400, "POST", "/cycles", json={**body, **wrong})
    assert fields(problem) == {
        "name", "courseId", "type", "startDate", "totalMeetings", "pattern.slots[0].weekday",
        "pattern.slots[0].end", "pattern.days", "currency", "teacher",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        pytest.param({"pattern": {}}, "pattern.slots", id="no weekday"),
        pytest.param({"currency": "XXX"}, "currency", id="no such currency"),
        pytest.param({"type": "institutional_per_child", "pricePerStudent": None}, "pricePerStudent", id="no price"),
        pytest.param({"totalMeetings": 0}, "totalMeetings", id="no meetings"),
        pytest.param({"startDate": "0001-01-01"}, "startDate", id="before the calendars"),
        pytest.param({"maxStudents": 0}, "maxStudents", id="no places"),
    ],
)
async def test_what_a_cycle_cannot_be(
    client: ApiClient, body: dict[str, Any], wrong: dict[str, Any], named: str
) -> None:
    assert fields(await client.expect(400, "POST", "/cycles", json={**body, **wrong})) == {named}


async def test_what_a_cycle_refers_to_must_be_there_and_paid_in_its_currency(
    client: ApiClient, body: dict[str, Any]
) -> None:
    wrong = {"courseId": NOBODY, "branchId": NOBODY, "currency": "MXN"}
    problem = await client.expect(400, "POST", "/cycles", json={**body, **wrong})
    assert fields(problem) == {"courseId", "branchId", "instructorId"}
    assert "is paid in ILS" in problem["errors"][-1]["message"]


async def test_a_patch_is_judged_by_the_whole_cycle(client: ApiClient, body: dict[str, Any]) -> None:
    cycle = await client.create("/cycles", **body)
    path = f"/cycles/{cycle['id']}"
    problem = await client.expect(400, "PATCH", path, json={"type": "institutional_fixed", "endDate": "2026-01-01"})
    assert fields(problem) == {"meetingRevenue", "endDate"}
    changed = {"type": "institutional_fixed", "meetingRevenue": 380, "endDate": "2026-06-30"}
    patched = await client.expect(200, "PATCH", path, json=changed)
    assert changed.items() <= patched.items()
    assert patched["version"] == 2


async def test_the_currency_stays_once_there_are_meetings(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(session)
        await make_meeting(session, cycle)
        mexican = await make_instructor(session, currency="MXN", rate_frontal=Decimal(300))
    change = {"currency": "MXN", "instructorId": str(mexican.id)}
    assert fields(await client.expect(400, "PATCH", f"/cycles/{cycle.id}", json=change)) == {"currency"}


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"type": "private"}, ["slots"]),
        ({"type": "institutional_fixed"}, ["daily", "named", "unnamed"]),
        ({"status": "cancelled"}, ["named"]),
        ({"activityType": "online"}, ["unnamed"]),
        ({"dayOfWeek": "1"}, ["daily", "slots"]),
        ({"dayOfWeek": "6"}, ["daily", "named"]),
        ({"dayOfWeek": "0"}, ["daily", "unnamed"]),
        ({"from": "2026-02-03", "to": "2026-02-28"}, ["slots"]),
        ({"search": "NAMED"}, ["named", "unnamed"]),
    ],
    ids=str,
)
async def test_cycles_are_found_by_their_terms(
    client: ApiClient, database: Database, params: dict[str, str], names: list[str]
) -> None:
    async with database.transaction() as session:
        await make_cycle(session, name="slots")
        fixed = {"type": "institutional_fixed", "meeting_revenue": Decimal(100)}
        rules = {
            "daily": ("FREQ=DAILY", "2026-03-01", {}),
            "named": ("FREQ=WEEKLY;WKST=MO;BYDAY=SU,FR", "2026-03-01", {"status": "cancelled"}),
            "unnamed": ("FREQ=WEEKLY", "2026-03-02", {"activity_type": "online"}),
        }
        for name, (rrule, start, more) in rules.items():
            pattern = {"rrule": rrule, "start": "10:00", "durationMinutes": 60}
            await make_cycle(session, name=name, pattern=pattern, start_date=date.fromisoformat(start), **fixed, **more)
    page = await client.expect(200, "GET", "/cycles", params={**params, "sortBy": "name", "sortOrder": "asc"})
    assert [cycle["name"] for cycle in page["data"]] == names


async def test_a_bad_filter_is_named(client: ApiClient) -> None:
    problem = await client.expect(400, "GET", "/cycles", params={"dayOfWeek": "7", "type": "x", "weekday": "1"})
    assert fields(problem) == {"dayOfWeek", "type", "weekday"}


async def test_a_deleted_cycle_takes_its_meetings_with_it_and_brings_them_back(
    client: ApiClient, database: Database
) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(session)
        kept, gone = [await make_meeting(session, cycle, number=number) for number in (1, 2)]
        other = await make_cycle(session, instructor_id=cycle.instructor_id)
    await client.expect(204, "DELETE", f"/meetings/{gone.id}")
    await client.expect(204, "DELETE", f"/cycles/{cycle.id}")
    assert (await client.expect(200, "GET", "/meetings"))["data"] == []
    times = {"startsAt": kept.starts_at.isoformat(), "endsAt": kept.ends_at.isoformat()}
    taken = await client.create("/meetings", cycleId=str(other.id), **times)
    await client.expect(409, "POST", f"/cycles/{cycle.id}/restore")
    await client.expect(204, "DELETE", f"/meetings/{taken['id']}")
    await client.expect(200, "POST", f"/cycles/{cycle.id}/restore")
    page = await client.expect(200, "GET", "/meetings")
    assert [meeting["id"] for meeting in page["data"]] == [str(kept.id)]


async def test_a_cancelled_cycle_cancels_what_was_still_scheduled(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(session)
        for number, status in enumerate(["completed", "scheduled", "scheduled"], 1):
            await make_meeting(session, cycle, number=number, status=status)
    await client.expect(200, "PATCH", f"/cycles/{cycle.id}", json={"status": "cancelled"})
    page = await client.expect(200, "GET", f"/cycles/{cycle.id}/meetings")
    assert [meeting["status"] for meeting in page["data"]] == ["completed", "cancelled", "cancelled"]
    events = await database.fetch("SELECT count(*) AS n FROM events WHERE type = 'meeting.cancelled'")
    assert events[0]["n"] == 2
