"""Money, and the changes of status that move it."""

from models.finance.jobs import BulkUpdateStatus, Recalculate, Recalculated, StatusUpdated
from models.finance.services.pricing import recalculate
from models.finance.services.status import move_meetings
from tasks.context import JobContext
from tasks.handlers import handles


@handles(BulkUpdateStatus)
async def bulk_update_status(ctx: JobContext, args: BulkUpdateStatus) -> StatusUpdated:
    return await move_meetings(ctx.session, ctx.actor, args, ctx.now(), ctx.progress)


@handles(Recalculate)
async def recalculate_finance(ctx: JobContext, args: Recalculate) -> Recalculated:
    return await recalculate(ctx.session, ctx.actor, args, ctx.progress)
