"""Schedules: made by callers, fired by the scheduler (see `firing`)."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs.kinds import kind_named
from models.jobs.records import JobRecord
from models.jobs.service import submit, unfinished_of_schedules
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.clock import database_now
from models.kernel.crud import ANY, Match
from models.kernel.errors import Conflict, Fault, Invalid, NotFound, PreconditionFailed
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.session import Connection, constraint, fetch
from models.kernel.validation import convert
from models.schedules import queries, rules
from models.schedules.firing import item_of, readable_timing, timing_of
from models.schedules.rules import Overlap
from models.schedules.tables import Schedule


class SchedulePage(Page):
    sortable = {"createdAt": Schedule.created_at, "name": Schedule.name, "nextFireAt": Schedule.next_fire_at}
    searched = (Schedule.name,)

    kind: str | None = None
    key: str | None = None
    paused: bool | None = None
    failing: bool | None = None


async def list_schedules(
    session: AsyncSession, page: SchedulePage, *, owner: str | None
) -> tuple[list[Schedule], Pagination]:
    return await paginate(session, queries.schedules(filters(page), only_owner=owner), page)


async def count_failing(on: Connection) -> int:
    """How many could not fire when they last should have."""
    failing: int = (await fetch(on, queries.COUNT_FAILING))[0]["schedules"]
    return failing


async def get_schedule(session: AsyncSession, id_: UUID, *, owner: str | None, lock: bool = False) -> Schedule:
    """Raises NotFound, also for a schedule of another owner when `owner` is given."""
    schedule = await crud.get_live(session, Schedule, id_, lock=lock)
    if owner not in (None, schedule.owner):
        raise NotFound.thing("schedule", id_)
    return schedule


async def create_schedule(
    session: AsyncSession, actor: Actor, data: msgspec.Struct, *, key: str | None = None
) -> Schedule:
    """Raises Invalid for a payload that is not the kind's, or a timing that never fires."""
    schedule, now = Schedule(**msgspec.structs.asdict(data), owner=actor.name, key=key), await database_now(session)
    if faults := [*_payload_faults(schedule), *rules.check_fires(timing_of(schedule), now)]:
        raise Invalid.of(faults)
    schedule.next_fire_at = rules.next_fire(timing_of(schedule), now)
    return await crud.add(session, schedule)


async def put_schedule(
    session: AsyncSession,
    actor: Actor,
    key: str,
    data: msgspec.Struct,
    match: Match = ANY,
    *,
    new_only: bool = False,
) -> tuple[Schedule, bool]:
    """The caller's schedule of that key as `data` says, and whether it is new. The same again changes nothing.

    Raises PreconditionFailed when another version is expected than there is, or one where there is none, or none where
    there is one (`new_only`).
    """
    schedule = await session.scalar(queries.of_key(actor.name, key))
    if schedule is None and match.exists:
        raise PreconditionFailed(f"There is no schedule of the key `{key}`, at any version.")
    if schedule is None:
        try:
            async with session.begin_nested():
                return await create_schedule(session, actor, data, key=key), True
        except IntegrityError as error:
            if constraint(error) != "uq_schedules_owner_key":
                raise
        schedule = (await session.scalars(queries.of_key(actor.name, key))).one()
    if new_only:
        raise PreconditionFailed(f"There is a schedule of the key `{key}` already, at version {schedule.version}.")
    return await update_schedule(session, schedule, data, match), False


async def update_schedule(
    session: AsyncSession, schedule: Schedule, data: msgspec.Struct, match: Match = ANY
) -> Schedule:
    """A new timing counts from now on; without one the next fire stays as it is, overdue or not.

    Raises Invalid when the schedule would no longer make sense.
    """
    before, now = timing_of(schedule), await database_now(session)

    def check(changed: Schedule) -> list[Fault]:
        timing = timing_of(changed)
        found = rules.check_fires(timing, now) if timing != before else []
        if timing != before and not found and changed.paused_at is None:
            changed.next_fire_at = rules.next_fire(timing, now)  # here, so that the row changes once
        return [*_payload_faults(changed), *rules.check_overlap(changed.catch_up, changed.overlap), *found]

    return await crud.apply(session, schedule, data, match, check=check)


async def pause_schedule(session: AsyncSession, schedule: Schedule) -> Schedule:
    schedule.paused_at, schedule.next_fire_at = schedule.paused_at or await database_now(session), None
    await session.flush()
    return schedule


async def resume_schedule(session: AsyncSession, schedule: Schedule) -> Schedule:
    """Fire times that passed during the pause are not made up for; one that was not paused keeps its next one.

    Raises Unprocessable when its timing cannot be read.
    """
    if schedule.paused_at is not None:
        now = await database_now(session)
        schedule.paused_at, schedule.next_fire_at = None, rules.next_fire(readable_timing(schedule), now)
    await session.flush()
    return schedule


async def restore_schedule(session: AsyncSession, id_: UUID) -> Schedule:
    """Fire times that passed meanwhile are not made up for. Raises Unprocessable when its timing cannot be read, and
    Conflict when its owner has another of its key by now."""
    schedule = await crud.get_any(session, Schedule, id_)
    if schedule.deleted_at is not None and schedule.paused_at is None:
        schedule.next_fire_at = rules.next_fire(readable_timing(schedule), await database_now(session))
    schedule.deleted_at = None
    await session.flush()
    return schedule


async def fire_times(on: Connection, schedule: Schedule, count: int) -> list[datetime]:
    """The next ones, paused or not. Raises Unprocessable when its timing cannot be read."""
    return rules.preview(readable_timing(schedule), await database_now(on), count)


async def run_now(session: AsyncSession, actor: Actor, schedule: Schedule) -> JobRecord:
    """One job at once, for the schedule's owner, beside the planned ones.

    Raises Conflict with `job_id` when its jobs must not overlap and one is unfinished.
    """
    if schedule.overlap == Overlap.SKIP:
        unfinished = await unfinished_of_schedules(session, [schedule.id])
        if job_id := unfinished.get(schedule.id):
            raise Conflict("A job of this schedule is unfinished, and it runs one at a time.", job_id=job_id)
    item = item_of(schedule, None, await database_now(session))
    return (
        await submit(session, Actor.named(schedule.owner, actor.request_id), item.kind, item.args, item.options)
    ).job


def _payload_faults(schedule: Schedule) -> list[Fault]:
    try:
        convert(schedule.payload, kind_named(schedule.kind).args)
    except Invalid as error:
        return list(error.under("payload").errors)
    return []
