"""Generating meetings: the plan of every cycle comes true once, around holidays, closures and taken instructors."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from models.cycles.holidays import HolidaySourceError
from models.cycles.jobs import MeetingsGenerated
from models.cycles.services.generation import generate_meetings
from models.cycles.tables import Cycle
from models.cycles.values import OnConflict
from models.jobs.logs import Log
from models.jobs.rules import LogLevel
from models.kernel.actor import SYSTEM
from models.kernel.errors import Conflict, NotFound
from models.kernel.session import Database, Row
from tests.support.client import ApiClient
from tests.support.factories import make_branch, make_closure, make_cycle, make_instructor, make_meeting

pytestmark = pytest.mark.usefixtures("clean")


def weekly(weekday: int, start: str = "16:00", end: str = "17:30") -> dict[str, Any]:
    return {"slots": [{"weekday": weekday, "start": start, "end": end}]}


async def generate(
    database: Database, *cycles: Cycle, on_conflict: OnConflict = OnConflict.SKIP, log: Log = lambda *_, **__: None
) -> MeetingsGenerated:
    async with database.transaction() as session:
        ids = [cycle.id for cycle in cycles]
        return await generate_meetings(session, SYSTEM, ids, on_conflict, lambda *_: None, log)


async def a_cycle(database: Database, *, country: str = "IL", subdivision: str | None = None, **terms: Any) -> Cycle:
    """In a branch of its own in the country."""
    async with database.transaction() as session:
        branch = await make_branch(session, country=country, subdivision=subdivision)
        return await make_cycle(session, branch_id=branch.id, **terms)


async def meetings_of(database: Database, cycle: Cycle) -> Sequence[Row]:
    return await database.fetch(
        "SELECT * FROM meetings WHERE cycle_id = $1 AND deleted_at IS NULL ORDER BY starts_at", cycle.id
    )


def by_the_wall(rows: Sequence[Row], zone: str) -> list[str]:
    return [f"{row['starts_at'].astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" for row in rows]


async def test_a_cycle_keeps_its_hour_over_a_clock_change(database: Database) -> None:
    """Israel's clocks go forward on 27 March 2026."""
    cycle = await a_cycle(database, pattern=weekly(1), start_date=date(2026, 3, 17), total_meetings=3)
    assert (await generate(database, cycle)).created == 3
    rows = await meetings_of(database, cycle)
    assert by_the_wall(rows, "Asia/Jerusalem") == ["2026-03-17 16:00", "2026-03-24 16:00", "2026-03-31 16:00"]
    assert [row["starts_at"].hour for row in rows] == [14, 14, 13]
    assert [row["number"] for row in rows] == [1, 2, 3]
    assert {row["ends_at"] - row["starts_at"] for row in rows} == {timedelta(minutes=90)}
    assert [row["local_date"] for row in rows] == [date(2026, 3, 17), date(2026, 3, 24), date(2026, 3, 31)]


@pytest.mark.parametrize(
    ("country", "zone", "holiday", "name"),
    [
        ("IL", "Asia/Jerusalem", "2026-04-08", "Pesach"),
        ("MX", "America/Mexico_City", "2026-02-02", "Constitution"),
        ("NG", "Africa/Lagos", "2026-10-01", "National Day"),
    ],
)
async def test_a_public_holiday_moves_the_meetings_on(
    database: Database, country: str, zone: str, holiday: str, name: str
) -> None:
    day = date.fromisoformat(holiday)
    cycle = await a_cycle(
        database, country=country, timezone=zone, pattern=weekly(day.weekday()), total_meetings=3,
        start_date=day - timedelta(days=7),
    )  # fmt: skip
    result = await generate(database, cycle)
    assert result.created == 3
    dates = [row["local_date"] for row in await meetings_of(database, cycle)]
    assert day not in dates
    assert len(dates) == 3
    told = {skip.date: skip.reason for skip in result.skipped}
    assert name in told[day]


async def test_closures_of_the_branch_and_of_all_branches_are_kept(database: Database) -> None:
    async with database.transaction() as session:
        mine = await make_branch(session, country="NG")
        other = await make_branch(session, country="NG")
        await make_closure(
            session, branch_id=mine.id, name="Move", start_date=date(2026, 2, 10), end_date=date(2026, 2, 10)
        )
        await make_closure(
            session, branch_id=None, name="Strike", start_date=date(2026, 2, 16), end_date=date(2026, 2, 18)
        )
        await make_closure(session, branch_id=other.id, start_date=date(2026, 2, 24), end_date=date(2026, 2, 24))
        cycle = await make_cycle(
            session, branch_id=mine.id, timezone="Africa/Lagos", pattern=weekly(1), total_meetings=3
        )
    result = await generate(database, cycle)
    dates = [row["local_date"] for row in await meetings_of(database, cycle)]
    assert dates == [date(2026, 2, 3), date(2026, 2, 24), date(2026, 3, 3)]
    assert [(skip.date, skip.reason) for skip in result.skipped] == [
        (date(2026, 2, 10), "closed: Move"),
        (date(2026, 2, 17), "closed: Strike"),
    ]


async def test_holidays_of_later_years_are_kept_too(database: Database) -> None:
    """Daily over three years: New Year's Day of each is free."""
    cycle = await a_cycle(
        database, country="MX", timezone="America/Mexico_City", total_meetings=900, start_date=date(2026, 6, 1),
        pattern={"rrule": "FREQ=DAILY", "start": "09:00", "durationMinutes": 30},
    )  # fmt: skip
    assert (await generate(database, cycle)).created == 900
    dates = {row["local_date"] for row in await meetings_of(database, cycle)}
    assert max(dates) > date(2028, 11, 1)
    assert not dates & {date(2027, 1, 1), date(2028, 1, 1)}
    assert {date(2027, 1, 2), date(2028, 1, 2)} <= dates


async def test_an_unknown_calendar_fails_and_creates_nothing(database: Database) -> None:
    known, unknown = await a_cycle(database), await a_cycle(database, country="XX")
    with pytest.raises(HolidaySourceError, match="XX"):
        await generate(database, known, unknown)
    assert await meetings_of(database, known) == []


async def test_an_unknown_cycle_fails_and_creates_nothing(database: Database) -> None:
    cycle = await a_cycle(database)
    async with database.transaction() as session:
        unknown = await make_cycle(session, deleted_at=datetime.now(UTC))
    with pytest.raises(NotFound, match=str(unknown.id)):
        await generate(database, cycle, unknown)
    assert await meetings_of(database, cycle) == []


async def test_generating_again_adds_none(database: Database) -> None:
    cycle = await a_cycle(database)
    first, again = await generate(database, cycle), await generate(database, cycle)
    assert (first.created, again.created, again.skipped_total) == (12, 0, 0)
    rows = await meetings_of(database, cycle)
    ended = (await database.fetch("SELECT end_date FROM cycles WHERE id = $1", cycle.id))[0]["end_date"]
    assert ended == rows[-1]["local_date"]


async def test_what_was_deleted_is_added_after_the_last(database: Database) -> None:
    cycle = await a_cycle(database, pattern=weekly(1), total_meetings=4)
    await generate(database, cycle)
    before = await meetings_of(database, cycle)
    await database.execute("UPDATE meetings SET deleted_at = now() WHERE id = $1", before[1]["id"])
    assert (await generate(database, cycle)).created == 1
    rows = await meetings_of(database, cycle)
    assert [row["number"] for row in rows] == [1, 3, 4, 5]
    assert rows[-1]["local_date"] == before[-1]["local_date"] + timedelta(days=7)


async def test_meetings_that_someone_changed_stay_as_they_are(database: Database) -> None:
    cycle = await a_cycle(database, pattern=weekly(1), total_meetings=4)
    await generate(database, cycle)
    await database.execute(
        "UPDATE meetings SET starts_at = starts_at + interval '1 day', ends_at = ends_at + interval '1 day',"
        " changed_at = now(), topic = 'Sensors' WHERE cycle_id = $1 AND number = 2", cycle.id
    )  # fmt: skip
    await database.execute("UPDATE meetings SET status = 'cancelled' WHERE cycle_id = $1 AND number = 3", cycle.id)
    await database.execute("DELETE FROM meetings WHERE cycle_id = $1 AND number = 4", cycle.id)
    before = await meetings_of(database, cycle)
    assert (await generate(database, cycle)).created == 1
    assert (await meetings_of(database, cycle))[:3] == before


async def test_a_postponed_meeting_is_counted_by_its_replacement(database: Database) -> None:
    cycle = await a_cycle(database, pattern=weekly(1), total_meetings=3)
    await generate(database, cycle)
    await database.execute("UPDATE meetings SET status = 'postponed' WHERE cycle_id = $1 AND number = 2", cycle.id)
    assert (await generate(database, cycle)).created == 1


async def test_a_cycle_that_is_not_active_is_told_and_left_alone(database: Database) -> None:
    cycle = await a_cycle(database, status="cancelled")
    result = await generate(database, cycle)
    assert (result.created, [skip.reason for skip in result.skipped]) == (0, ["the cycle is cancelled"])


async def two_cycles(database: Database) -> tuple[Cycle, Cycle]:
    """The second wants the instructor on four Tuesdays of which the first has the second and third."""
    async with database.transaction() as session:
        instructor = await make_instructor(session)
        branch = await make_branch(session, country="NG", timezone="Africa/Lagos")
        terms = {"instructor_id": instructor.id, "branch_id": branch.id, "timezone": "Africa/Lagos"}
        busy = await make_cycle(session, **terms, start_date=date(2026, 2, 10), pattern=weekly(1), total_meetings=2)
        new = await make_cycle(
            session, **terms, name="Chess", start_date=date(2026, 2, 3), total_meetings=4,
            pattern=weekly(1, "17:00", "18:00"),
        )  # fmt: skip
    await generate(database, busy)
    return busy, new


async def test_a_taken_instructor_leaves_a_meeting_out(database: Database) -> None:
    busy, new = await two_cycles(database)
    result = await generate(database, new, on_conflict=OnConflict.SKIP)
    assert (result.created, result.conflicts_total) == (2, 2)
    in_the_way = [row["id"] for row in await meetings_of(database, busy)]
    assert [conflict.conflicting_meeting_id for conflict in result.conflicts] == in_the_way
    rows = await meetings_of(database, new)
    assert [(row["number"], row["local_date"].day) for row in rows] == [(1, 3), (2, 24)]


async def test_a_taken_instructor_moves_the_meetings_on(database: Database) -> None:
    _, new = await two_cycles(database)
    result = await generate(database, new, on_conflict=OnConflict.MOVE_ON)
    assert (result.created, result.conflicts_total) == (4, 2)
    rows = await meetings_of(database, new)
    dates = [date(2026, 2, 3), date(2026, 2, 24), date(2026, 3, 3), date(2026, 3, 10)]
    assert [(row["number"], row["local_date"]) for row in rows] == list(enumerate(dates, 1))
    events = await database.fetch(
        "SELECT payload->>'number' AS number FROM events WHERE resource_id = ANY($1)", [row["id"] for row in rows]
    )
    assert sorted(event["number"] for event in events) == ["1", "2", "3", "4"]


async def test_a_taken_instructor_fails_the_job_with_the_dates_and_nothing_created(database: Database) -> None:
    _, new = await two_cycles(database)
    with pytest.raises(Conflict, match=r"Chess, 2026-02-10 17:00; Chess, 2026-02-17 17:00"):
        await generate(database, new, on_conflict=OnConflict.FAIL)
    assert await meetings_of(database, new) == []


async def test_the_log_tells_of_each_cycle_what_was_left_out_also_when_nothing_is_created(database: Database) -> None:
    said: list[tuple[str, LogLevel, dict[str, Any]]] = []

    def log(message: str, /, level: LogLevel = LogLevel.INFO, **fields: Any) -> None:
        said.append((message, level, fields))

    _, new = await two_cycles(database)
    away = await a_cycle(database, pattern=weekly(2), start_date=date(2026, 3, 25), total_meetings=3)
    over = await a_cycle(database, status="completed")
    with pytest.raises(Conflict):
        await generate(database, away, over, new, on_conflict=OnConflict.FAIL, log=log)
    assert said == [
        ("A cycle was left out.", LogLevel.INFO, {"cycleId": over.id, "reason": "the cycle is completed"}),
        (
            "Dates were left out.", LogLevel.INFO,
            {"cycleId": away.id, "total": 1, "dates": {"2026-04-08": "public holiday: Seventh day of Pesach"}},
        ),
        (
            "The instructor is taken.", LogLevel.WARNING,
            {"cycleId": new.id, "total": 2, "startsAt": ["2026-02-10T16:00:00+00:00", "2026-02-17T16:00:00+00:00"]},
        ),
    ]  # fmt: skip


async def test_an_instructor_who_is_always_taken_ends_the_search(database: Database) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(session, pattern=weekly(1), total_meetings=1)
        for_ever = await make_cycle(session, instructor_id=cycle.instructor_id)
        start = datetime(2026, 1, 1, tzinfo=UTC)
        await make_meeting(session, for_ever, starts_at=start, ends_at=start + timedelta(days=9999))
    result = await generate(database, cycle, on_conflict=OnConflict.MOVE_ON)
    assert (result.created, result.conflicts_total) == (0, 100)


async def test_one_list_may_hold_cycles_that_want_the_same_hour(database: Database) -> None:
    async with database.transaction() as session:
        first = await make_cycle(session, pattern=weekly(1), total_meetings=3)
        second = await make_cycle(session, pattern=weekly(1), total_meetings=3, instructor_id=first.instructor_id)
    result = await generate(database, second, first)
    assert (result.created, result.conflicts_total) == (3, 3)


async def test_generations_of_one_cycle_at_the_same_time_create_each_meeting_once(database: Database) -> None:
    cycle = await a_cycle(database)
    results = await asyncio.gather(*(generate(database, cycle) for _ in range(4)))
    assert sorted(result.created for result in results) == [0, 0, 0, 12]
    assert [row["number"] for row in await meetings_of(database, cycle)] == list(range(1, 13))


async def test_generations_for_one_instructor_at_the_same_time_do_not_block_each_other_for_ever(
    database: Database,
) -> None:
    async with database.transaction() as session:
        instructor = await make_instructor(session)
        cycles = [await make_cycle(session, instructor_id=instructor.id) for _ in range(4)]
    results = await asyncio.gather(*(generate(database, cycle) for cycle in cycles))
    assert sorted(result.created for result in results) == [0, 0, 0, 12]


@pytest.mark.usefixtures("workers")
async def test_a_job_generates_the_meetings_of_a_list(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        ids = [str((await make_cycle(session)).id) for _ in range(3)]
    job = await client.expect(202, "POST", "/cycles/generate-meetings", json={"cycleIds": ids})
    done = await client.finish(job["id"])
    assert (done["status"], done["result"]["created"]) == ("succeeded", 36)
    assert done["progress"] == {"current": 3, "total": 3, "message": "36 meetings created"}
    again = await client.expect(202, "POST", f"/cycles/{ids[0]}/generate-meetings")
    assert (await client.finish(again["id"]))["result"]["created"] == 0
    events = await database.fetch("SELECT count(*) AS n FROM events WHERE type = 'meeting.scheduled'")
    assert events[0]["n"] == 36


@pytest.mark.usefixtures("workers")
async def test_an_unknown_calendar_fails_the_job_with_its_country(client: ApiClient, database: Database) -> None:
    cycle = await a_cycle(database, country="XX")
    job = await client.expect(202, "POST", f"/cycles/{cycle.id}/generate-meetings", json={"onConflict": "fail"})
    done = await client.finish(job["id"])
    assert (done["status"], done["attempt"], done["error"]["code"]) == ("failed", 1, "UNPROCESSABLE")
    assert "XX" in done["error"]["message"]


async def test_unknown_cycles_are_named_by_their_place(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(session)
    ids = [str(cycle.id), str(UUID(int=1)), str(UUID(int=2))]
    problem = await client.expect(400, "POST", "/cycles/generate-meetings", json={"cycleIds": ids})
    assert [fault["field"] for fault in problem["errors"]] == ["cycleIds[1]", "cycleIds[2]"]
