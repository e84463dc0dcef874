"""Schedules whose time has come → jobs. A schedule that cannot fire says why and keeps no other from firing."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs.kinds import JobArgs, JobKind, kind_named
from models.jobs.records import JobRecord
from models.jobs.rules import KIND_UNKNOWN
from models.jobs.service import BatchItem, JobOptions, submit_each, unfinished_of_schedules
from models.kernel.actor import Actor
from models.kernel.errors import Invalid, NotFound, Unprocessable
from models.kernel.session import is_away, sqlstate
from models.kernel.validation import convert
from models.schedules import queries, rules
from models.schedules.rules import CatchUp, Due, LeftOut, Overlap, Timing
from models.schedules.tables import Schedule

CHUNK = 100
MAX_FIRES = 1000
# When a timing cannot be read there is no next fire time to wait for.
LOOK_AGAIN = timedelta(hours=1)
TIMING = ("cron", "rrule", "starts_at", "timezone")
# The classes of SQLSTATE that say nothing about the row: connection, rollback, resources, operator, system.
_TRANSIENT = ("08", "40", "53", "55", "57", "58")


# Of jobs that are asked for in their owners' names: why their owner may not now, or None.
Refusals = Callable[[AsyncSession, Sequence[tuple[Actor, JobKind, JobArgs]]], Awaitable[list[str | None]]]


class FireError(msgspec.Struct, frozen=True, rename="camel"):
    """Why a schedule could not fire: a stable code and a sentence."""

    code: str
    message: str
    at: datetime


class Turn(msgspec.Struct):
    """What came of one due schedule; `left_out` is the latest fire time without a job."""

    schedule: Schedule
    next_fire_at: datetime | None
    items: list[tuple[Actor, BatchItem]] = []
    jobs: list[JobRecord] = []
    left_out: datetime | None = None
    reason: LeftOut | None = None
    error: FireError | None = None


async def fire_due(session: AsyncSession, now: datetime, refusals: Refusals, limit: int = CHUNK) -> list[Turn]:
    """Make the jobs of schedules whose time has come; one job per schedule and fire time, whoever else is at it. Those
    whose owner may not ask for such a job any more make none.

    At most `limit` of them, and fewer when they have much to make up for: look again until there are none.
    """
    due = list(await session.scalars(queries.due(now, limit)))
    careful = [schedule.id for schedule in due if schedule.overlap == Overlap.SKIP]
    busy = await unfinished_of_schedules(session, careful)
    turns: list[Turn] = []
    for schedule in due:
        if sum(len(turn.items) for turn in turns) >= MAX_FIRES:
            break
        turns.append(_judged(schedule, now, busy=schedule.id in busy))
    await _check_owners(session, turns, refusals, now)
    await _make_jobs(session, turns, now)
    for turn in turns:
        _note(turn)
    await session.flush()
    return turns


def timing_of(schedule: Schedule) -> Timing:
    return Timing(**{name: getattr(schedule, name) for name in TIMING})


def readable_timing(schedule: Schedule) -> Timing:
    """Raises Unprocessable when it cannot be read any more: after a deploy, or an update of the time zones."""
    timing = timing_of(schedule)
    if faults := rules.check_timing(timing):
        wrong = "; ".join(f"{fault.field} {fault.message}" for fault in faults)
        raise Unprocessable(f"The schedule's timing cannot be read: {wrong}", errors=faults)
    return timing


def item_of(schedule: Schedule, fire_at: datetime | None, now: datetime) -> BatchItem:
    """Raises NotFound for a kind that is gone, Invalid for a payload that is not its."""
    kind = kind_named(schedule.kind)
    within = schedule.start_within_seconds
    options = JobOptions(
        priority=schedule.priority, tags=tuple(dict.fromkeys(schedule.tags)), max_attempts=schedule.max_attempts,
        start_by=None if within is None else now + timedelta(seconds=within), callback_url=schedule.callback_url,
        schedule_id=schedule.id, fire_at=fire_at,
    )  # fmt: skip
    return BatchItem(kind, convert(schedule.payload, kind.args), options)


def _judged(schedule: Schedule, now: datetime, *, busy: bool) -> Turn:
    """What is to be done, without writing anything."""
    turn = Turn(schedule, now + LOOK_AGAIN)
    try:
        due, turn.reason = _due(schedule, now, busy=busy)
        turn.next_fire_at, turn.left_out = due.next_fire_at, due.left_out
        if due.fires:
            owner = Actor.named(schedule.owner)
            turn.items = [(owner, item_of(schedule, fire_at, now)) for fire_at in due.fires]
    except Exception as error:
        turn.error = _error(error, now)
    return turn


def _due(schedule: Schedule, now: datetime, *, busy: bool) -> tuple[Due, LeftOut | None]:
    """A fire time that already had its job comes no second time, however `next_fire_at` came to be."""
    assert schedule.next_fire_at is not None
    since = schedule.next_fire_at
    if schedule.last_fire_at is not None:
        since = max(since, schedule.last_fire_at + timedelta.resolution)
    due = rules.due(readable_timing(schedule), CatchUp(schedule.catch_up), since, now)
    if schedule.overlap == Overlap.SKIP:
        return rules.without_overlap(due, busy=busy)
    return due, LeftOut.MISSED if due.left_out else None


async def _check_owners(session: AsyncSession, turns: Sequence[Turn], refusals: Refusals, now: datetime) -> None:
    asking = [turn for turn in turns if turn.items]
    asked = [(owner, item.kind, item.args) for owner, item in (turn.items[0] for turn in asking)]
    for turn, refusal in zip(asking, await refusals(session, asked), strict=True):
        if refusal is not None:
            turn.items, turn.error = [], FireError("OWNER_REFUSED", refusal, now)


async def _make_jobs(session: AsyncSession, turns: Sequence[Turn], now: datetime) -> None:
    """All in one statement; when the database refuses it, each schedule by itself."""
    if await _refusal(session, turns) is not None:
        for turn in turns:
            if refused := await _refusal(session, [turn]):
                turn.error = FireError("DATABASE_ERROR", f"The database refused its job ({sqlstate(refused)}).", now)


async def _refusal(session: AsyncSession, turns: Sequence[Turn]) -> DBAPIError | None:
    """Make the jobs of the turns, all or none. What will pass is raised: all of it is tried again in a second."""
    items = [item for turn in turns for item in turn.items]
    if not items:
        return None
    try:
        async with session.begin_nested():
            jobs = await submit_each(session, items)
    except DBAPIError as error:
        if is_away(error) or (sqlstate(error) or "").startswith(_TRANSIENT):
            raise
        return error
    for turn in turns:
        turn.jobs = [job for job in jobs if job.schedule_id == turn.schedule.id]
    return None


def _note(turn: Turn) -> None:
    schedule = turn.schedule
    schedule.next_fire_at = turn.next_fire_at
    if turn.left_out is not None:
        schedule.last_skipped_at, schedule.last_skipped_reason = turn.left_out, turn.reason
    if turn.error is not None:
        schedule.last_error = msgspec.to_builtins(turn.error)
    elif turn.jobs:
        last = max(turn.jobs, key=_fire_at)
        schedule.last_fire_at, schedule.last_job_id, schedule.last_error = last.fire_at, last.id, None


def _fire_at(job: JobRecord) -> datetime:
    assert job.fire_at is not None
    return job.fire_at


def _error(error: Exception, now: datetime) -> FireError:
    code, message = "UNEXPECTED", f"{type(error).__name__}: {error}"
    if isinstance(error, NotFound):
        code, message = KIND_UNKNOWN, error.detail
    elif isinstance(error, Invalid):
        wrong = "; ".join(f"{fault.field} {fault.message}" for fault in error.errors)
        code, message = "PAYLOAD_INVALID", f"The payload is not one of its kind: {wrong or error.detail}"
    elif isinstance(error, Unprocessable):
        code, message = "TIMING_INVALID", error.detail
    return FireError(code, message[:500].replace("\0", ""), now)
