"""Events → one delivery and one job per endpoint that asked for them. Run by the scheduler."""

from models.events.service import publish
from models.kernel.actor import SYSTEM
from models.kernel.logs import get_logger
from models.kernel.session import Database, fetch
from models.webhooks import queries
from models.webhooks.deliveries import Planned, plan_deliveries
from models.webhooks.events import WEBHOOK_TEST

BATCH = 1000
MOST_DELIVERIES = 20_000
A_WHILE = 10
log = get_logger(__name__)


class FanOut:
    """Takes half as many events at once when they took too long together, and as many again after a while without."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._parts = 1
        self._passed = 0

    async def step(self) -> int:
        """Return how many events there were. Raises TimeoutError when they were too many."""
        try:
            events = await fan_out(self._database, self._parts)
        except TimeoutError:
            self._parts, self._passed = min(self._parts * 2, BATCH), 0
            log.warning("fan_out_too_slow", parts=self._parts)
            raise
        self._passed += bool(events)
        if self._passed == A_WHILE:
            self._parts, self._passed = max(self._parts // 2, 1), 0
        return events


async def fan_out(database: Database, parts: int = 1) -> int:
    """Publish new events in order with their deliveries, in one transaction, and return how many events there were:
    as many as are done in a few seconds with all endpoints, or that part of it.

    Any number may run at once: who comes second finds nothing to do.
    """
    async with database.transaction() as session:
        endpoints = (await fetch(session, queries.COUNT_ACTIVE))[0]["endpoints"]
        most = min(BATCH, MOST_DELIVERIES // max(endpoints, 1))
        events = await publish(session, max(most // parts, 1))
        if events:
            rows = await fetch(session, queries.MATCH, [event.id for event in events], WEBHOOK_TEST.name)
            planned = [Planned(row["endpoint_id"], row["event_id"], row["event_type"], row["nth"]) for row in rows]
            await plan_deliveries(session, SYSTEM, planned)
    return len(events)
