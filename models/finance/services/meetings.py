"""Changes of meetings that move money: what was completed is priced again, or its day's pay goes to another."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.cycles.services import meetings
from models.cycles.tables import Meeting
from models.cycles.values import MeetingStatus
from models.finance.services.pricing import Scope, others_of_day, price
from models.identity.caller import Caller
from models.kernel.actor import Actor
from models.kernel.crud import ANY, Match
from models.kernel.reach import EVERYTHING, Reach
from models.kernel.schema import given

PRICED_BY = {"starts_at", "ends_at", "instructor_id", "nature", "activity_type"}


async def update_meeting(
    session: AsyncSession, caller: Caller, id_: UUID, data: Any, match: Match = ANY, reach: Reach = EVERYTHING
) -> Meeting:
    """As the cycles' own; a completed meeting is priced again by what was corrected."""
    meeting = await meetings.update_meeting(session, caller, id_, data, match, reach)
    if meeting.status == MeetingStatus.COMPLETED and PRICED_BY & given(data).keys():
        await price(session, caller, Scope([meeting.cycle_id], [id_]))
        await price(session, caller, await others_of_day(session, [id_]))
    return await meetings.get_meeting(session, id_)


async def recalculate_meeting(session: AsyncSession, actor: Actor, id_: UUID, match: Match = ANY) -> Meeting:
    """By the terms and registrations there are now."""
    meeting = await meetings.lock_meeting(session, id_, match)
    await price(session, actor, Scope([meeting.cycle_id], [id_]))
    return await meetings.get_meeting(session, id_)


async def delete_meeting(
    session: AsyncSession, actor: Actor, id_: UUID, match: Match = ANY, *, hard: bool = False
) -> None:
    others = await others_of_day(session, [id_])
    await meetings.delete_meeting(session, actor, id_, match, hard=hard)
    await price(session, actor, others)


async def delete_meetings(session: AsyncSession, actor: Actor, ids: Sequence[UUID]) -> list[UUID]:
    """Gives those that were there."""
    deleted = [meeting.id for meeting in await meetings.delete_meetings(session, actor, ids)]
    await price(session, actor, await others_of_day(session, deleted))
    return deleted


async def restore_meeting(session: AsyncSession, actor: Actor, id_: UUID) -> Meeting:
    """A completed one is priced as things are now."""
    meeting = await meetings.restore_meeting(session, actor, id_)
    await price(session, actor, Scope([meeting.cycle_id], [id_]))
    return await meetings.get_meeting(session, id_)
