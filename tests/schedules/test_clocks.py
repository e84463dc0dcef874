"""It is PostgreSQL's clock that schedules go by: those of the machines around it may be wrong."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from api.schedules.schemas import ScheduleIn
from models.kernel.actor import SYSTEM
from models.kernel.clock import utc_now
from models.kernel.session import Database
from models.schedules.service import create_schedule, fire_times, pause_schedule, resume_schedule, run_now
from models.schedules.tables import Schedule
from scheduler.cron import fire_schedules
from tests.support.schedules import plant

AHEAD = timedelta(hours=1)
SOON = "SELECT clock_timestamp() + interval '5 minutes' AS soon"
START_WITHIN = "SELECT start_by - created_at AS within FROM jobs"


class DatetimeAhead:
    """In the place of `datetime` where the program reads this machine's clock."""

    @staticmethod
    def now(tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + AHEAD


@pytest.fixture(autouse=True)
def machine_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.kernel.clock.datetime", DatetimeAhead)
    assert utc_now() - datetime.now(UTC) > AHEAD / 2


async def soon(database: Database) -> datetime:
    at: datetime = (await database.fetch(SOON))[0]["soon"]
    return at


async def test_a_scheduler_whose_clock_is_ahead_fires_nothing_early(quiet_database: Database) -> None:
    await plant(quiet_database, cron="* * * * *", next_fire_at=await soon(quiet_database))
    assert await fire_schedules(quiet_database) == 0
    due = (await soon(quiet_database)) - timedelta(minutes=6)
    await plant(quiet_database, cron="* * * * *", next_fire_at=due.replace(second=0, microsecond=0))
    assert await fire_schedules(quiet_database) > 0


async def test_by_when_a_job_of_a_schedule_must_start_is_counted_by_the_clock_that_judges_it(
    quiet_database: Database,
) -> None:
    start = (await soon(quiet_database)).replace(second=0, microsecond=0) - timedelta(minutes=6)
    await plant(quiet_database, cron="* * * * *", next_fire_at=start, start_within_seconds=60)
    assert await fire_schedules(quiet_database) > 0
    async with quiet_database.transaction() as session:
        (schedule,) = [await session.get_one(Schedule, row["id"]) for row in await _schedules(quiet_database)]
        await run_now(session, SYSTEM, schedule)
    rows = await quiet_database.fetch(START_WITHIN)
    assert all(row["within"] < timedelta(minutes=2) for row in rows)
    assert len(rows) > 1


async def test_the_next_fire_of_a_schedule_is_next_by_postgresqls_clock(quiet_database: Database) -> None:
    data = ScheduleIn(name="x", kind="probe.echo", payload={"text": "x"}, cron="* * * * *")
    async with quiet_database.transaction() as session:
        schedule = await create_schedule(session, SYSTEM, data)
        found = [schedule.next_fire_at, (await fire_times(session, schedule, 1))[0]]
        paused = (await pause_schedule(session, schedule)).paused_at
        found += [paused, (await resume_schedule(session, schedule)).next_fire_at]
    latest = await soon(quiet_database)
    assert all(at is not None and at < latest for at in found)


async def _schedules(database: Database) -> Any:
    return await database.fetch("SELECT id FROM schedules")
