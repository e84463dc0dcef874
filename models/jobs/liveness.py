"""Who is alive: workers that take something from their queues, or are busy with it, and schedulers that look at what
waits. A process that is up and does neither is not."""

from collections.abc import Collection

from models.jobs import liveness_queries as queries
from models.kernel.session import Connection, fetch


async def see_worker(on: Connection, queues: Collection[str], worker: str) -> None:
    """A worker has taken something from the queues, or is busy with what it took."""
    await fetch(on, queries.SEE_WORKER, sorted(queues), worker)


async def see_scheduler(on: Connection, scheduler: str, *, broker_away: bool) -> None:
    """A scheduler has looked at what waits."""
    await fetch(on, queries.SEE_SCHEDULER, scheduler, broker_away)


async def count_workers(on: Connection) -> dict[str, int]:
    """How many workers each queue has that were seen within the last minute; a queue without any is left out."""
    return {row["queue"]: row["workers"] for row in await fetch(on, queries.WORKERS)}


async def forget_silent(on: Connection) -> int:
    """Those who were not seen for a day; gives how many."""
    return len(await fetch(on, queries.FORGET))
