"""Generating, counting and copying."""

from models.cycles.jobs import (
    CycleDuplicated,
    DuplicateCycle,
    GenerateMeetings,
    MeetingsGenerated,
    ProgressSynced,
    SyncProgress,
)
from models.cycles.services import cycles, generation
from models.registrations.following import copy_registrations
from tasks.context import JobContext
from tasks.handlers import handles


@handles(GenerateMeetings)
async def generate_meetings(ctx: JobContext, args: GenerateMeetings) -> MeetingsGenerated:
    return await generation.generate_meetings(
        ctx.session, ctx.actor, args.cycle_ids, args.on_conflict, ctx.progress, ctx.log
    )


@handles(SyncProgress)
async def sync_progress(ctx: JobContext, args: SyncProgress) -> ProgressSynced:
    return await cycles.sync_progress(ctx.session, args.cycle_id)


@handles(DuplicateCycle)
async def duplicate_cycle(ctx: JobContext, args: DuplicateCycle) -> CycleDuplicated:
    copy = await cycles.duplicate_cycle(ctx.session, ctx.actor, args)
    copied = 0
    if args.copy_registrations:
        copied = await copy_registrations(ctx.session, ctx.actor, args.cycle_id, copy.id)
    generation_job = None
    if args.generate_meetings:
        generation_job = (await ctx.enqueue(GenerateMeetings(cycle_ids=[copy.id]))).id
    return CycleDuplicated(cycle_id=copy.id, registrations_copied=copied, generation_job_id=generation_job)
