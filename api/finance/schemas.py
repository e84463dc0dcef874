"""Money on the wire."""

from uuid import UUID

from models.cycles.values import CycleStatus, CycleType
from models.kernel.schema import Money, Priced


class CycleTotalsOut(Priced):
    """Sums over the completed meetings of a cycle."""

    cycle_id: UUID
    name: str
    type: CycleType
    status: CycleStatus
    currency: str
    total_meetings: int
    completed_meetings: int
    revenue: Money
    instructor_payment: Money
    profit: Money
