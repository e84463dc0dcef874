"""Completing, cancelling, reopening and postponing meetings, with all that follows.

The order of locks is the same everywhere: cycles, instructors, meetings; each of them by id.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.cycles.events import MEETING_SCHEDULED
from models.cycles.queries import LOCK_CYCLES, LOCK_INSTRUCTORS
from models.cycles.rules import can_move, is_on_its_day
from models.cycles.services.cycles import complete_finished, recount
from models.cycles.services.meetings import get_meeting, lock_meeting, may_overlap, place
from models.cycles.tables import Meeting
from models.cycles.values import MeetingStatus
from models.events.service import emit_about
from models.finance import queries
from models.finance.events import MEETING_CANCELLED, MEETING_COMPLETED, MEETING_POSTPONED, MEETING_REOPENED
from models.finance.jobs import LISTED_AT_MOST, BulkUpdateStatus, RefusedOut, StatusUpdated
from models.finance.services.pricing import Report, Scope, announce, others_of_day, price
from models.identity.caller import Caller
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.crud import ANY, Match
from models.kernel.errors import Fault, Forbidden, NotFound, Unprocessable
from models.kernel.reach import EVERYTHING, Reach
from models.kernel.session import Row, fetch
from models.registrations.following import complete_registrations

CHUNK_MEETINGS = 5000
Reasons = dict[UUID, str]
EVENTS = {
    MeetingStatus.COMPLETED: MEETING_COMPLETED,
    MeetingStatus.CANCELLED: MEETING_CANCELLED,
    MeetingStatus.SCHEDULED: MEETING_REOPENED,
}
COPIED = (
    "cycle_id", "number", "instructor_id", "timezone", "nature", "activity_type", "topic", "notes", "room",
)  # fmt: skip


class Followed(msgspec.Struct):
    """What a change of status has done beyond the meetings."""

    moved: list[UUID]
    cycles_completed: int = 0
    registrations_completed: int = 0


async def move_meeting(
    session: AsyncSession,
    actor: Actor,
    id_: UUID,
    to: MeetingStatus,
    match: Match = ANY,
    reach: Reach = EVERYTHING,
) -> Meeting:
    """Completing freezes the money; leaving `completed` makes it 0. Raises Unprocessable for a move that is none."""
    meeting = await lock_meeting(session, id_, match, reach)
    _check_move(meeting, to)
    await _move(session, actor, [meeting.cycle_id], [id_], to)
    return await get_meeting(session, id_)


async def postpone_meeting(
    session: AsyncSession, caller: Caller, id_: UUID, data: Any, match: Match = ANY, reach: Reach = EVERYTHING
) -> tuple[Meeting, Meeting]:
    """The meeting and its replacement: same number, instructor and content, at another time.

    Without an end it lasts as long as the original. Raises Conflict with `conflictingMeetingId` when the instructor
    is taken and no administrator allows it, Forbidden when the instructor makes it longer or shorter.
    """
    original = await lock_meeting(session, id_, match, reach)
    _check_move(original, MeetingStatus.POSTPONED)
    ends_at = data.starts_at + (original.ends_at - original.starts_at)
    if not reach.is_whole and data.ends_at not in (None, ends_at):
        raise Forbidden("Your own meetings stay as long as they are, as pay goes by the hour.")
    original.status = MeetingStatus.POSTPONED
    original.revenue = original.instructor_payment = original.profit = Decimal(0)
    await session.flush()
    copied = {name: getattr(original, name) for name in COPIED}
    replacement = Meeting(**copied, starts_at=data.starts_at, ends_at=data.ends_at or ends_at)
    await place(session, replacement, allow_overlap=may_overlap(caller, data.allow_overlap))
    await crud.add(session, replacement)
    original.rescheduled_to_id = replacement.id
    await session.flush()
    await emit_about(session, caller, MEETING_SCHEDULED, replacement)
    await announce(session, caller, MEETING_POSTPONED, [id_])
    return await get_meeting(session, id_), await get_meeting(session, replacement.id)


async def move_meetings(
    session: AsyncSession,
    actor: Actor,
    order: BulkUpdateStatus,
    now: datetime,
    report: Report,
    reach: Reach = EVERYTHING,
) -> StatusUpdated:
    """In chunks of whole cycles; `report` is called with meetings done, meetings in all, and a sentence."""
    to = MeetingStatus(order.status)
    rows = await _candidates(session, order, now, reach)
    allowed, refused = _sorted_out(order, rows, to, None if reach.is_whole else now)
    result = StatusUpdated(changed=0, refused=[], refused_total=0, cycles_completed=0, registrations_completed=0)
    done = 0
    for chunk in _chunks(allowed):
        done += len(chunk)
        followed, reasons = await _move_chunk(session, actor, chunk, to)
        refused |= reasons
        result.changed += len(followed.moved)
        result.cycles_completed += followed.cycles_completed
        result.registrations_completed += followed.registrations_completed
        report(done, len(allowed), f"{result.changed} meetings {to}")
    result.refused_total = len(refused)
    result.refused = [
        RefusedOut(meeting_id=id_, reason=reason) for id_, reason in list(refused.items())[:LISTED_AT_MOST]
    ]
    return result


async def check_reach(session: AsyncSession, order: BulkUpdateStatus, reach: Reach) -> None:
    """Raises NotFound naming every meeting that is out of reach, Forbidden naming those whose day it is not."""
    if reach.is_whole or order.meeting_ids is None:
        return
    now = utc_now()
    rows = {row["id"]: row for row in await _candidates(session, order, now, reach)}
    places = {id_: f"meetingIds[{at}]" for at, id_ in enumerate(order.meeting_ids)}
    missing = [Fault(place, f"there is no meeting {id_}") for id_, place in places.items() if id_ not in rows]
    if missing:
        raise NotFound(f"There are no such meetings: {len(missing)} of {len(places)}.", errors=missing)
    early = [
        Fault(places[id_], "it is not the day of the meeting") for id_, row in rows.items() if not _is_today(row, now)
    ]
    if early:
        raise Forbidden("Your own meetings can be changed only on their day.", errors=early)


async def cancel_meetings_of(session: AsyncSession, actor: Actor, cycle_id: UUID) -> None:
    """All that is scheduled of a cycle whose row the caller holds."""
    filters = {"cycle_id": cycle_id, "status": MeetingStatus.SCHEDULED}
    ids = await session.scalars(queries.to_move(filters, utc_now()))
    await _move(session, actor, [cycle_id], list(ids), MeetingStatus.CANCELLED)


def _check_move(meeting: Meeting, to: MeetingStatus) -> None:
    from_ = MeetingStatus(meeting.status)
    if not can_move(from_, to):
        raise Unprocessable(f"A meeting that is {from_} cannot become {to}.", current_status=from_)


async def _candidates(session: AsyncSession, order: BulkUpdateStatus, now: datetime, reach: Reach) -> Sequence[Row]:
    named = msgspec.structs.asdict(order.filter) if order.filter else {"ids": order.meeting_ids}
    filters = {name: value for name, value in named.items() if value is not None}
    rows: Sequence[Row] = (await session.execute(queries.to_move(filters, now, reach))).mappings().all()
    return rows


def _sorted_out(
    order: BulkUpdateStatus, rows: Sequence[Row], to: MeetingStatus, today: datetime | None
) -> tuple[list[Row], Reasons]:
    """The meetings that may move, and why the others may not; a filter with `onlyPast` is not about future ones.

    With `today`, only those whose day it is.
    """
    refused: Reasons = dict.fromkeys(order.meeting_ids or (), "there is no such meeting")
    allowed: list[Row] = []
    for row in rows:
        refused.pop(row["id"], None)
        if order.only_past and not row["is_past"]:
            if order.meeting_ids is not None:
                refused[row["id"]] = "it has not ended yet"
        elif today is not None and not _is_today(row, today):
            refused[row["id"]] = "it is not the day of the meeting"
        elif can_move(MeetingStatus(row["status"]), to):
            allowed.append(row)
        else:
            refused[row["id"]] = f"a meeting that is {row['status']} cannot become {to}"
    return allowed, refused


def _is_today(row: Row, now: datetime) -> bool:
    return is_on_its_day(row["starts_at"], row["ends_at"], row["timezone"], now)


def _chunks(rows: Sequence[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    for _, of_cycle in groupby(rows, key=lambda row: row["cycle_id"]):
        chunk += of_cycle
        if len(chunk) >= CHUNK_MEETINGS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def _move_chunk(
    session: AsyncSession, actor: Actor, rows: list[Row], to: MeetingStatus
) -> tuple[Followed, Reasons]:
    """What has changed between looking and locking is refused like what was not allowed at first."""
    ids = {row["id"] for row in rows}
    cycle_ids = sorted({row["cycle_id"] for row in rows})
    await fetch(session, LOCK_CYCLES, cycle_ids)
    refused: Reasons = {}
    if to == MeetingStatus.SCHEDULED:
        await fetch(session, LOCK_INSTRUCTORS, [row["instructor_id"] for row in rows])
        taken = await fetch(session, queries.TAKEN, list(ids))
        refused = {row["id"]: "the instructor has another meeting at this time" for row in taken}
    followed = await _move(session, actor, cycle_ids, list(ids - refused.keys()), to)
    return followed, refused | dict.fromkeys(ids - refused.keys() - set(followed.moved), "it was changed meanwhile")


async def _move(
    session: AsyncSession, actor: Actor, cycle_ids: list[UUID], ids: list[UUID], to: MeetingStatus
) -> Followed:
    """The cycles are locked; what may not move stays."""
    sources = [status.value for status in MeetingStatus if can_move(status, to)]
    moved = [row["id"] for row in await fetch(session, queries.MOVE, ids, to.value, sources)]
    if to == MeetingStatus.COMPLETED:
        await price(session, actor, Scope(cycle_ids, moved))
    else:
        await price(session, actor, await others_of_day(session, moved))
    await recount(session, cycle_ids)
    await announce(session, actor, EVENTS[to], moved)
    followed = Followed(moved)
    if to == MeetingStatus.COMPLETED and (done := await complete_finished(session, actor, cycle_ids)):
        followed.cycles_completed = len(done)
        followed.registrations_completed = await complete_registrations(session, actor, done)
    return followed
