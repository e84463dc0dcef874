"""Events that nobody may ask for any more → gone, with their deliveries. Run by the scheduler."""

from models.kernel.session import Connection, fetch
from models.webhooks import queries

EVENTS_AT_ONCE, DELIVERIES_AT_ONCE = 500, 20_000


async def forget_events(on: Connection, keep_days: int, limit: int = EVENTS_AT_ONCE) -> int:
    """Forget a chunk of the oldest; gives how many."""
    rows = await fetch(on, queries.FORGET_EVENTS, keep_days, limit, DELIVERIES_AT_ONCE)
    events: int = rows[0]["events"]
    return events
