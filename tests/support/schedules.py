"""Schedules as rows, and a scheduler's look at them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from models.kernel.actor import SYSTEM
from models.kernel.ids import new_id
from models.kernel.session import Database, Row
from models.schedules.rules import CatchUp
from models.schedules.tables import Schedule
from scheduler.cron import fire_schedules
from tests.support.client import ApiClient

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROW = {
    "name": "hourly", "kind": "probe.echo", "payload": {"text": "tick"}, "priority": 5, "cron": "0 * * * *",
    "timezone": "UTC", "catch_up": CatchUp.ALL, "owner": SYSTEM.name, "next_fire_at": NOON,
}  # fmt: skip


async def plant(database: Database, **values: Any) -> UUID:
    """A schedule as it may lie in the table, whatever the API would say to it: due at NOON, each hour."""
    schedule = Schedule(**{**ROW, "id": new_id(), **values})
    async with database.transaction() as session:
        session.add(schedule)
    return schedule.id


async def fire(database: Database, now: datetime = NOON) -> int:
    return await fire_schedules(database, now)


async def fire_over_http(client: ApiClient, database: Database, id_: str) -> Any:
    """The answer about a schedule of the API that was due at NOON, after a scheduler's look.

    For a database that no other scheduler looks at: one that does would fire for its own time, not for NOON.
    """
    sql = "UPDATE schedules SET cron = '0 * * * *', next_fire_at = $1 WHERE id = $2"
    await database.execute(sql, NOON, UUID(id_))
    await fire(database, NOON)
    return await client.expect(200, "GET", f"/schedules/{id_}")


async def read(database: Database, id_: UUID) -> Row:
    return (await database.fetch("SELECT * FROM schedules WHERE id = $1", id_))[0]


async def fires_of(database: Database, id_: UUID) -> list[datetime]:
    rows = await database.fetch("SELECT fire_at FROM jobs WHERE schedule_id = $1 ORDER BY fire_at", id_)
    return [row["fire_at"] for row in rows]
