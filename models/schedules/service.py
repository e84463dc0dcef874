"""Schedules: made by callers, fired by the scheduler."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs.kinds import kind_named
from models.jobs.records import JobRecord
from models.jobs.rules import DEFAULT_PRIORITY
from models.jobs.service import JobOptions, submit
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.crud import ANY, Match
from models.kernel.errors import Fault, Invalid, NotFound
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.validation import convert
from models.schedules import queries, rules
from models.schedules.rules import CatchUp, Timing
from models.schedules.tables import Schedule

_TIMING = ("cron", "rrule", "starts_at", "timezone")


class SchedulePage(Page):
    kind: str | None = None
    paused: bool | None = None


async def list_schedules(
    session: AsyncSession, page: SchedulePage, *, owner: str | None
) -> tuple[list[Schedule], Pagination]:
    statement = queries.schedules(filters(page), only_owner=owner)
    sortable = {"createdAt": Schedule.created_at, "name": Schedule.name, "nextFireAt": Schedule.next_fire_at}
    return await paginate(session, statement, page, sortable=sortable, searched=[Schedule.name])


async def get_schedule(session: AsyncSession, id_: UUID, *, owner: str | None, lock: bool = False) -> Schedule:
    """Raises NotFound, also for a schedule of another owner when `owner` is given."""
    schedule = await crud.get_live(session, Schedule, id_, lock=lock)
    if owner not in (None, schedule.owner):
        raise NotFound.thing("schedule", id_)
    return schedule


async def create_schedule(session: AsyncSession, actor: Actor, data: msgspec.Struct) -> Schedule:
    """Raises Invalid for a payload that is not the kind's."""
    schedule = Schedule(**msgspec.structs.asdict(data), owner=actor.name)
    if faults := _faults(schedule):
        raise Invalid.of(faults)
    schedule.next_fire_at = rules.next_fire(timing_of(schedule), utc_now())
    session.add(schedule)
    await session.flush()
    return schedule


async def update_schedule(
    session: AsyncSession, schedule: Schedule, data: msgspec.Struct, match: Match = ANY
) -> Schedule:
    """A new timing counts from now on. Raises Invalid when the schedule would no longer make sense."""
    await crud.apply(session, schedule, data, match, check=_faults)
    if schedule.paused_at is None:
        schedule.next_fire_at = rules.next_fire(timing_of(schedule), utc_now())
    await session.flush()
    return schedule


async def pause_schedule(session: AsyncSession, schedule: Schedule) -> Schedule:
    schedule.paused_at, schedule.next_fire_at = schedule.paused_at or utc_now(), None
    await session.flush()
    return schedule


async def resume_schedule(session: AsyncSession, schedule: Schedule) -> Schedule:
    """Fire times that passed during the pause are not made up for."""
    schedule.paused_at, schedule.next_fire_at = None, rules.next_fire(timing_of(schedule), utc_now())
    await session.flush()
    return schedule


async def run_now(session: AsyncSession, actor: Actor, schedule: Schedule) -> JobRecord:
    """One job at once, for the one who asks, beside the planned ones."""
    return await _enqueue(session, Actor.named(schedule.owner, actor.request_id), schedule, None)


async def fire_due(session: AsyncSession, now: datetime, limit: int = 100) -> list[JobRecord]:
    """Make the jobs of schedules whose time has come; one job per schedule and fire time, whoever else is at it."""
    jobs = []
    for schedule in await session.scalars(queries.due(now, limit)):
        assert schedule.next_fire_at is not None
        due = rules.due(timing_of(schedule), CatchUp(schedule.catch_up), schedule.next_fire_at, now)
        for fire_at in due.fires:
            jobs.append(await _enqueue(session, Actor.named(schedule.owner), schedule, fire_at))
        schedule.last_fire_at = due.fires[-1] if due.fires else schedule.last_fire_at
        schedule.next_fire_at = due.next_fire_at
    await session.flush()
    return jobs


def timing_of(schedule: Schedule) -> Timing:
    return Timing(**{name: getattr(schedule, name) for name in _TIMING})


async def _enqueue(session: AsyncSession, owner: Actor, schedule: Schedule, fire_at: datetime | None) -> JobRecord:
    kind = kind_named(schedule.kind)
    args = convert(schedule.payload, kind.args)
    options = JobOptions(priority=schedule.priority or DEFAULT_PRIORITY, schedule_id=schedule.id, fire_at=fire_at)
    return (await submit(session, owner, kind, args, options)).job


def _faults(schedule: Schedule) -> list[Fault]:
    try:
        convert(schedule.payload, kind_named(schedule.kind).args)
    except Invalid as error:
        return [*error.under("payload").errors, *rules.check_timing(timing_of(schedule))]
    return rules.check_timing(timing_of(schedule))
