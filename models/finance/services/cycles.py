"""Changes of cycles that reach their meetings."""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.cycles.services import cycles
from models.cycles.tables import Cycle
from models.cycles.values import CycleStatus
from models.finance.services.status import cancel_meetings_of
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.crud import ANY, Match


async def update_cycle(
    session: AsyncSession, actor: Actor, id_: UUID, data: msgspec.Struct, match: Match = ANY
) -> Cycle:
    """As the cycles' own; with a cycle that is cancelled, all that was still scheduled of it is."""
    before = (await crud.get_live(session, Cycle, id_, lock=True)).status
    cycle = await cycles.update_cycle(session, actor, id_, data, match)
    if cycle.status == CycleStatus.CANCELLED != before:
        await cancel_meetings_of(session, actor, id_)
    return cycle
