"""Meetings over HTTP: an instructor is never in two places, and a change is seen as one."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from models.cycles.tables import Cycle
from models.kernel.ids import new_id
from models.kernel.session import Database, constraint
from tests.conftest import sign_in
from tests.support.client import ApiClient
from tests.support.factories import make_cycle, make_instructor, make_meeting

NINE = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
NOBODY = "0198c0de-0000-7000-8000-000000000099"


def at(hours: float, length: float = 1) -> dict[str, str]:
    """Times so many hours after nine."""
    starts_at = NINE + timedelta(hours=hours)
    return {"startsAt": starts_at.isoformat(), "endsAt": (starts_at + timedelta(hours=length)).isoformat()}


@pytest.fixture
async def cycle(client: ApiClient, database: Database) -> Cycle:
    async with database.transaction() as session:
        return await make_cycle(session)


@pytest.fixture
async def other_cycle(cycle: Cycle, database: Database) -> Cycle:
    """Of the same instructor."""
    async with database.transaction() as session:
        return await make_cycle(session, instructor_id=cycle.instructor_id)


async def test_an_extra_meeting_has_the_next_number_and_the_cycles_instructor(client: ApiClient, cycle: Cycle) -> None:
    first = await client.create("/meetings", cycleId=str(cycle.id), **at(0), topic="Sensors")
    second = await client.create("/meetings", cycleId=str(cycle.id), **at(2))
    assert (first["number"], second["number"], first["instructorId"]) == (1, 2, str(cycle.instructor_id))
    assert (first["status"], first["currency"], first["revenue"]) == ("scheduled", "ILS", 0)
    assert first["changedAt"] is not None
    assert first["localDate"] == "2026-05-04"
    read = await client.get(f"/meetings/{first['id']}")
    assert read.json() == first
    assert '"revenue":0.00' in read.text


async def test_every_fault_of_a_meeting_is_named_at_once(client: ApiClient, cycle: Cycle) -> None:
    body = {"cycleId": "x", "startsAt": "soon", "endsAt": "2026-05-04T09:00:00", "nature": "free", "students": 3}
    problem = await client.expect(400, "POST", "/meetings", json=body)
    assert {"cycleId", "startsAt", "nature", "students"} <= {fault["field"] for fault in problem["errors"]}


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"startsAt": "2026-05-04T09:00:00", "endsAt": "2026-05-04T10:00:00Z"}, "startsAt"),
        ({"startsAt": "2026-05-04T09:00:00Z", "endsAt": "2026-05-04T09:00:00Z"}, "endsAt"),
        ({"startsAt": "2026-05-04T09:00:00Z", "endsAt": "2026-05-06T09:00:00Z"}, "endsAt"),
    ],
)
async def test_times_that_cannot_be(client: ApiClient, cycle: Cycle, times: dict[str, str], field: str) -> None:
    problem = await client.expect(400, "POST", "/meetings", json={"cycleId": str(cycle.id), **times})
    assert [fault["field"] for fault in problem["errors"]] == [field]


async def test_a_taken_instructor_is_a_conflict_that_names_the_meeting(
    client: ApiClient, cycle: Cycle, other_cycle: Cycle
) -> None:
    there = await client.create("/meetings", cycleId=str(cycle.id), **at(0))
    body = {"cycleId": str(other_cycle.id), **at(0.5)}
    problem = await client.expect(409, "POST", "/meetings", json=body)
    assert (problem["code"], problem["conflictingMeetingId"]) == ("CONFLICT", there["id"])
    await client.create("/meetings", cycleId=str(other_cycle.id), **at(1))


async def test_only_an_administrator_allows_an_overlap(
    client: ApiClient, database: Database, cycle: Cycle, other_cycle: Cycle
) -> None:
    await client.create("/meetings", cycleId=str(cycle.id), **at(0))
    body = {"cycleId": str(other_cycle.id), **at(0), "allowOverlap": True}
    admin = client.headers["Authorization"]
    await sign_in(client, database, "manager")
    await client.expect(403, "POST", "/meetings", json=body)
    client.headers["Authorization"] = admin
    assert (await client.create("/meetings", **body))["overlapAllowed"]
    free = await client.create("/meetings", **{**body, **at(5)})
    assert not free["overlapAllowed"]


async def test_of_ten_writers_for_one_hour_exactly_one_wins(
    client: ApiClient, cycle: Cycle, database: Database
) -> None:
    async with database.transaction() as session:
        cycles = [await make_cycle(session, instructor_id=cycle.instructor_id) for _ in range(10)]
    bodies = [{"cycleId": str(each.id), **at(n / 20)} for n, each in enumerate(cycles)]
    answers = await asyncio.gather(*(client.post("/meetings", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    (winner,) = (answer.json()["id"] for answer in answers if answer.status_code == 201)
    losers = [answer.json() for answer in answers if answer.status_code == 409]
    assert {problem.get("conflictingMeetingId") for problem in losers} == {winner}


async def test_the_table_itself_lets_one_of_ten_writers_win(database: Database, cycle: Cycle) -> None:
    """Whatever the code before it does or forgets."""
    statement = """
    INSERT INTO meetings
        (id, cycle_id, number, instructor_id, instructor_number, starts_at, ends_at, timezone, local_date)
    SELECT $1, $2, $3, id, number, $4, $5, 'UTC', '2026-05-04' FROM instructors WHERE id = $6
    """

    async def write(n: int) -> str | None:
        starts_at = NINE + timedelta(minutes=n)
        try:
            await database.execute(
                statement, new_id(), cycle.id, n, starts_at, starts_at + timedelta(hours=1), cycle.instructor_id
            )
        except Exception as error:
            return constraint(error) or type(error).__name__
        return None

    outcomes = await asyncio.gather(*(write(n) for n in range(1, 11)))
    assert outcomes.count(None) == 1
    assert set(outcomes) <= {None, "ex_meetings_instructor_twice", "DeadlockDetectedError"}


async def test_a_patch_moves_a_meeting_and_marks_it(client: ApiClient, cycle: Cycle, database: Database) -> None:
    async with database.transaction() as session:
        meeting = await make_meeting(session, cycle)
        substitute = await make_instructor(session, name="Yael")
    change = {**at(15), "instructorId": str(substitute.id), "topic": "Motors", "nature": "no_revenue", "room": "3"}
    patched = await client.expect(200, "PATCH", f"/meetings/{meeting.id}", json=change)
    assert patched["changedAt"] is not None
    assert {name: patched[name] for name in ("instructorId", "topic", "nature", "room")}.items() <= change.items()
    assert (patched["localDate"], patched["version"]) == ("2026-05-05", 2)


async def test_a_patch_cannot_take_an_instructors_time_or_pay_in_another_currency(
    client: ApiClient, cycle: Cycle, other_cycle: Cycle, database: Database
) -> None:
    there = await client.create("/meetings", cycleId=str(cycle.id), **at(0))
    mine = await client.create("/meetings", cycleId=str(other_cycle.id), **at(3))
    async with database.transaction() as session:
        mexican = await make_instructor(session, currency="MXN", rate_frontal=Decimal(300))
    path = f"/meetings/{mine['id']}"
    assert (await client.expect(409, "PATCH", path, json=at(-0.5)))["conflictingMeetingId"] == there["id"]
    problem = await client.expect(400, "PATCH", path, json={"instructorId": str(mexican.id)})
    assert [fault["field"] for fault in problem["errors"]] == ["instructorId"]
    await client.expect(200, "PATCH", path, json=at(3.5))
    assert (await client.expect(200, "GET", path))["version"] == 2


async def test_of_writers_that_move_meetings_to_one_hour_exactly_one_wins(
    client: ApiClient, cycle: Cycle, database: Database
) -> None:
    async with database.transaction() as session:
        cycles = [await make_cycle(session, instructor_id=cycle.instructor_id) for _ in range(4)]
    ids = [(await client.create("/meetings", cycleId=str(each.id), **at(n * 2)))["id"] for n, each in enumerate(cycles)]
    answers = await asyncio.gather(*(client.patch(f"/meetings/{id_}", json=at(20)) for id_ in ids))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert all("conflictingMeetingId" in answer.json() for answer in answers if answer.status_code == 409)


async def test_a_deleted_meeting_gives_its_time_free_and_comes_back_only_to_a_free_one(
    client: ApiClient, cycle: Cycle
) -> None:
    first = await client.create("/meetings", cycleId=str(cycle.id), **at(0))
    await client.expect(204, "DELETE", f"/meetings/{first['id']}")
    second = await client.create("/meetings", cycleId=str(cycle.id), **at(0))
    assert second["number"] == 1
    problem = await client.expect(409, "POST", f"/meetings/{first['id']}/restore")
    assert problem["conflictingMeetingId"] == second["id"]
    await client.expect(200, "PATCH", f"/meetings/{second['id']}", json=at(4))
    restored = await client.expect(200, "POST", f"/meetings/{first['id']}/restore")
    assert (restored["number"], restored["startsAt"]) == (2, first["startsAt"])


async def test_many_meetings_are_deleted_in_one_call(client: ApiClient, cycle: Cycle, database: Database) -> None:
    ids = [(await client.create("/meetings", cycleId=str(cycle.id), **at(n * 2)))["id"] for n in range(3)]
    answer = await client.expect(200, "POST", "/meetings/bulk-delete", json={"meetingIds": [*ids[:2], NOBODY]})
    assert answer == {"deleted": 2, "missing": [NOBODY]}
    left = await client.expect(200, "GET", f"/cycles/{cycle.id}/meetings")
    assert [meeting["id"] for meeting in left["data"]] == [ids[2]]
    events = await database.fetch("SELECT count(*) AS n FROM events WHERE type = 'meeting.deleted'")
    assert events[0]["n"] == 2


@pytest.mark.parametrize(
    ("params", "numbers"),
    [
        ({}, [1, 2, 3]),
        ({"sortOrder": "desc"}, [3, 2, 1]),
        ({"status": "cancelled"}, [2]),
        ({"from": "2026-05-04T11:00:00Z", "to": "2026-05-04T13:00:00Z"}, [2, 3]),
        ({"from": "2026-05-04T13:00:01+00:00"}, []),
    ],
    ids=str,
)
async def test_meetings_are_listed_by_their_start(
    client: ApiClient, cycle: Cycle, database: Database, params: dict[str, str], numbers: list[int]
) -> None:
    async with database.transaction() as session:
        for n in (3, 1, 2):
            starts_at = NINE + timedelta(hours=2 * (n - 1))
            status = "cancelled" if n == 2 else "scheduled"
            await make_meeting(session, cycle, number=n, starts_at=starts_at, status=status)
    for path in ("/meetings", f"/cycles/{cycle.id}/meetings", f"/instructors/{cycle.instructor_id}/meetings"):
        page = await client.expect(200, "GET", path, params=params)
        assert [meeting["number"] for meeting in page["data"]] == numbers


async def test_a_schedule_names_course_and_branch_and_leaves_out_what_is_not_given(
    client: ApiClient, cycle: Cycle, database: Database
) -> None:
    async with database.transaction() as session:
        for n, status in enumerate(["scheduled", "cancelled", "completed"]):
            await make_meeting(session, cycle, number=n + 1, starts_at=NINE + timedelta(hours=2 * n), status=status)
    path = f"/instructors/{cycle.instructor_id}/schedule"
    params = {"from": NINE.isoformat(), "to": (NINE + timedelta(days=1)).isoformat()}
    rows = await client.expect(200, "GET", path, params=params)
    assert [row["number"] for row in rows] == [1, 3]
    assert {(row["courseName"], row["branchName"], row["activityType"]) for row in rows} == {
        ("Robotics", "Haifa", "frontal")
    }
    assert await client.expect(200, "GET", path) == []
    problem = await client.expect(400, "GET", path, params={"from": params["to"], "to": params["from"]})
    assert [fault["field"] for fault in problem["errors"]] == ["to"]
    await client.expect(404, "GET", f"/instructors/{NOBODY}/schedule")


async def test_an_instructors_cycles_are_listed(client: ApiClient, cycle: Cycle, other_cycle: Cycle) -> None:
    page = await client.expect(200, "GET", f"/instructors/{cycle.instructor_id}/cycles")
    assert {row["id"] for row in page["data"]} == {str(cycle.id), str(other_cycle.id)}


async def test_who_may_change_meetings(anonymous: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        meeting = await make_meeting(session, await make_cycle(session))
    await anonymous.expect(401, "POST", f"/meetings/{meeting.id}/complete")
    await sign_in(anonymous, database, "student")
    await anonymous.expect(403, "POST", f"/meetings/{meeting.id}/complete")
