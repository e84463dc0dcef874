"""Due jobs → broker, so many at a time that the broker's queues stay short."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby

from models.jobs.admission import Candidate, Window
from models.jobs.kinds import all_kinds, kind_named
from models.jobs.lifecycle import (
    become_due,
    count_published,
    take_due,
    unpublish,
    unpublish_overdue,
    waiting_queues,
)
from models.jobs.rules import Queue
from models.kernel.logs import get_logger
from models.kernel.session import Database
from models.kernel.settings import Settings
from scheduler.broker import Broker, Message

log = get_logger(__name__)
Windows = defaultdict[Queue, Window]


def new_windows() -> Windows:
    return defaultdict(Window)


async def dispatch(database: Database, broker: Broker, settings: Settings, windows: Windows | None = None) -> int:
    """Give the broker what waits and has room, owner by owner in turn, and return how many jobs that was.

    `windows` remembers from call to call how much each queue can take. What a crash or the broker swallows between
    marking and sending is found by `redeliver`.
    """
    windows = windows if windows is not None else new_windows()
    moved = await become_due(database)
    for queue in await waiting_queues(database):
        try:
            depth = await broker.depth(queue.value)
        except Exception as error:
            log.warning("broker_away", queue=queue, error=repr(error))
            return moved
        jobs = await _take(database, queue, depth, windows[queue], settings.dispatch_window)
        moved += await _send(database, broker, queue, jobs)
    return moved


async def _take(database: Database, queue: Queue, depth: int, window: Window, most: int) -> Sequence[Candidate]:
    now = asyncio.get_running_loop().time()
    room = window.room(depth, now, most) * largest_batch(queue)
    if not room:
        return []
    async with database.transaction() as session:
        jobs = await take_due(session, queue, most, room)
    if jobs:  # else another dispatcher is at this queue, or nothing may go now
        window.sent(len(jobs) >= room, now)
    return jobs


async def _send(database: Database, broker: Broker, queue: Queue, jobs: Sequence[Candidate]) -> int:
    if not jobs:
        return 0
    try:
        await broker.publish(messages_for(queue, jobs))
    except Exception as error:
        log.warning("broker_away", queue=queue, jobs=len(jobs), error=repr(error))
        await unpublish(database, [job.id for job in jobs])
        return 0
    return len(jobs)


async def redeliver(database: Database, broker: Broker, settings: Settings) -> int:
    """Send again what the broker was given and has lost (a flush, a restart without its data, a worker's death).

    A published job that nobody claimed for a while is lost when its queue holds fewer messages than there are published
    jobs; as many as are missing are sent again, so that one swallowed message is found behind a long queue, and a long
    queue is not doubled for it. Sending one twice does no harm: a claim succeeds once.
    """
    lost = 0
    for queue in Queue:
        published, overdue = await count_published(database, queue, settings.job_redeliver_seconds)
        if not overdue:
            continue
        missing = published - await broker.depth(queue.value) * largest_batch(queue)
        if missing > 0:
            lost += await unpublish_overdue(database, queue, settings.job_redeliver_seconds, missing)
    if lost:
        log.warning("redelivering", jobs=lost)
    return lost


def messages_for(queue: Queue, jobs: Sequence[Candidate]) -> list[Message]:
    """One message per job, and one for up to `batch_size` neighbours of a kind that is taken in batches."""
    messages = []
    for name, group in groupby(jobs, key=lambda job: job.kind):
        ids, size = [job.id for job in group], kind_named(name).batch_size
        messages += [Message(name, queue.value, ids[at : at + size]) for at in range(0, len(ids), size)]
    return messages


def largest_batch(queue: Queue) -> int:
    return max((kind.batch_size for kind in all_kinds() if kind.queue == queue), default=1)
