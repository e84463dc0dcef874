"""What is for later, and whose time has come."""

import pytest

from models.jobs.dispatching import become_due
from models.jobs.dispatching_queries import MOST_LINES
from models.kernel.session import Database
from scheduler.due import move_due

PLANT = """
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts)
SELECT gen_random_uuid(), 'probe.echo', 'default', '{}', 'scheduled', 5, replace($1, '#', lpad(n::text, 9, '0')),
       clock_timestamp() - $3::float8 * interval '1 second', 1
FROM generate_series(1, $2::int) AS n
"""
OWNERS = "SELECT DISTINCT owner FROM jobs WHERE status = 'queued' ORDER BY owner"


async def owners_queued(database: Database) -> list[str]:
    return [row["owner"] for row in await database.fetch(OWNERS)]


@pytest.mark.parametrize("other", ["a", "z"])
async def test_one_who_has_thousands_for_noon_does_not_delay_who_has_one_a_moment_later(
    quiet_database: Database, other: str
) -> None:
    await quiet_database.execute(PLANT, "crowd", 3000, 3600)
    await quiet_database.execute(PLANT, other, 1, 1)
    await quiet_database.execute(PLANT, "early", 50, -3600)
    due = await become_due(quiet_database, limit=100)
    assert (due.more, due.jobs <= 200) == (True, True)
    assert await owners_queued(quiet_database) == sorted(["crowd", other])


async def test_owners_beyond_those_looked_at_in_one_call_are_in_the_next(quiet_database: Database) -> None:
    await quiet_database.execute(PLANT, "crowd", 300, 3600)
    await quiet_database.execute(PLANT, "other:#", MOST_LINES - 1, -3600)
    await quiet_database.execute(PLANT, "visitor", 1, 1)
    first = await become_due(quiet_database, limit=100)
    assert (first.behind, await owners_queued(quiet_database)) == (f"other:{MOST_LINES - 1:09}", ["crowd"])
    second = await become_due(quiet_database, first.behind, limit=100)
    assert (second.behind, await owners_queued(quiet_database)) == ("", ["crowd", "visitor"])


async def test_where_all_that_is_due_fits_no_owner_is_looked_for(quiet_database: Database) -> None:
    await quiet_database.execute(PLANT, "other:#", MOST_LINES, -3600)
    await quiet_database.execute(PLANT, "visitor", 1, 1)
    due = await become_due(quiet_database)
    assert (due.jobs, due.more, due.behind) == (1, False, "")


async def test_all_that_is_due_is_moved_at_one_look_however_much_it_is(quiet_database: Database) -> None:
    await quiet_database.execute(PLANT, "crowd", 2500, 3600)
    await quiet_database.execute(PLANT, "early", 1, -3600)
    assert sum([chunk async for chunk in move_due(quiet_database)]) == 2500
    assert await owners_queued(quiet_database) == ["crowd"]
    assert [chunk async for chunk in move_due(quiet_database)] == []
