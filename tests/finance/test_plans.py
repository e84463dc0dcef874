"""How PostgreSQL goes about the money of many meetings, whatever it believes of how many they are."""

import json
from typing import Any

from models.finance.queries import PRICE
from models.kernel.ids import new_id
from models.kernel.session import Database


def ways_to(cte: str, plan: dict[str, Any], way: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The nodes between the top of the plan and each look at the common table expression."""
    below = [each for child in plan.get("Plans", ()) for each in ways_to(cte, child, (*way, plan["Node Type"]))]
    return [way, *below] if plan.get("CTE Name") == cte else below


async def test_what_was_written_is_joined_with_nothing(quiet_database: Database) -> None:
    """Of the plan that is kept for all arguments, in which ten cycles have few meetings, a join would compare each of
    ten thousand rows with ten thousand."""
    asked = ([new_id()], None, None, None, "{}", "{}")
    rows = await quiet_database.fetch(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {PRICE}", *asked)
    ways = ways_to("written", json.loads(rows[0]["QUERY PLAN"])[0]["Plan"])
    assert ways
    assert not [node for way in ways for node in way if "Join" in node or "Loop" in node]
