"""Kinds whose every effect is counted: rows in `chaos_effects`, which accepts doubles, and calls to the counter."""

import asyncio
import os
import signal

import aiohttp

from models.identity.permissions import Scope
from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.rules import Queue, RetryPolicy
from models.kernel.session import fetch
from tasks.context import JobContext
from tasks.handlers import handles
from tasks.outcomes import ProviderError

LEAVE_EFFECT = "INSERT INTO chaos_effects VALUES ($1, $2, $3, $4, $5)"
OF_NO_WORK = -1
PATIENT = RetryPolicy(max_attempts=25, first_seconds=0.2, cap_seconds=2.0)


async def leave_effect(ctx: JobContext, number: int, part: int = 0) -> None:
    await fetch(ctx.session, LEAVE_EFFECT, number, part, ctx.job.id, ctx.job.attempt, ctx.now())


@kind("chaos.write", scope=Scope.WRITE_JOBS, retry=PATIENT)
class Write(JobArgs):
    """Leave one row, and hold its transaction open for a while."""

    number: int
    seconds: float


@handles(Write)
async def write(ctx: JobContext, args: Write) -> None:
    await leave_effect(ctx, args.number)
    await asyncio.sleep(args.seconds)


class Receipt(JobResult):
    calls: int


@kind("chaos.call", queue=Queue.CALENDAR, scope=Scope.WRITE_JOBS, retry=PATIENT)
class Call(JobArgs):
    """Call the outside in named steps, then leave one row."""

    number: int
    steps: list[str]


@handles(Call)
async def call(ctx: JobContext, args: Call) -> None:
    for name in args.steps:

        async def post(key: str, name: str = name) -> Receipt:
            return await _post(ctx, f"/calls/{args.number}/{name}", key)

        await ctx.step(name, post, Receipt)
    await leave_effect(ctx, args.number)


async def _post(ctx: JobContext, path: str, key: str) -> Receipt:
    url, headers = os.environ["CHAOS_COUNTER_URL"] + path, {"Idempotency-Key": key}
    try:
        async with ctx.http.post(url, headers=headers, timeout=aiohttp.ClientTimeout(total=5)) as answer:
            if answer.status == 200:
                return Receipt(calls=(await answer.json())["calls"])
            raise ProviderError("COUNTER_DOWN", f"The counter answered {answer.status}.", retryable=True)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ProviderError("COUNTER_AWAY", repr(error), retryable=True) from error


class Done(JobResult):
    chunks: int


@kind("chaos.long", queue=Queue.BULK, scope=Scope.WRITE_JOBS, retry=PATIENT)
class Long(JobArgs):
    """Leave a row per chunk, each with a checkpoint."""

    number: int
    chunks: int
    seconds: float


@handles(Long)
async def long(ctx: JobContext, args: Long) -> None:
    done = (ctx.resume(Done) or Done(chunks=0)).chunks
    for chunk in range(done, args.chunks):
        await leave_effect(ctx, args.number, chunk)
        await asyncio.sleep(args.seconds)
        await ctx.checkpoint(Done(chunks=chunk + 1))
        ctx.progress(chunk + 1, args.chunks)


@kind("chaos.tiny", queue=Queue.WEBHOOKS, batch_size=50, announced=False, scope=Scope.WRITE_JOBS, retry=PATIENT)
class Tiny(JobArgs):
    """Leave one row; taken many at once."""

    number: int


@handles(Tiny)
async def tiny(ctx: JobContext, args: Tiny) -> None:
    await leave_effect(ctx, args.number)


@kind("chaos.flaky", queue=Queue.EXPORTS, scope=Scope.WRITE_JOBS, retry=PATIENT)
class Flaky(JobArgs):
    """Break after its row was written, in so many attempts."""

    number: int
    breaks: int


@handles(Flaky)
async def flaky(ctx: JobContext, args: Flaky) -> None:
    await leave_effect(ctx, args.number)
    if ctx.job.attempt <= args.breaks:
        raise ProviderError("PROVIDER_DOWN", "The provider answered 503.", retryable=True)


@kind("chaos.poison", scope=Scope.WRITE_JOBS, retry=RetryPolicy(max_attempts=3, first_seconds=0.2))
class Poison(JobArgs):
    """Take the worker process down with a row half written."""

    number: int


@handles(Poison)
async def poison(ctx: JobContext, args: Poison) -> None:
    await leave_effect(ctx, args.number)
    os.kill(os.getpid(), signal.SIGKILL)


@kind("chaos.tick", scope=Scope.WRITE_JOBS, retry=PATIENT)
class Tick(JobArgs):
    """Leave one row for a fire of a schedule."""


@handles(Tick)
async def tick(ctx: JobContext, args: Tick) -> None:
    await leave_effect(ctx, OF_NO_WORK)
