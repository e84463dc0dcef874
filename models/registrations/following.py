"""What happens to registrations when something happens to their cycle; whoever calls holds the cycle's row."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.catalogue import EventType
from models.events.service import emit_many
from models.kernel.actor import Actor
from models.kernel.ids import new_id
from models.kernel.session import Row, fetch
from models.registrations import queries
from models.registrations.events import REGISTRATION, RegistrationState


async def complete_registrations(session: AsyncSession, actor: Actor, cycle_ids: Sequence[UUID]) -> int:
    """Those registered or active in cycles that are completed; gives how many."""
    rows = await fetch(session, queries.COMPLETE, list(cycle_ids))
    return await _tell(session, actor, REGISTRATION.updated, rows)


async def copy_registrations(session: AsyncSession, actor: Actor, from_cycle_id: UUID, to_cycle_id: UUID) -> int:
    """As `registered` and unpaid, with the same amounts; those cancelled or on trial stay behind. Gives how many."""
    students = await fetch(session, queries.STUDENTS_TO_COPY, from_cycle_id)
    ids = [new_id() for _ in students]
    student_ids, amounts = [row["student_id"] for row in students], [row["amount"] for row in students]
    rows = await fetch(session, queries.COPY, to_cycle_id, ids, student_ids, amounts)
    return await _tell(session, actor, REGISTRATION.created, rows)


async def _tell(session: AsyncSession, actor: Actor, type_: EventType, rows: Sequence[Row]) -> int:
    states = {row["id"]: msgspec.convert(dict(row), RegistrationState) for row in rows}
    await emit_many(session, actor, type_, states)
    return len(rows)
