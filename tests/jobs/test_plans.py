"""What is looked at again and again costs by what it finds, and not by what there is."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models.jobs import (
    batch_queries,
    cancelling_queries,
    dispatching_queries,
    queries,
    statistics_queries,
    waiting_queries,
)
from models.kernel.ids import new_id
from models.kernel.session import Database
from tests.support.plans import rows_read

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
BOUNDED: list[tuple[str, str, tuple[Any, ...], str]] = [
    ("due", dispatching_queries.BECOME_DUE, (1000, ""), "run_at"),
    ("late", waiting_queries.LATE_ONES, (500,), "start_by"),
    ("pace of kinds", dispatching_queries.RECENT_RUNS, (), "finished_at"),
    ("pace of a queue", statistics_queries.QUEUE_AHEAD, ("default",), "finished_at"),
    ("signs of workers", queries.EXPLAIN, (new_id(),), "finished_at"),
    ("ended attempts", statistics_queries.ADD_TO_ATTEMPT_COUNTS, (NOON, NOON), "finished_at"),
    ("old", batch_queries.PRUNE, (30, 90, 1000, datetime(1970, 1, 1, tzinfo=UTC)), "finished_at"),
]


UNSAID = (None,) * 4
WAITING = ["scheduled", "queued", "retrying"]
OF_WHAT_IS_UNDER_WAY = {
    "to be cancelled of a kind": (cancelling_queries.SOME, ("probe.echo", WAITING, None, None, None, *UNSAID, NOON, 9)),
    "to be cancelled of an owner": (cancelling_queries.SOME, (None, WAITING, None, None, "system", *UNSAID, NOON, 9)),
    "jobs ahead": (statistics_queries.QUEUE_AHEAD, ("default",)),
    "how queues are": (statistics_queries.QUEUE_HEALTH, (["probe.echo"], [])),
    "counts by state": (statistics_queries.COUNTS, ()),
    "backlog of owners": (statistics_queries.OWNER_BACKLOG, ()),
}


@pytest.fixture
async def many_ended(quiet_database: Database) -> Database:
    await quiet_database.execute(
        """INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, finished_at)
           SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'probe.echo', 'default', '{}',
                  'succeeded', 5, 'system', now(), 1, now() - interval '1 day'
           FROM generate_series(1, 5000) AS n"""
    )
    await quiet_database.execute(
        """INSERT INTO job_attempts (job_id, attempt, worker, started_at, finished_at, outcome)
           SELECT id, 1, 'w', finished_at, finished_at, 'succeeded' FROM jobs"""
    )
    await quiet_database.execute("VACUUM ANALYZE jobs")
    await quiet_database.execute("VACUUM ANALYZE job_attempts")
    return quiet_database


@pytest.mark.parametrize("name", OF_WHAT_IS_UNDER_WAY)
async def test_what_has_ended_is_not_looked_at_for_what_is_under_way(many_ended: Database, name: str) -> None:
    statement, args = OF_WHAT_IS_UNDER_WAY[name]
    rows = await many_ended.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *args)
    assert rows_read(rows[0]["QUERY PLAN"]) < 1000, rows[0]["QUERY PLAN"]


async def test_the_pace_of_a_rare_kind_is_not_sought_among_all_jobs(many_ended: Database) -> None:
    """By the plan that is kept for all kinds, as the pool has it."""
    async with many_ended.statements() as transaction:
        await transaction.fetch(f"PREPARE pace (text) AS {statistics_queries.PACE}")
        rows = await transaction.fetch("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE pace ('a.rare_kind')")
        await transaction.fetch("DEALLOCATE pace")
    assert rows_read(rows[0]["QUERY PLAN"]) <= 2000, rows[0]["QUERY PLAN"]


@pytest.mark.parametrize(
    ("statement", "args", "column"), [each[1:] for each in BOUNDED], ids=[each[0] for each in BOUNDED]
)
async def test_a_time_is_a_bound_in_the_index(
    many_ended: Database, statement: str, args: tuple[Any, ...], column: str
) -> None:
    """PostgreSQL compares every row with a `clock_timestamp()`, and begins where `statement_timestamp()` is."""
    plan = [row["QUERY PLAN"] for row in await many_ended.fetch(f"EXPLAIN {statement}", *args)]
    bounds = [line for line in plan if "Index Cond" in line and column in line]
    assert bounds, "\n".join(plan)
