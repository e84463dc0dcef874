"""What whole cycles have earned and cost so far."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.cycles.services import cycles
from models.cycles.services.cycles import CyclePage
from models.cycles.tables import Cycle
from models.cycles.values import CycleStatus, CycleType
from models.finance import queries
from models.kernel.paging import Pagination
from models.kernel.reach import EVERYTHING, Reach


class CycleTotals(msgspec.Struct, frozen=True):
    """Sums over the completed meetings of a cycle, for an instructor over those they gave."""

    cycle_id: UUID
    name: str
    type: CycleType
    status: CycleStatus
    currency: str
    total_meetings: int
    completed_meetings: int
    revenue: Decimal
    instructor_payment: Decimal
    profit: Decimal


async def get_totals(session: AsyncSession, cycle_id: UUID, reach: Reach = EVERYTHING) -> CycleTotals:
    """Raises NotFound."""
    return (await _totals(session, [await cycles.get_cycle(session, cycle_id, reach)], reach))[0]


async def list_totals(
    session: AsyncSession, page: CyclePage, reach: Reach = EVERYTHING
) -> tuple[list[CycleTotals], Pagination]:
    """Of a page of cycles, in its order."""
    rows, pagination = await cycles.list_cycles(session, page, reach)
    return await _totals(session, rows, reach), pagination


async def _totals(session: AsyncSession, rows: Sequence[Cycle], reach: Reach) -> list[CycleTotals]:
    found = await session.execute(queries.totals([cycle.id for cycle in rows], reach))
    sums = {row["id"]: row for row in found.mappings()}
    return [
        CycleTotals(
            cycle_id=cycle.id,
            name=cycle.name,
            type=CycleType(cycle.type),
            status=CycleStatus(cycle.status),
            currency=cycle.currency,
            total_meetings=cycle.total_meetings,
            completed_meetings=sums[cycle.id]["completed"],
            revenue=sums[cycle.id]["revenue"],
            instructor_payment=sums[cycle.id]["instructor_payment"],
            profit=sums[cycle.id]["profit"],
        )
        for cycle in rows
    ]
