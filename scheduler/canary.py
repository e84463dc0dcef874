"""Canaries into every idle queue: a worker that takes one shows that it serves the queue."""

from models.jobs.liveness import count_workers
from models.jobs.rules import Queue
from models.kernel.ids import new_id
from models.kernel.session import Database
from scheduler.broker import Broker, Message

CANARY = "bellwork.canary"


async def send_canaries(database: Database, broker: Broker) -> int:
    """Return how many were sent: one for each worker of a queue that was seen lately, for the broker hands them out in
    turn, and one for a newcomer. A queue that holds messages needs none: taking those shows the same."""
    workers = await count_workers(database)
    idle = [queue.value for queue in Queue if await broker.depth(queue.value) == 0]
    canaries = [Message(CANARY, queue, [new_id()]) for queue in idle for _ in range(workers.get(queue, 0) + 1)]
    await broker.publish(canaries)
    return len(canaries)
