"""Jobs about jobs."""

import asyncio

import msgspec

from models.events.endings import cancel_many
from models.jobs.cancelling import group_to_cancel, list_to_cancel
from models.jobs.jobs import CancelJobs, ManyCancelled, Redrive, RedriveFilter, Redriven, StopReason
from models.jobs.redriving import Place, count_failed, count_redriven, list_paused_among, retry_next
from models.jobs.rules import UNFINISHED, JobStatus, LogLevel
from models.kernel.signals import JOB_CHANGED, Nudger
from tasks.context import JobContext
from tasks.handlers import handles

CANARY_POLL_SECONDS = 0.5
PATIENCE_SECONDS, LONGEST_WAIT_SECONDS = 3.0, 30
LOOKED_FOR_AT_ONCE, CANCELLED_AT_ONCE = 20_000, 500
LOCKED_POLL_SECONDS = 0.2


class RedriveState(msgspec.Struct):
    """`matched` is from before the first retry; the retried jobs know their redrive themselves."""

    matched: int
    retried: int = 0
    skipped: int = 0
    place: Place = Place()


@handles(Redrive)
async def redrive(ctx: JobContext, args: Redrive) -> Redriven:
    wanted = msgspec.structs.replace(args.filter, to=min(args.filter.to or ctx.job.created_at, ctx.job.created_at))
    state = ctx.resume(RedriveState) or RedriveState((await count_failed(ctx.session, wanted)).jobs)
    nudger = Nudger(ctx.database)
    while not (reason := await _reason_to_stop(ctx, args, state)):
        before = state.retried
        if not await _retry_more(ctx, args, wanted, state):
            break
        nudger.nudge()
        if before < state.retried > args.canary:
            await asyncio.sleep(1.0)
    ends = await count_redriven(ctx.session, ctx.job.id)
    return Redriven(
        matched=state.matched, retried=state.retried, skipped=state.skipped,
        succeeded=ends.get(JobStatus.SUCCEEDED, 0), failed_again=ends.get(JobStatus.FAILED, 0),
        stopped=reason is not None, reason=reason,
    )  # fmt: skip


async def _retry_more(ctx: JobContext, args: Redrive, wanted: RedriveFilter, state: RedriveState) -> bool:
    """Whether there were any left."""
    size = args.canary - state.retried if state.retried < args.canary else args.per_second
    step = await retry_next(ctx.session, ctx.job.id, wanted, state.place, size)
    if step is None:
        return False
    state.retried += len(step.ids)
    state.skipped += step.skipped
    state.place = step.place
    await ctx.checkpoint(state)
    ctx.progress(state.retried + state.skipped, state.matched, "failed jobs retried")
    return True


async def _reason_to_stop(ctx: JobContext, args: Redrive, state: RedriveState) -> StopReason | None:
    """Looks at those that have ended; while only the first few have been retried, when all of them have."""
    began = asyncio.get_running_loop().time()
    while True:
        ends = await count_redriven(ctx.database, ctx.job.id)
        waiting = {status: ends[status] for status in UNFINISHED if status in ends}
        if not waiting or state.retried > args.canary:
            break
        if paused := await list_paused_among(ctx.database, ctx.job.id):
            ctx.log("Stopped, because kinds of the first few were paused.", LogLevel.WARNING, kinds=paused)
            return StopReason.KIND_PAUSED
        counts = ", ".join(f"{jobs} {status}" for status, jobs in waiting.items())
        ctx.progress(state.retried + state.skipped, state.matched, f"waiting for the first few to end: {counts}")
        if asyncio.get_running_loop().time() - began > PATIENCE_SECONDS:  # the worker may be the one they wait for
            ctx.postpone(min(1 + ctx.job.uncounted_attempts, LONGEST_WAIT_SECONDS))
        await asyncio.sleep(CANARY_POLL_SECONDS)
    failed, succeeded = ends.get(JobStatus.FAILED, 0), ends.get(JobStatus.SUCCEEDED, 0)
    if failed <= (failed + succeeded) * args.stop_at_failure_share:
        return None
    ctx.log("Stopped, because too many failed again.", LogLevel.WARNING, failed=failed, succeeded=succeeded)
    return StopReason.FAILURES


class CancelState(msgspec.Struct):
    """`matched` is from before the first was cancelled. There is no place to keep: what was cancelled is not found
    again."""

    matched: int
    prevented: int = 0
    stopping: int = 0

    @property
    def reached(self) -> int:
        return self.prevented + self.stopping


@handles(CancelJobs)
async def cancel_jobs(ctx: JobContext, args: CancelJobs) -> ManyCancelled:
    before, nudger = ctx.job.created_at, Nudger(ctx.database)
    state = ctx.resume(CancelState)
    if state is None:
        state = CancelState(sum(group.jobs for group in await group_to_cancel(ctx.session, args.filter, before)))
        ctx.log("Jobs were found.", jobs=state.matched)
    while ids := await list_to_cancel(ctx.session, args.filter, before, LOOKED_FOR_AT_ONCE):
        reached = state.reached
        for at in range(0, len(ids), CANCELLED_AT_ONCE):
            jobs = await cancel_many(ctx.session, args.filter, before, ids[at : at + CANCELLED_AT_ONCE])
            state.prevented += sum(job.finished for job in jobs)
            state.stopping += sum(not job.finished for job in jobs)
            await ctx.checkpoint(state)
            for job in jobs:
                nudger.tell(JOB_CHANGED, str(job.id))
            ctx.progress(state.reached, max(state.matched, state.reached), "jobs cancelled or asked to stop")
        if state.reached > reached:
            ctx.log("Jobs were cancelled or asked to stop.", prevented=state.prevented, stopping=state.stopping)
        else:
            await asyncio.sleep(LOCKED_POLL_SECONDS)
    await nudger.settle()
    return ManyCancelled(
        matched=max(state.matched, state.reached), prevented=state.prevented, stopping=state.stopping,
        already_ended=max(state.matched - state.reached, 0),
    )  # fmt: skip
