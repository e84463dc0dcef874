"""Meetings: every scheduled occurrence. What completes or cancels one, and the money with it, is finance.

The order of locks is the same everywhere: the cycle, the instructor, the meeting.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from models.cycles import queries
from models.cycles.events import MEETING_DELETED, MEETING_SCHEDULED, MEETING_UPDATED, MeetingState
from models.cycles.rules import is_on_its_day
from models.cycles.services.cycles import currency_faults, recount
from models.cycles.tables import Cycle, Meeting
from models.cycles.values import CycleStatus, MeetingStatus
from models.events.service import emit_about, emit_many
from models.identity.caller import Caller
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.crud import ANY, Match
from models.kernel.errors import Conflict, Fault, Forbidden, Invalid, NotFound, Unprocessable
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.reach import EVERYTHING, Reach
from models.kernel.schema import Instant, camel, given
from models.kernel.session import Row, fetch
from models.people.tables import Instructor

LONGEST = timedelta(hours=24)
LIVE = (MeetingStatus.SCHEDULED, MeetingStatus.COMPLETED)
_PLACE = {"starts_at", "ends_at", "instructor_id"}
OWN_FIELDS = {"topic", "notes", "room"}


class MeetingPage(Page):
    """`from` and `to` are about the start. The next one comes first."""

    sortable = {"startsAt": Meeting.starts_at, "createdAt": Meeting.created_at, "number": Meeting.number}
    searched = (Meeting.topic,)

    sort_by: str = "startsAt"
    sort_order: Literal["asc", "desc"] = "asc"
    cycle_id: UUID | None = None
    instructor_id: UUID | None = None
    status: MeetingStatus | None = None
    from_: Instant | None = None
    to: Instant | None = None


async def list_meetings(
    session: AsyncSession, page: MeetingPage, reach: Reach = EVERYTHING, **more: Any
) -> tuple[list[Meeting], Pagination]:
    """`more` are filters beside those of the page."""
    return await paginate(session, queries.meetings({**filters(page), **more}, reach), page)


async def get_meeting(session: AsyncSession, id_: UUID, reach: Reach = EVERYTHING) -> Meeting:
    """With its cycle. Raises NotFound."""
    meeting = await session.scalar(queries.meetings({"id": id_}, reach).execution_options(populate_existing=True))
    if meeting is None:
        raise NotFound.thing("meeting", id_)
    return meeting


async def lock_meeting(session: AsyncSession, id_: UUID, match: Match = ANY, reach: Reach = EVERYTHING) -> Meeting:
    """The live meeting with its cycle, both held until the transaction ends, in order to change it.

    Raises NotFound, PreconditionFailed, and Forbidden for one's own meeting on another day than its own.
    """
    meeting = await get_meeting(session, id_, reach)
    await crud.get_any(session, Cycle, meeting.cycle_id)
    await session.execute(queries.meeting_for_update(id_))
    meeting = await get_meeting(session, id_, reach)
    if not reach.is_whole:
        _check_day(meeting)
    match.check(meeting)
    return meeting


async def create_meeting(session: AsyncSession, caller: Caller, data: Any) -> Meeting:
    """One more, by hand, with the next number of its cycle.

    Raises Conflict with `conflictingMeetingId` when the instructor is taken and no administrator allows it, Invalid
    for references that are not there or an instructor paid in another currency.
    """
    await crud.check_references(session, cycle_id=(Cycle, data.cycle_id))
    cycle = await crud.get_live(session, Cycle, data.cycle_id, lock=True)
    if cycle.status == CycleStatus.CANCELLED:
        raise Unprocessable("The cycle is cancelled; it takes no more meetings.", cycle_id=cycle.id)
    values = {name: value for name, value in given(data).items() if name != "allow_overlap"}
    values["instructor_id"] = data.instructor_id or cycle.instructor_id
    await check_instructor(session, values["instructor_id"], cycle)
    meeting = Meeting(**values, timezone=cycle.timezone, number=await next_number(session, cycle.id))
    await place(session, meeting, allow_overlap=may_overlap(caller, data.allow_overlap))
    meeting.changed_at = utc_now()
    await crud.add(session, meeting)
    await emit_about(session, caller, MEETING_SCHEDULED, meeting)
    return await get_meeting(session, meeting.id)


async def update_meeting(
    session: AsyncSession, caller: Caller, id_: UUID, data: Any, match: Match = ANY, reach: Reach = EVERYTHING
) -> Meeting:
    """Raises as `create_meeting`, Unprocessable for the time of a postponed one (it has a replacement), and Forbidden
    for what those may not change who reach their own meetings only.
    """
    meeting = await lock_meeting(session, id_, match, reach)
    values = {name: value for name, value in given(data).items() if name != "allow_overlap"}
    if not reach.is_whole:
        _check_own_change(meeting, values)
    moved = any(getattr(meeting, name) != value for name, value in values.items() if name in _PLACE)
    if moved and meeting.status == MeetingStatus.POSTPONED:
        raise Unprocessable("A postponed meeting stays where it was; change its replacement.")
    allow_overlap = may_overlap(caller, getattr(data, "allow_overlap", False) is True)
    if "instructor_id" in values:
        await check_instructor(session, values["instructor_id"], meeting.cycle)
    for name, value in values.items():
        setattr(meeting, name, value)
    if moved:
        await place(session, meeting, allow_overlap=allow_overlap)
    meeting.changed_at = utc_now()
    await session.flush()
    await emit_about(session, caller, MEETING_UPDATED, meeting)
    return meeting


async def delete_meeting(
    session: AsyncSession, actor: Actor, id_: UUID, match: Match = ANY, *, hard: bool = False
) -> Meeting:
    """Softly or, `hard`, for good; a meeting it was postponed to stays."""
    if hard:
        meeting = await crud.get_any(session, Meeting, id_, lock=False)
        await crud.get_any(session, Cycle, meeting.cycle_id)
        meeting = await crud.remove(session, Meeting, id_, match)
    else:
        meeting = await lock_meeting(session, id_, match)
        meeting.deleted_at = utc_now()
        await session.flush()
    await recount(session, [meeting.cycle_id])
    await emit_about(session, actor, MEETING_DELETED, meeting)
    return meeting


async def delete_meetings(session: AsyncSession, actor: Actor, ids: Sequence[UUID]) -> list[Meeting]:
    """Softly, in one statement; gives those that were there."""
    cycles = [row["cycle_id"] for row in await fetch(session, queries.CYCLES_OF_MEETINGS, list(ids))]
    await fetch(session, queries.LOCK_CYCLES, cycles)
    deleted = [row["id"] for row in await fetch(session, queries.DELETE_MEETINGS, list(ids))]
    meetings = list(await session.scalars(queries.meetings_by_id(deleted)))
    await recount(session, cycles)
    await emit_many(session, actor, MEETING_DELETED, {each.id: MeetingState.of(each) for each in meetings})
    return meetings


async def restore_meeting(session: AsyncSession, actor: Actor, id_: UUID) -> Meeting:
    """With the next number, if its own was given away. Raises Conflict when its instructor is taken meanwhile."""
    meeting = await crud.get_any(session, Meeting, id_, lock=False)
    cycle = await crud.get_live(session, Cycle, meeting.cycle_id, lock=True)
    if (await fetch(session, queries.NUMBER_TAKEN, cycle.id, meeting.number, id_))[0]["taken"]:
        meeting.number = await next_number(session, cycle.id)
    if meeting.status in LIVE and not meeting.overlap_allowed:
        await place(session, meeting)
    await crud.restore(session, Meeting, id_)
    await recount(session, [cycle.id])
    await emit_about(session, actor, MEETING_UPDATED, meeting)
    return await get_meeting(session, id_)


async def schedule(session: AsyncSession, instructor_id: UUID, from_: datetime, to: datetime) -> Sequence[Row]:
    """The instructor's live meetings by their start, both ends inclusive, with the names of what they belong to."""
    return await fetch(session, queries.SCHEDULE, instructor_id, from_, to)


async def place(session: AsyncSession, meeting: Meeting, *, allow_overlap: bool = False) -> None:
    """Give the instructor's time to the meeting, whose start, end and instructor are set.

    The instructor's row stays locked, so nobody gives the same time away before this transaction ends. Raises
    Conflict with `conflictingMeetingId`, unless the overlap is allowed; Invalid for times that cannot be.
    """
    _check_times(meeting)
    await fetch(session, queries.LOCK_INSTRUCTORS, [meeting.instructor_id])
    number = (await fetch(session, queries.INSTRUCTOR, meeting.instructor_id))[0]["number"]
    taken: Sequence[Row] = ()
    if meeting.status in (None, *LIVE):
        taken = await fetch(session, queries.CONFLICTING, number, meeting.starts_at, meeting.ends_at, meeting.id)
    if taken and not allow_overlap:
        detail = "The instructor has another meeting at this time."
        raise Conflict(detail, conflicting_meeting_id=taken[0]["id"])
    meeting.instructor_number = number
    meeting.overlap_allowed = bool(taken)
    meeting.local_date = meeting.starts_at.astimezone(ZoneInfo(meeting.timezone)).date()


def may_overlap(caller: Caller, wanted: bool) -> bool:
    if wanted and not caller.is_admin:
        raise Forbidden("Only administrators allow an instructor to be in two places.")
    return wanted


async def check_instructor(session: AsyncSession, instructor_id: UUID, cycle: Cycle) -> None:
    """Raises Invalid for one who is not there, or is paid in another currency than the cycle's."""
    await crud.check_references(session, instructor_id=(Instructor, instructor_id))
    if faults := await currency_faults(session, instructor_id, cycle.currency):
        raise Invalid.of(faults)


async def next_number(session: AsyncSession, cycle_id: UUID) -> int:
    """The cycle's row is locked."""
    number: int = (await fetch(session, queries.NEXT_NUMBER, cycle_id))[0]["number"]
    return number


def _check_day(meeting: Meeting) -> None:
    if not is_on_its_day(meeting.starts_at, meeting.ends_at, meeting.timezone, utc_now()):
        day = f"{meeting.local_date} in {meeting.timezone}"
        raise Forbidden(f"Your own meetings can be changed only on their day; for this one that is {day}.")


def _check_own_change(meeting: Meeting, values: dict[str, Any]) -> None:
    beyond = [name for name, value in values.items() if name not in OWN_FIELDS and getattr(meeting, name) != value]
    if beyond:
        faults = [Fault(camel(name), "cannot be changed by the instructor") for name in beyond]
        raise Forbidden("Who teaches changes what is taught; time, instructor and pay are the office's.", errors=faults)


def _check_times(meeting: Meeting) -> None:
    if meeting.ends_at <= meeting.starts_at:
        raise Invalid.field("endsAt", "must be after the start")
    if meeting.ends_at - meeting.starts_at > LONGEST:
        raise Invalid.field("endsAt", "must be within 24 hours of the start")
