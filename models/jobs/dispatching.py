"""The way of a job from its queue to the broker: due, admitted, marked as sent, and found again when it was lost."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from models.jobs import dispatching_queries as queries
from models.jobs.admission import FIRST_LINE, Bundle, Candidate, Line, Rota, admit, bundle, bundle_size
from models.jobs.kinds import all_kinds
from models.jobs.limits import Limits, Places, Usage, Use
from models.jobs.rules import Queue
from models.kernel.session import Connection, fetch


class BecameDue(msgspec.Struct, frozen=True):
    """How many jobs, whether there are more, and behind which owner to go on."""

    jobs: int
    more: bool
    behind: str


async def become_due(on: Connection, behind: str = "", limit: int = 1000) -> BecameDue:
    """Jobs for later, and between attempts, whose time has come wait in their queue from now on: a chunk of them."""
    return BecameDue(**(await fetch(on, queries.BECOME_DUE, limit, behind))[0])


async def waiting_queues(on: Connection) -> dict[Queue, bool]:
    """Queues with jobs to send, and whether anything that was sent to them is still unclaimed."""
    rows = await fetch(on, queries.WAITING_QUEUES, [queue.value for queue in Queue])
    return {Queue(row["queue"]): row["has_sent"] for row in rows}


class Taken(msgspec.Struct, frozen=True):
    """What to send, in how many seconds a rate that keeps jobs waiting has room again (None: no rate does), and whether
    there are lines of jobs that were not looked at this time."""

    bundles: list[Bundle]
    opens_in: float | None = None
    more: bool = False


async def take_due(
    on: Connection,
    queue: Queue,
    window: int,
    messages: int | None = None,
    sizes: Mapping[str, int] | None = None,
    rota: Rota | None = None,
) -> Taken:
    """Mark what is let onto the broker as published, and give it in the order to send it.

    `window` is how many jobs may be on the broker at once, `messages` how many may be sent now, `sizes` how many jobs
    of a kind share one; `rota` remembers from call to call who was served, and how far it was looked. Nothing while
    another dispatcher is at this queue. To be called in a transaction.
    """
    if not (await fetch(on, queries.TRY_DISPATCHING, queue.value))[0]["mine"]:
        return Taken([])
    sizes, rota = sizes or {}, rota or Rota()
    turns = {row["owner"]: row["published"] for row in await fetch(on, queries.PUBLISHED_BY_OWNER, queue.value)}
    places = window - sum(turns.values())
    if messages is not None:
        places = min(places, messages * max(sizes.values(), default=1))
    if places <= 0:
        return Taken([])
    limits = {kind.name: kind.limits for kind in all_kinds() if kind.queue == queue and kind.limits}
    room = Places(limits, await read_usage(on, queue, limits))
    candidates, more = await _candidates(on, queue, places, room, rota)
    admitted = admit(candidates, places, turns_taken=turns, room=room, rota=rota)
    bundles = bundle(admitted, sizes, messages if messages is not None else len(admitted))
    sent = {id_ for each in bundles for id_ in each.ids}
    await _mark(on, bundles)
    for candidate in admitted:
        if candidate.id in sent:
            rota.note(candidate.owner)
    return Taken(bundles, room.open_in(), more)


async def _candidates(
    on: Connection, queue: Queue, places: int, room: Places, rota: Rota
) -> tuple[list[Candidate], bool]:
    """The first of the lines that are next, and whether there may be more.

    Where there are too many lines to look at once, the first few of each owner are looked at besides: one who has
    thousands of them must not keep others from being seen.
    """
    full_keys = [f"{kind} {key}" for kind, key in room.full_keys()]
    known = [kind.name for kind in all_kinds()]

    async def walk(behind: Line, most_of_an_owner: int) -> tuple[dict[UUID, Candidate], Line | None]:
        rows = await fetch(
            on, queries.CANDIDATES, queue.value, places, room.full_kinds(), full_keys, known, *behind, most_of_an_owner
        )
        reached = [(row["owner"], row["kind"], row["limit_key"]) for row in rows if row["id"] is None]
        return {row["id"]: Candidate(**row) for row in rows if row["id"] is not None}, next(iter(reached), None)

    began = rota.reached
    found, reached = await walk(began, queries.MOST_LINES)
    rota.reached = reached or FIRST_LINE
    if reached or began != FIRST_LINE:
        glanced, end = await walk(rota.glanced, queries.MOST_AT_A_GLANCE)
        found |= glanced
        rota.glanced = end or FIRST_LINE
    return list(found.values()), reached is not None


async def _mark(on: Connection, bundles: Sequence[Bundle]) -> None:
    ids = [id_ for each in bundles for id_ in each.ids]
    messages = [each.ids[0] for each in bundles for _ in each.ids]
    await fetch(on, queries.PUBLISH, ids, messages)


async def list_paused(on: Connection) -> list[str]:
    return [row["kind"] for row in await fetch(on, queries.PAUSED)]


async def read_usage(on: Connection, queue: str, limits: Mapping[str, Limits]) -> Usage:
    """What is taken of the kinds, by limit key; nothing of those that have no limits."""
    if not limits:
        return {}
    rates, key_rates = zip(*(each.windows for each in limits.values()), strict=True)
    rows = await fetch(on, queries.USAGE, queue, list(limits), rates, key_rates)
    return {(row["kind"], row["limit_key"]): Use(**{name: row[name] for name in Use.__struct_fields__}) for row in rows}


async def forget_starts(on: Connection, limit: int = 10_000) -> int:
    """Delete a chunk of the starts that no rate counts any more; gives how many."""
    rates = {kind.name: max(kind.limits.windows) for kind in all_kinds() if kind.limits.has_rates}
    return len(await fetch(on, queries.FORGET_STARTS, list(rates), list(rates.values()), limit))


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
