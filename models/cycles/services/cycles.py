"""Cycles: a course given at a branch by an instructor over time."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncSession

from models.courses.tables import Branch, Course
from models.cycles import queries
from models.cycles.events import (
    CYCLE,
    CYCLE_COMPLETED,
    MEETING_DELETED,
    MEETING_UPDATED,
    CycleState,
    MeetingState,
)
from models.cycles.jobs import DuplicateCycle, ProgressSynced
from models.cycles.tables import Cycle
from models.cycles.terms import cycle_faults
from models.cycles.values import ActivityType, CycleStatus, CycleType
from models.events.service import emit_about, emit_many
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.crud import ANY, Match
from models.kernel.errors import Conflict, Fault, Invalid, NotFound
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.reach import EVERYTHING, Reach
from models.kernel.schema import given
from models.kernel.session import Row, fetch
from models.people.tables import Instructor

COPIED = (
    "course_id", "branch_id", "instructor_id", "type", "timezone", "pattern", "total_meetings", "activity_type",
    "currency", "price_per_student", "meeting_revenue", "price_includes_vat", "student_count", "max_students",
    "pay_mode", "daily_rate", "instructor_budget", "send_parent_reminders",
)  # fmt: skip


class CyclePage(Page):
    """`day_of_week` counts from 0, Monday; `from` and `to` are about the start date."""

    sortable = {
        "createdAt": Cycle.created_at,
        "name": Cycle.name,
        "startDate": Cycle.start_date,
        "endDate": Cycle.end_date,
        "status": Cycle.status,
    }
    searched = (Cycle.name,)

    course_id: UUID | None = None
    branch_id: UUID | None = None
    instructor_id: UUID | None = None
    type: CycleType | None = None
    status: CycleStatus | None = None
    activity_type: ActivityType | None = None
    day_of_week: Annotated[int, Meta(ge=0, le=6, description="0 is Monday")] | None = None
    from_: date | None = None
    to: date | None = None


async def list_cycles(
    session: AsyncSession, page: CyclePage, reach: Reach = EVERYTHING, **more: Any
) -> tuple[list[Cycle], Pagination]:
    """`more` are filters beside those of the page."""
    return await paginate(session, queries.cycles({**filters(page), **more}, reach), page)


async def get_cycle(session: AsyncSession, id_: UUID, reach: Reach = EVERYTHING) -> Cycle:
    """Raises NotFound."""
    return await crud.get_live(session, Cycle, id_, reach=reach)


async def create_cycle(session: AsyncSession, actor: Actor, data: msgspec.Struct) -> Cycle:
    """Raises Invalid for references that are not there and an instructor paid in another currency."""
    values = msgspec.structs.asdict(_stored(data))
    await _check_references(session, values, values["currency"])
    cycle = await crud.add(session, Cycle(**values))
    await emit_about(session, actor, CYCLE.created, cycle)
    return cycle


async def update_cycle(
    session: AsyncSession, actor: Actor, id_: UUID, data: msgspec.Struct, match: Match = ANY
) -> Cycle:
    """Meetings that are there already stay as they are.

    Raises Invalid also for another currency once there are meetings or registrations: their amounts are in this one;
    Conflict for fewer places than are taken.
    """
    cycle = await crud.get_live(session, Cycle, id_, lock=True)
    match.check(cycle)
    values = given(data)
    await _check_currency_change(session, cycle, values.get("currency", cycle.currency))
    await _check_places(session, cycle, values.get("max_students"))
    placed = {"instructor_id": cycle.instructor_id} if "currency" in values else {}
    await _check_references(session, {**placed, **values}, values.get("currency", cycle.currency))
    await crud.apply(session, cycle, _stored(data), match, cycle_faults)
    await emit_about(session, actor, CYCLE.updated, cycle)
    return cycle


async def delete_cycle(
    session: AsyncSession, actor: Actor, id_: UUID, match: Match = ANY, *, hard: bool = False
) -> None:
    """Its meetings go with it. `hard` is for good, and raises Conflict while there are meetings or registrations."""
    cycle = await crud.delete(session, Cycle, id_, match, hard=hard)
    await emit_about(session, actor, CYCLE.deleted, cycle)
    if not hard:
        rows = await fetch(session, queries.DELETE_WITH_CYCLE, id_, cycle.deleted_at)
        await emit_many(session, actor, MEETING_DELETED, _states(rows))


async def restore_cycle(session: AsyncSession, actor: Actor, id_: UUID) -> Cycle:
    """The meetings that were deleted with it come back too. Raises Conflict where their instructors are taken now."""
    deleted_at = (await crud.get_any(session, Cycle, id_)).deleted_at
    cycle = await crud.restore(session, Cycle, id_)
    await emit_about(session, actor, CYCLE.updated, cycle)
    instructors = await fetch(session, queries.INSTRUCTORS_OF_MEETINGS, id_)
    await fetch(session, queries.LOCK_INSTRUCTORS, [row["instructor_id"] for row in instructors])
    rows = await fetch(session, queries.RESTORE_WITH_CYCLE, id_, deleted_at)
    await emit_many(session, actor, MEETING_UPDATED, _states(rows))
    return cycle


async def lock_cycles(session: AsyncSession, ids: list[UUID]) -> None:
    """In one order for all, until the transaction ends. Raises NotFound when one of them is not there."""
    found = {row["id"] for row in await fetch(session, queries.LOCK_CYCLES, ids)}
    for id_ in ids:
        if id_ not in found:
            raise NotFound.thing("cycle", id_)


async def check_cycles(session: AsyncSession, ids: list[UUID]) -> None:
    """Raises Invalid naming every place of `cycleIds` that is no cycle."""
    found = {row["id"] for row in await fetch(session, queries.LIVE_CYCLES, ids)}
    faults = [Fault(f"cycleIds[{n}]", f"there is no cycle {id_}") for n, id_ in enumerate(ids) if id_ not in found]
    if faults:
        raise Invalid.of(faults)


async def recount(session: AsyncSession, ids: list[UUID]) -> None:
    """Bring the counters in line with the meetings. The cycles are locked."""
    await fetch(session, queries.RECOUNT, ids)


async def complete_finished(session: AsyncSession, actor: Actor, ids: list[UUID]) -> list[UUID]:
    """Those active cycles of which as many meetings are completed as were sold become completed."""
    done = [row["id"] for row in await fetch(session, queries.COMPLETE_CYCLES, ids)]
    cycles = await session.scalars(queries.cycles_by_id(done))
    await emit_many(session, actor, CYCLE_COMPLETED, {each.id: CycleState.of(each) for each in cycles})
    return done


async def sync_progress(session: AsyncSession, id_: UUID) -> ProgressSynced:
    """Count the completed meetings again; the number of meetings that was sold stays."""
    await lock_cycles(session, [id_])
    await recount(session, [id_])
    cycle = await crud.get_live(session, Cycle, id_, lock=True)
    meetings = (await fetch(session, queries.COUNT_MEETINGS, id_))[0]["meetings"]
    progress = cycle.progress
    return ProgressSynced(completed=progress.completed, remaining=progress.remaining, meetings_in_table=meetings)


async def duplicate_cycle(session: AsyncSession, actor: Actor, order: DuplicateCycle) -> Cycle:
    """An active cycle of the same terms from another date; its end is known once its meetings are."""
    original = await get_cycle(session, order.cycle_id)
    values = {name: getattr(original, name) for name in COPIED}
    copy = Cycle(**values, name=order.new_name or original.name, start_date=order.new_start_date)
    await _check_references(session, values, copy.currency)
    if faults := cycle_faults(copy):
        raise Invalid.of(faults)
    await crud.add(session, copy)
    await emit_about(session, actor, CYCLE.created, copy)
    return copy


def _states(rows: Sequence[Row]) -> dict[UUID, MeetingState]:
    return {row["id"]: msgspec.convert(dict(row), MeetingState) for row in rows}


def _stored(data: msgspec.Struct) -> msgspec.Struct:
    """The pattern as JSON, the rest as it is."""
    pattern = given(data).get("pattern")
    return data if pattern is None else msgspec.structs.replace(data, pattern=msgspec.to_builtins(pattern))


async def _check_references(session: AsyncSession, values: dict[str, Any], currency: str) -> None:
    """Raises Invalid naming every reference that is not there, and an instructor paid in another currency."""
    faults: list[Fault] = []
    tables = {"course_id": Course, "branch_id": Branch, "instructor_id": Instructor}
    try:
        await crud.check_references(session, **{name: (table, values.get(name)) for name, table in tables.items()})
    except Invalid as invalid:
        faults += invalid.errors
    faults += await currency_faults(session, values.get("instructor_id"), currency)
    if faults:
        raise Invalid.of(faults)


async def currency_faults(session: AsyncSession, instructor_id: UUID | None, currency: str) -> list[Fault]:
    """Profit is revenue less pay: both are in the cycle's currency."""
    rows = await fetch(session, queries.INSTRUCTOR, instructor_id)
    if not rows or rows[0]["currency"] == currency:
        return []
    return [Fault("instructorId", f"is paid in {rows[0]['currency']}, the cycle is in {currency}")]


async def _check_places(session: AsyncSession, cycle: Cycle, places: int | None) -> None:
    """The cycle's row is locked, so nobody takes a place meanwhile. Those that were too many before may stay."""
    if places is None or (cycle.max_students is not None and places >= cycle.max_students):
        return
    taken: int = (await fetch(session, queries.PLACES_TAKEN, cycle.id))[0]["taken"]
    if places < taken:
        raise Conflict(
            f"{taken} places of the cycle are taken; it cannot have {places}.", cycle_id=cycle.id, taken=taken
        )


async def _check_currency_change(session: AsyncSession, cycle: Cycle, currency: str) -> None:
    if currency == cycle.currency:
        return
    if (await fetch(session, queries.HAS_MEETINGS_OR_REGISTRATIONS, cycle.id))[0]["has"]:
        raise Invalid.field("currency", "cannot change once there are meetings or registrations")
