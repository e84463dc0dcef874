"""The way of a job from its queue to the broker: due, admitted, marked as sent, and found again when it was lost."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from models.jobs import dispatching_queries as queries
from models.jobs.admission import Bundle, Candidate, InFlight, admit, bundle, bundle_size, saturated
from models.jobs.kinds import all_kinds
from models.jobs.rules import Queue
from models.kernel.session import Connection, fetch


async def become_due(on: Connection, limit: int = 1000) -> int:
    """Jobs for later, and between attempts, whose time has come wait in their queue from now on."""
    return len(await fetch(on, queries.BECOME_DUE, limit))


async def waiting_queues(on: Connection) -> dict[Queue, bool]:
    """Queues with jobs to send, and whether anything that was sent to them is still unclaimed."""
    rows = await fetch(on, queries.WAITING_QUEUES, [queue.value for queue in Queue])
    return {Queue(row["queue"]): row["has_sent"] for row in rows}


async def take_due(
    on: Connection, queue: Queue, window: int, messages: int | None = None, sizes: Mapping[str, int] | None = None
) -> list[Bundle]:
    """Mark what is let onto the broker as published, and give it in the order to send it.

    `window` is how many jobs may be on the broker at once, `messages` how many may be sent now, `sizes` how many jobs
    of a kind share one. Nothing while another dispatcher is at this queue. To be called in a transaction.
    """
    if not (await fetch(on, queries.TRY_DISPATCHING, queue.value))[0]["mine"]:
        return []
    sizes = sizes or {}
    turns = {row["owner"]: row["published"] for row in await fetch(on, queries.PUBLISHED_BY_OWNER, queue.value)}
    places = window - sum(turns.values())
    if messages is not None:
        places = min(places, messages * max(sizes.values(), default=1))
    if places <= 0:
        return []
    admitted = await _admit(on, queue, places, turns)
    bundles = bundle(admitted, sizes, messages if messages is not None else len(admitted))
    await _mark(on, bundles)
    return bundles


async def _admit(on: Connection, queue: Queue, places: int, turns: Mapping[str, int]) -> list[Candidate]:
    kinds = list(all_kinds())
    limits = {kind.name: kind.limits for kind in kinds if kind.limits and kind.queue == queue}
    in_flight = await _count_in_flight(on, queue, list(limits))
    full_kinds, full_keys = saturated(limits, in_flight)
    known = [kind.name for kind in kinds]
    rows = await fetch(on, queries.CANDIDATES, queue.value, places, full_kinds, full_keys, known)
    return admit([Candidate(**row) for row in rows], places, turns_taken=turns, limits=limits, in_flight=in_flight)


async def _mark(on: Connection, bundles: Sequence[Bundle]) -> None:
    ids = [id_ for each in bundles for id_ in each.ids]
    messages = [each.ids[0] for each in bundles for _ in each.ids]
    await fetch(on, queries.PUBLISH, ids, messages)


async def list_paused(on: Connection) -> list[str]:
    return [row["kind"] for row in await fetch(on, queries.PAUSED)]


async def _count_in_flight(on: Connection, queue: Queue, kinds: list[str]) -> InFlight:
    if not kinds:
        return {}
    rows = await fetch(on, queries.IN_FLIGHT, queue.value, kinds)
    return {(row["kind"], row["limit_key"]): row["jobs"] for row in rows}


async def message_sizes(on: Connection) -> dict[str, int]:
    """How many jobs of a kind share a message: a batch of the kind, or several if they are done in a moment, by the
    work of its last jobs. Kinds that are not taken in batches and did not run lately are not named."""
    sizes = {kind.name: kind.batch_size for kind in all_kinds() if kind.batch_size > 1}
    for row in await fetch(on, queries.RECENT_RUNS):
        sizes[row["kind"]] = bundle_size(row["seconds"], sizes.get(row["kind"], 1))
    return sizes


async def unpublish(on: Connection, ids: Sequence[UUID]) -> None:
    """The broker did not take them, or a worker had no time for them: they are due again."""
    await fetch(on, queries.UNPUBLISH, list(ids))


async def count_published(on: Connection, queue: Queue, older_than_seconds: float) -> tuple[int, int]:
    """How many messages the broker was given of which a job is unclaimed, and how many such jobs are that old."""
    row = (await fetch(on, queries.PUBLISHED_COUNT, queue.value, older_than_seconds))[0]
    return row["messages"], row["overdue"]


async def unpublish_overdue(on: Connection, queue: Queue, older_than_seconds: float, messages: int) -> int:
    """The jobs of the messages sent first, because a queue hands out its oldest first; gives how many jobs."""
    return len(await fetch(on, queries.UNPUBLISH_OVERDUE, queue.value, older_than_seconds, messages))
