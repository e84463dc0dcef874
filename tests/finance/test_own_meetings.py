"""What instructors do with the meetings they give: on the day, what is taught, and what they earned."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from models.cycles.rules import is_on_its_day
from models.cycles.tables import Cycle
from models.finance.jobs import BulkUpdateStatus
from models.finance.services.status import move_meetings
from models.identity.permissions import Role
from models.kernel.actor import SYSTEM
from models.kernel.clock import utc_now
from models.kernel.reach import Reach
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.factories import make_meeting
from tests.support.sides import DONE, Sides, make_sides, noon_today

MOVES = ["complete", "cancel", "postpone"]


@pytest.fixture
async def sides(anonymous: ApiClient, database: Database) -> Sides:
    return await make_sides(database)


def body_of(move: str) -> dict[str, Any] | None:
    """Postponed to the day after tomorrow."""
    return {"startsAt": (noon_today() + timedelta(days=2)).isoformat()} if move == "postpone" else None


@pytest.mark.parametrize(
    ("timezone", "now", "is_it"),
    [
        ("Asia/Jerusalem", datetime(2026, 3, 10, 21, 59, tzinfo=UTC), True),
        ("Asia/Jerusalem", datetime(2026, 3, 10, 22, 0, tzinfo=UTC), False),
        ("Asia/Jerusalem", datetime(2026, 3, 9, 22, 0, tzinfo=UTC), True),
        ("Asia/Jerusalem", datetime(2026, 3, 9, 21, 59, tzinfo=UTC), False),
        ("America/Mexico_City", datetime(2026, 3, 11, 5, 59, tzinfo=UTC), True),
        ("Pacific/Auckland", datetime(2026, 3, 10, 12, 0, tzinfo=UTC), True),
    ],
)
def test_the_day_is_that_of_the_place_of_the_meeting(timezone: str, now: datetime, is_it: bool) -> None:
    starts_at = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
    assert is_on_its_day(starts_at, starts_at + timedelta(minutes=90), timezone, now) == is_it


def test_a_meeting_that_passes_midnight_has_two_days() -> None:
    starts_at = datetime(2026, 3, 10, 23, 0, tzinfo=UTC)
    for day in (10, 11):
        assert is_on_its_day(starts_at, starts_at + timedelta(hours=2), "UTC", datetime(2026, 3, day, 8, tzinfo=UTC))


@pytest.mark.parametrize("move", MOVES)
async def test_an_instructor_moves_a_meeting_on_its_day(anonymous: ApiClient, sides: Sides, move: str) -> None:
    path = f"/meetings/{sides.mine.ids['meeting_id']}/{move}"
    await anonymous.expect(200, "POST", path, json=body_of(move), headers=sides.mine.instructor)


@pytest.mark.parametrize("day", ["tomorrow_id", "done_id"])
@pytest.mark.parametrize("move", [*MOVES, "change"])
async def test_an_instructor_leaves_the_meetings_of_other_days_alone(
    anonymous: ApiClient, sides: Sides, move: str, day: str
) -> None:
    """Not even the moves that could not be made at all are told from others."""
    path = f"/meetings/{sides.mine.ids[day]}"
    method, path = ("PATCH", path) if move == "change" else ("POST", f"{path}/{move}")
    body = {"topic": "Wheels"} if move == "change" else body_of(move)
    problem = await anonymous.expect(403, method, path, json=body, headers=sides.mine.instructor)
    assert "only on their day" in problem["detail"]
    assert "Asia/Jerusalem" in problem["detail"]


async def test_an_instructor_changes_what_is_taught(anonymous: ApiClient, sides: Sides) -> None:
    path, me = f"/meetings/{sides.mine.ids['meeting_id']}", sides.mine.instructor
    body = {"topic": "Wheels", "notes": "Bring tape.", "room": "3"}
    changed = await anonymous.expect(200, "PATCH", path, json=body, headers=me)
    assert {name: changed[name] for name in body} == body


async def test_an_instructor_does_not_change_when_it_is_who_gives_it_and_what_it_pays(
    anonymous: ApiClient, sides: Sides
) -> None:
    path, me = f"/meetings/{sides.mine.ids['meeting_id']}", sides.mine.instructor
    before = await anonymous.expect(200, "GET", path, headers=me)
    body = {
        "topic": "Wheels",
        "endsAt": (noon_today() + timedelta(hours=5)).isoformat(),
        "instructorId": str(sides.theirs.ids["instructor_id"]),
        "nature": "no_revenue",
        "activityType": "private_lesson",
    }
    problem = await anonymous.expect(403, "PATCH", path, json=body, headers=me)
    assert {fault["field"] for fault in problem["errors"]} == {"endsAt", "instructorId", "nature", "activityType"}
    assert await anonymous.expect(200, "GET", path, headers=me) == before


async def test_an_instructor_does_not_postpone_into_a_longer_meeting(anonymous: ApiClient, sides: Sides) -> None:
    starts_at = noon_today() + timedelta(days=2)
    path, me = f"/meetings/{sides.mine.ids['meeting_id']}/postpone", sides.mine.instructor
    longer = {"startsAt": starts_at.isoformat(), "endsAt": (starts_at + timedelta(hours=5)).isoformat()}
    await anonymous.expect(403, "POST", path, json=longer, headers=me)
    same = {"startsAt": starts_at.isoformat(), "endsAt": (starts_at + timedelta(minutes=90)).isoformat()}
    await anonymous.expect(200, "POST", path, json=same, headers=me)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/meetings"),
        ("DELETE", "/meetings/{meeting_id}"),
        ("POST", "/meetings/{meeting_id}/recalculate"),
        ("POST", "/meetings/bulk-delete"),
        ("POST", "/meetings/bulk-recalculate"),
        ("POST", "/finance/recalculate"),
        ("PATCH", "/cycles/{cycle_id}"),
        ("PATCH", "/instructors/{instructor_id}"),
        ("POST", "/cycles/{cycle_id}/registrations"),
        ("POST", "/jobs"),
        ("POST", "/schedules"),
    ],
)
async def test_the_rest_is_the_offices(anonymous: ApiClient, sides: Sides, method: str, path: str) -> None:
    await anonymous.expect(403, method, path.format(**sides.mine.ids), headers=sides.mine.instructor)


async def test_many_meetings_of_which_one_is_anothers_are_all_refused(anonymous: ApiClient, sides: Sides) -> None:
    mine, theirs = sides.mine.ids["meeting_id"], sides.theirs.ids["meeting_id"]
    body = {"status": "completed", "meetingIds": [str(mine), str(theirs)]}
    problem = await anonymous.expect(
        404, "POST", "/meetings/bulk-update-status", json=body, headers=sides.mine.instructor
    )
    assert problem["errors"] == [{"field": "meetingIds[1]", "message": f"there is no meeting {theirs}"}]
    jobs = await anonymous.expect(200, "GET", "/jobs", headers=sides.mine.instructor)
    assert {job["kind"] for job in jobs["data"]} == {"exports.create"}


async def test_many_meetings_of_which_one_is_another_days_are_all_refused(anonymous: ApiClient, sides: Sides) -> None:
    ids = [str(sides.mine.ids[name]) for name in ("meeting_id", "tomorrow_id")]
    body = {"status": "completed", "meetingIds": ids}
    problem = await anonymous.expect(
        403, "POST", "/meetings/bulk-update-status", json=body, headers=sides.mine.instructor
    )
    assert [fault["field"] for fault in problem["errors"]] == ["meetingIds[1]"]


@pytest.mark.usefixtures("workers")
async def test_a_filter_finds_an_instructors_own_meetings_of_the_day(anonymous: ApiClient, sides: Sides) -> None:
    body = {"status": "completed", "filter": {"status": "scheduled"}}
    me = sides.mine.instructor
    job = await anonymous.expect(202, "POST", "/meetings/bulk-update-status", json=body, headers=me)
    anonymous.headers.update(me)
    result = (await anonymous.finish(job["id"]))["result"]
    tomorrow = str(sides.mine.ids["tomorrow_id"])
    assert result["changed"] == 1
    assert result["refused"] == [{"meetingId": tomorrow, "reason": "it is not the day of the meeting"}]
    own = await anonymous.expect(200, "GET", f"/meetings/{sides.mine.ids['meeting_id']}")
    assert (own["status"], own["instructorPayment"]) == ("completed", 180)


async def test_the_job_itself_keeps_to_the_reach_of_who_asked(sides: Sides, database: Database) -> None:
    """However the order came about: what is another's is not there when it runs."""
    ids = [side.ids["meeting_id"] for side in (sides.mine, sides.theirs)]
    order = BulkUpdateStatus(status="completed", meeting_ids=ids)
    reach = Reach(Role.INSTRUCTOR, sides.mine.ids["user_id"], changing=True)
    async with database.transaction() as session:
        done = await move_meetings(session, SYSTEM, order, utc_now(), lambda *_: None, reach)
    assert done.changed == 1
    assert [(each.meeting_id, each.reason) for each in done.refused] == [(ids[1], "there is no such meeting")]


async def test_an_instructors_figures_are_of_the_meetings_they_gave(
    anonymous: ApiClient, database: Database, sides: Sides
) -> None:
    """A substitute sees the cycle, and of its money what they earned; the cycle's own instructor likewise."""
    mine, theirs = sides.mine, sides.theirs
    async with database.transaction() as session:
        cycle = await session.get_one(Cycle, mine.ids["cycle_id"])
        starts_at = noon_today() - timedelta(days=3)
        own = {**DONE, "instructor_payment": Decimal(75), "profit": Decimal(305)}
        await make_meeting(
            session, cycle, number=4, starts_at=starts_at, instructor_id=theirs.ids["instructor_id"], **own
        )
    path = f"/finance/cycles/{mine.ids['cycle_id']}"
    for side, pay in ((mine, 180), (theirs, 75)):
        totals = await anonymous.expect(200, "GET", path, headers=side.instructor)
        assert (totals["completedMeetings"], totals["instructorPayment"], totals["revenue"]) == (1, pay, 380)
        listed = await anonymous.expect(200, "GET", "/finance/cycles", headers=side.instructor)
        assert [row["instructorPayment"] for row in listed["data"] if row["cycleId"] == totals["cycleId"]] == [pay]
    await anonymous.expect(403, "GET", path, headers=mine.student)


async def test_a_substitute_sees_the_students_but_not_the_other_meetings(
    anonymous: ApiClient, database: Database, sides: Sides
) -> None:
    mine, theirs = sides.mine, sides.theirs
    async with database.transaction() as session:
        cycle = await session.get_one(Cycle, mine.ids["cycle_id"])
        await make_meeting(
            session, cycle, number=4, starts_at=noon_today() + timedelta(days=3),
            instructor_id=theirs.ids["instructor_id"],
        )  # fmt: skip
    cycle_path = f"/cycles/{mine.ids['cycle_id']}"
    seen = await anonymous.expect(200, "GET", f"{cycle_path}/meetings", headers=theirs.instructor)
    assert [row["number"] for row in seen["data"]] == [4]
    await anonymous.expect(200, "GET", f"/students/{mine.ids['student_id']}", headers=theirs.instructor)
    assert (await anonymous.expect(200, "GET", cycle_path, headers=theirs.instructor))["dailyRate"] is None
    await anonymous.expect(404, "GET", f"/meetings/{mine.ids['meeting_id']}", headers=theirs.instructor)
