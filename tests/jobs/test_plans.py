"""What is looked at again and again costs by what it finds, and not by what there is."""

from typing import Any

import pytest

from models.jobs import (
    batch_queries,
    dispatching_queries,
    queries,
    rescuing_queries,
    statistics_queries,
    waiting_queries,
)
from models.kernel.ids import new_id
from models.kernel.session import Database

BOUNDED: list[tuple[str, str, tuple[Any, ...], str]] = [
    ("due", dispatching_queries.BECOME_DUE, (1000,), "run_at"),
    ("late", waiting_queries.LATE_ONES, (500,), "start_by"),
    ("lost", rescuing_queries.RESCUE, ("{}", None), "lease_until"),
    ("pace of kinds", dispatching_queries.RECENT_RUNS, (), "finished_at"),
    ("pace of a queue", statistics_queries.QUEUE_AHEAD, ("default",), "finished_at"),
    ("signs of workers", queries.EXPLAIN, (new_id(),), "finished_at"),
    ("old", batch_queries.PRUNE, (30, 90, 1000), "finished_at"),
]


@pytest.mark.parametrize(
    ("statement", "args", "column"), [each[1:] for each in BOUNDED], ids=[each[0] for each in BOUNDED]
)
async def test_a_time_is_a_bound_in_the_index(
    quiet_database: Database, statement: str, args: tuple[Any, ...], column: str
) -> None:
    """PostgreSQL compares every row with a `clock_timestamp()`, and begins where `statement_timestamp()` is."""
    plan = [row["QUERY PLAN"] for row in await quiet_database.fetch(f"EXPLAIN {statement}", *args)]
    bounds = [line for line in plan if "Index Cond" in line and column in line]
    assert bounds, "\n".join(plan)
