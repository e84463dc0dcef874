"""Events → one delivery and one job per endpoint that asked for them. Run by the scheduler."""

from models.events.service import publish
from models.kernel.actor import SYSTEM
from models.kernel.session import Database, fetch
from models.webhooks import queries
from models.webhooks.deliveries import Planned, plan_deliveries
from models.webhooks.events import WEBHOOK_TEST

BATCH = 1000


async def fan_out(database: Database) -> int:
    """Publish new events in order with their deliveries, in one transaction, and return how many events there were.

    Any number may run at once: who comes second finds nothing to do.
    """
    async with database.transaction() as session:
        events = await publish(session, BATCH)
        if events:
            rows = await fetch(session, queries.MATCH, [event.id for event in events], WEBHOOK_TEST.name)
            planned = [Planned(row["endpoint_id"], row["event_id"], row["event_type"], row["nth"]) for row in rows]
            await plan_deliveries(session, SYSTEM, planned)
    return len(events)
