"""Money, and the changes of status that move it."""

from models.finance.jobs import BulkUpdateStatus, Recalculate, Recalculated, StatusUpdated
from models.finance.services.pricing import recalculate
from models.finance.services.status import move_meetings
from models.identity.permissions import Scope, Verb
from models.identity.services.owners import caller_of
from tasks.context import JobContext
from tasks.handlers import handles


@handles(BulkUpdateStatus)
async def bulk_update_status(ctx: JobContext, args: BulkUpdateStatus) -> StatusUpdated:
    reach = (await caller_of(ctx.database, ctx.actor)).require_reach(Scope.WRITE_MEETINGS, Verb.UPDATE)
    return await move_meetings(ctx.session, ctx.actor, args, ctx.now(), ctx.progress, reach)


@handles(Recalculate)
async def recalculate_finance(ctx: JobContext, args: Recalculate) -> Recalculated:
    return await recalculate(ctx.session, ctx.actor, args, ctx.progress)
