"""Job kinds that do nothing, to see what everything around them costs."""

import asyncio
import time

from models.identity.permissions import Scope
from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.rules import Queue
from tasks.context import JobContext
from tasks.handlers import handles


@kind("bench.noop", scope=Scope.WRITE_JOBS)
class Noop(JobArgs):
    """Do nothing."""


@handles(Noop)
async def noop(ctx: JobContext, args: Noop) -> None:
    return None


@kind("bench.noop_in_batches", queue=Queue.BULK, batch_size=100, scope=Scope.WRITE_JOBS)
class NoopInBatches(JobArgs):
    """Do nothing, up to a hundred at a time."""


@handles(NoopInBatches)
async def noop_in_batches(ctx: JobContext, args: NoopInBatches) -> None:
    return None


class Stamped(JobResult):
    started_at: float


@kind("bench.stamp", result=Stamped, scope=Scope.WRITE_JOBS)
class Stamp(JobArgs):
    """Say when the handler began, by the machine's clock."""


@handles(Stamp)
async def stamp(ctx: JobContext, args: Stamp) -> Stamped:
    return Stamped(started_at=time.time())


@kind("bench.brief", scope=Scope.WRITE_JOBS)
class Brief(JobArgs):
    """Take a part of a second."""

    seconds: float


@kind("bench.middling", scope=Scope.WRITE_JOBS)
class Middling(JobArgs):
    """Take some seconds."""

    seconds: float


@handles(Brief)
async def brief(ctx: JobContext, args: Brief) -> None:
    await asyncio.sleep(args.seconds)


@handles(Middling)
async def middling(ctx: JobContext, args: Middling) -> None:
    await asyncio.sleep(args.seconds)
