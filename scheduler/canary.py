"""A canary into every idle queue: whoever takes it shows that the queue is served."""

from models.jobs.rules import Queue
from models.kernel.ids import new_id
from scheduler.broker import Broker, Message

CANARY = "bellwork.canary"


async def send_canaries(broker: Broker) -> int:
    """Return how many were sent. A queue that holds messages needs none: taking those shows the same."""
    idle = [queue for queue in Queue if await broker.depth(queue.value) == 0]
    await broker.publish([Message(CANARY, queue.value, [new_id()]) for queue in idle])
    return len(idle)
