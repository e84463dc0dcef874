"""Job kinds that only tests know, to see what the engine does around a handler."""

import asyncio
import os
import signal
import time

from models.identity.permissions import Scope
from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.limits import Limits, Rate
from models.jobs.rules import LogLevel, Queue, RetryPolicy
from models.kernel.errors import Unprocessable
from models.kernel.session import fetch
from tasks.context import JobContext
from tasks.handlers import handles
from tasks.outcomes import ProviderError

QUICK = RetryPolicy(max_attempts=3, first_seconds=0.05, cap_seconds=0.05, jitter=0.0)
CREATE_EFFECTS = """
CREATE TABLE IF NOT EXISTS probe_effects (job_id uuid, attempt int, label text);
GRANT ALL ON probe_effects TO PUBLIC
"""


class Echoed(JobResult):
    text: str


@kind("probe.echo", result=Echoed, scope=Scope.WRITE_JOBS, retry=QUICK, example={"text": "hello"})
class Echo(JobArgs):
    """Give the text back."""

    text: str


@handles(Echo)
async def echo(ctx: JobContext, args: Echo) -> Echoed:
    return Echoed(text=args.text)


@kind("probe.effect", scope=Scope.WRITE_JOBS, retry=QUICK)
class Effect(JobArgs):
    """Write a row, wait, write nothing more: effect and ending are one transaction.

    `fail_until` attempts break after the row was written; `final` breaks for good.
    """

    label: str
    seconds: float = 0.0
    fail_until: int = 0
    final: bool = False
    steps: int = 0


@handles(Effect)
async def effect(ctx: JobContext, args: Effect) -> None:
    await fetch(ctx.session, "INSERT INTO probe_effects VALUES ($1, $2, $3)", ctx.job.id, ctx.job.attempt, args.label)
    for step in range(args.steps):
        ctx.progress(step + 1, args.steps, f"step {step + 1}")
        await asyncio.sleep(args.seconds / args.steps)
    if not args.steps:
        await asyncio.sleep(args.seconds)
    if args.final:
        raise Unprocessable("This will never work.")
    if ctx.job.attempt <= args.fail_until:
        raise ProviderError("PROVIDER_DOWN", "The provider answered 503.", retryable=True)


@kind("probe.freeze", retry=QUICK, time_limit_seconds=60.0)
class Freeze(JobArgs):
    """Stop the server process of the job's transaction: the commit that follows is never answered."""


@handles(Freeze)
async def freeze(ctx: JobContext, args: Freeze) -> None:
    (row,) = await fetch(ctx.session, "SELECT pg_backend_pid() AS pid")
    os.kill(row["pid"], signal.SIGSTOP)


@kind("probe.break", retry=RetryPolicy(max_attempts=3, first_seconds=0.05, jitter=0.0, final=("HOPELESS",)))
class Break(JobArgs):
    """Break by an error of the code, with the text."""

    code: str = "PROVIDER_DOWN"
    text: str = "It broke."


@handles(Break)
async def break_(ctx: JobContext, args: Break) -> None:
    raise ProviderError(args.code, args.text.replace("NUL", "\0").replace("HALF", "\ud800"), retryable=True)


@kind("probe.die", scope=Scope.WRITE_JOBS, retry=RetryPolicy(max_attempts=2, first_seconds=0.05, jitter=0.0))
class Die(JobArgs):
    """Take the worker process down, as a crash in a library would."""


@handles(Die)
async def die(ctx: JobContext, args: Die) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@kind("probe.batch", queue=Queue.WEBHOOKS, batch_size=50, announced=False, scope=Scope.WRITE_JOBS, retry=QUICK)
class Batch(JobArgs):
    """Taken many at once."""

    label: str
    broken: bool = False


@handles(Batch)
async def batch(ctx: JobContext, args: Batch) -> None:
    if args.broken:
        raise Unprocessable("This will never work.")
    await fetch(ctx.session, "INSERT INTO probe_effects VALUES ($1, $2, $3)", ctx.job.id, ctx.job.attempt, args.label)


class CallState(JobResult):
    done: int


class Receipt(JobResult):
    number: int


@kind("probe.steps", scope=Scope.WRITE_JOBS, retry=QUICK)
class Steps(JobArgs):
    """Call the outside in named steps, of which the one named `break_after` is followed by an error once."""

    steps: list[str]
    break_after: str | None = None
    seconds: float = 0.0


@handles(Steps)
async def steps(ctx: JobContext, args: Steps) -> None:
    for name in args.steps:

        async def call(key: str, name: str = name) -> Receipt:
            await fetch(
                ctx.database,
                "INSERT INTO probe_effects VALUES ($1, $2, $3)",
                ctx.job.id,
                ctx.job.attempt,
                f"{name} {key}",
            )
            return Receipt(number=len(name))

        receipt = await ctx.step(name, call, Receipt)
        assert receipt.number == len(name)
        if name == args.break_after and ctx.job.attempt == 1:
            raise ProviderError("PROVIDER_DOWN", "The provider answered 503.", retryable=True)
        await asyncio.sleep(args.seconds)


@kind("probe.chunks", scope=Scope.WRITE_JOBS, retry=QUICK)
class Chunks(JobArgs):
    """Write rows in chunks of one; breaks once after `break_after` of them."""

    label: str
    chunks: int
    break_after: int = 0
    seconds: float = 0.0


@handles(Chunks)
async def chunks(ctx: JobContext, args: Chunks) -> None:
    state = ctx.resume(CallState) or CallState(done=0)
    for number in range(state.done, args.chunks):
        await fetch(
            ctx.session, "INSERT INTO probe_effects VALUES ($1, $2, $3)", ctx.job.id, ctx.job.attempt, args.label
        )
        await ctx.checkpoint(CallState(done=number + 1))
        await fetch(
            ctx.session, "INSERT INTO probe_effects VALUES ($1, $2, 'uncommitted')", ctx.job.id, ctx.job.attempt
        )
        if number + 1 == args.break_after and ctx.job.attempt == 1:
            raise ProviderError("PROVIDER_DOWN", "The provider answered 503.", retryable=True)
        await fetch(ctx.session, "DELETE FROM probe_effects WHERE label = 'uncommitted' AND job_id = $1", ctx.job.id)
        await asyncio.sleep(args.seconds)


@kind("probe.limited", scope=Scope.WRITE_JOBS, retry=QUICK, limits=Limits(per_key=1))
class Limited(JobArgs):
    """At most one at a time for each key; notes when it starts and ends."""

    key: str
    seconds: float = 0.1

    def limit_key(self) -> str:
        return self.key


@handles(Limited)
async def limited(ctx: JobContext, args: Limited) -> None:
    for label in ("start", "end"):
        await fetch(ctx.database, "INSERT INTO probe_effects VALUES ($1, $2, $3)", ctx.job.id, ctx.job.attempt, label)
        await asyncio.sleep(args.seconds)


@kind("probe.paced", scope=Scope.WRITE_JOBS, retry=QUICK, limits=Limits(rate=Rate(3, 0.5), rate_per_key=Rate(2, 0.5)))
class Paced(JobArgs):
    """So many start in a time. Breaks at its first attempt if it is told to."""

    key: str | None = None
    breaks: bool = False

    def limit_key(self) -> str | None:
        return self.key


@handles(Paced)
async def paced(ctx: JobContext, args: Paced) -> None:
    if args.breaks and ctx.job.attempt == 1:
        raise ProviderError("PROVIDER_DOWN", "The provider answered 503.", retryable=True)


@kind("probe.rationed", scope=Scope.WRITE_JOBS, limits=Limits(rate=Rate(3, 600.0), rate_per_key=Rate(2, 600.0)))
class Rationed(JobArgs):
    """So many start in a time that no test takes."""

    key: str | None = None

    def limit_key(self) -> str | None:
        return self.key


@handles(Rationed)
async def rationed(ctx: JobContext, args: Rationed) -> None: ...


@kind("probe.postpone", scope=Scope.WRITE_JOBS, retry=QUICK)
class Postpone(JobArgs):
    """Put itself off so many times, after a step and a write."""

    times: int
    seconds: float


@handles(Postpone)
async def postpone(ctx: JobContext, args: Postpone) -> None:
    async def call(_: str) -> Receipt:
        sql = "INSERT INTO probe_effects VALUES ($1, $2, 'called')"
        await fetch(ctx.database, sql, ctx.job.id, ctx.job.attempt)
        return Receipt(number=1)

    await ctx.step("called", call, Receipt)
    sql = "INSERT INTO probe_effects VALUES ($1, $2, 'written')"
    await fetch(ctx.session, sql, ctx.job.id, ctx.job.attempt)
    if ctx.job.attempt <= args.times:
        ctx.postpone(args.seconds)


@kind("probe.large", result=Echoed, scope=Scope.WRITE_JOBS, retry=QUICK)
class Large(JobArgs):
    """Leave a text of so many letters."""

    what: str
    size: int
    steps: int = 1


@handles(Large)
async def large(ctx: JobContext, args: Large) -> Echoed:
    await fetch(ctx.session, "INSERT INTO probe_effects VALUES ($1, $2, 'large')", ctx.job.id, ctx.job.attempt)
    text = Echoed(text="x" * args.size)

    async def call(_: str) -> Echoed:
        return text

    if args.what == "receipt":
        for number in range(args.steps):
            await ctx.step(f"step {number}", call, Echoed)
    if args.what == "state":
        await ctx.checkpoint(text)
    return text if args.what == "result" else Echoed(text="")


@kind("probe.compute", scope=Scope.WRITE_JOBS, retry=QUICK, time_limit_seconds=12.0)
class Compute(JobArgs):
    """Keep the worker's loop to itself for so long: a computation that awaits nothing."""

    seconds: float
    in_transaction: bool = False


@handles(Compute)
async def compute(ctx: JobContext, args: Compute) -> None:
    sql = "INSERT INTO probe_effects VALUES ($1, $2, 'computed')"
    if args.in_transaction:
        await fetch(ctx.session, sql, ctx.job.id, ctx.job.attempt)
    until = time.monotonic() + args.seconds
    while time.monotonic() < until:
        sum(range(1000))


@kind("probe.linger", scope=Scope.WRITE_JOBS, retry=QUICK)
class Linger(JobArgs):
    """Take so long in the first attempt, and no time in the next."""

    label: str
    seconds: float


@handles(Linger)
async def linger(ctx: JobContext, args: Linger) -> None:
    sql = "INSERT INTO probe_effects VALUES ($1, $2, $3)"
    await fetch(ctx.session, sql, ctx.job.id, ctx.job.attempt, args.label)
    if ctx.job.attempt == 1:
        await asyncio.sleep(args.seconds)


@kind("probe.log", scope=Scope.WRITE_JOBS, retry=QUICK)
class Talk(JobArgs):
    """Say so many lines in each attempt, the last of them as an error; breaks in the first `fail_until`."""

    lines: int
    fail_until: int = 0
    seconds: float = 0.0
    in_thread: bool = False


@handles(Talk)
async def talk(ctx: JobContext, args: Talk) -> None:
    def say(number: int) -> None:
        level = LogLevel.ERROR if number == args.lines else LogLevel.INFO
        ctx.log(f"line {number}", level, attempt=ctx.job.attempt)

    await fetch(ctx.session, "INSERT INTO probe_effects VALUES ($1, $2, 'talked')", ctx.job.id, ctx.job.attempt)
    for number in range(1, args.lines + 1):
        if args.in_thread:
            await asyncio.to_thread(say, number)
        else:
            say(number)
        if args.seconds:
            await asyncio.sleep(args.seconds)
    if ctx.job.attempt <= args.fail_until:
        raise ProviderError("PROVIDER_DOWN", "The provider answered 503.", retryable=True)
