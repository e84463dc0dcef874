"""Jobs about jobs."""

import asyncio
from uuid import UUID

import msgspec

from models.jobs.jobs import Redrive, Redriven
from models.jobs.kinds import DEFAULT_ATTEMPTS
from models.jobs.operations import count_ends, count_failed, retry_failed
from models.kernel.signals import Nudger
from tasks.context import JobContext
from tasks.handlers import handles

CANARY_POLL_SECONDS = 0.5


class RedriveState(msgspec.Struct):
    """`matched` before the first retry; `retried` are the ids."""

    matched: int
    retried: list[UUID]


@handles(Redrive)
async def redrive(ctx: JobContext, args: Redrive) -> Redriven:
    wanted = msgspec.structs.replace(args.filter, to=min(args.filter.to or ctx.job.created_at, ctx.job.created_at))
    state = ctx.resume(RedriveState) or RedriveState(await count_failed(ctx.session, wanted), [])
    nudger = Nudger(ctx.database)
    while not await _too_many_failed(ctx, args, state):
        size = args.canary if len(state.retried) < args.canary else args.per_second
        found = await retry_failed(ctx.session, wanted, size, DEFAULT_ATTEMPTS)
        if not found:
            break
        state.retried += found
        await ctx.checkpoint(state)
        nudger.nudge()
        ctx.progress(len(state.retried), state.matched, "failed jobs retried")
        await _let_go_on(ctx, args, state)
    ends = await count_ends(ctx.session, state.retried)
    return Redriven(
        matched=state.matched, retried=len(state.retried), succeeded=ends.succeeded, failed_again=ends.failed,
        stopped=await _too_many_failed(ctx, args, state),
    )  # fmt: skip


async def _let_go_on(ctx: JobContext, args: Redrive, state: RedriveState) -> None:
    """After the canaries: until all of them have ended. Later: a second, which makes the rate."""
    if len(state.retried) > args.canary:
        await asyncio.sleep(1.0)
        return
    while True:
        ends = await count_ends(ctx.database, state.retried)
        if ends.succeeded + ends.failed == len(state.retried):
            return
        ctx.progress(len(state.retried), state.matched, "waiting for the first few to end")
        await asyncio.sleep(CANARY_POLL_SECONDS)


async def _too_many_failed(ctx: JobContext, args: Redrive, state: RedriveState) -> bool:
    ends = await count_ends(ctx.database, state.retried)
    return ends.failed > 0 and ends.failed / (ends.failed + ends.succeeded) > args.stop_at_failure_share
