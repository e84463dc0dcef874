"""What happens around every handler: claim, lease, progress, one transaction for effect and ending, the verdict."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.endings import announce_end, end_alone
from models.jobs.endings import has_witness
from models.jobs.kinds import JobKind, NoResult, kind_named
from models.jobs.lifecycle import Closing, Grip, LeaseLost, claim, close, peek, renew, report_progress, see_worker
from models.jobs.records import JobRecord
from models.jobs.rules import Progress
from models.kernel.logs import get_logger
from models.kernel.origin import Origin, acting
from models.kernel.session import is_away
from models.kernel.validation import decode
from tasks.context import JobContext, Tools
from tasks.handlers import handler_of
from tasks.outcomes import JobStopped, TimeLimitExceeded, after_error, after_success

PROGRESS_SECONDS = 0.2
CANCEL_SECONDS = 1.0
log = get_logger(__name__)
_encoder = msgspec.json.Encoder(decimal_format="number")


class Runtime:
    """Performs jobs in one worker process."""

    def __init__(self, tools: Tools, worker: str) -> None:
        self._tools = tools
        self._worker = worker
        self._lease_seconds = tools.settings.job_lease_seconds

    async def perform(self, ids: Sequence[UUID]) -> list[Closing]:
        """Claim and do those of the jobs that are still to be done, concurrently; never raises for a job's error."""
        jobs = await claim(self._tools.database, ids, self._worker, self._lease_seconds)
        closings = await asyncio.gather(*(self._perform(job) for job in jobs))
        return [closing for closing in closings if closing is not None]

    async def show_alive(self, queue: str) -> None:
        await see_worker(self._tools.database, queue, self._worker)

    async def _perform(self, job: JobRecord) -> Closing | None:
        kind = kind_named(job.kind)
        with structlog.contextvars.bound_contextvars(
            job_id=str(job.id), kind=job.kind, attempt=job.attempt, request_id=job.request_id
        ):
            try:
                closing = await self._attempt(kind, job)
            except LeaseLost as lost:
                log.warning("lease_lost", detail=lost.detail)
                return None
            log.info("attempt_ended", outcome=closing.outcome, error=closing.error and closing.error.code)
            return closing

    async def _attempt(self, kind: JobKind, job: JobRecord) -> Closing:
        """Raises LeaseLost when the job was given to another worker meanwhile."""
        async with self._lease(job) as stop, self._progress(job) as reporter:
            try:
                return await self._run(kind, job, reporter, stop)
            except LeaseLost:
                raise
            except JobStopped as stopped:
                closing = after_error(kind.retry, job, stopped, 0.0)
            except Exception as error:
                closing = after_error(kind.retry, job, error, random.random())
                log.warning("attempt_failed", retry=closing.wait_seconds, exc_info=error)
            await self._settle(kind, job, closing)
            return closing

    async def _run(self, kind: JobKind, job: JobRecord, reporter: "ProgressReporter", stop: asyncio.Event) -> Closing:
        args = decode(bytes(job.payload), kind.args)
        async with self._tools.database.transaction() as session:
            context = JobContext(job, session, self._tools, reporter.report, stop)
            with acting(Origin(job.owner, job.request_id, job.id)):
                result = await _within(kind.time_limit_seconds, handler_of(kind.name)(context, args))
            await reporter.stop()
            closing = after_success(_encoder.encode(result if result is not None else NoResult()))
            if session.in_transaction() or has_witness(job):
                await self._end(session, kind, job, closing)
                return closing
        await end_alone(self._tools.database, job, closing)
        return closing

    async def _settle(self, kind: JobKind, job: JobRecord, closing: Closing) -> None:
        """Record a failed attempt; while PostgreSQL is away this waits, for as long as the lease is worth anything."""
        deadline = asyncio.get_running_loop().time() + self._lease_seconds
        while True:
            try:
                async with self._tools.database.transaction() as session:
                    await self._end(session, kind, job, closing)
                return
            except Exception as error:
                if not is_away(error) or asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.5)

    async def _end(self, session: AsyncSession, kind: JobKind, job: JobRecord, closing: Closing) -> None:
        status = await close(session, job, closing)
        await announce_end(session, job, status, closing.error)

    @contextlib.asynccontextmanager
    async def _lease(self, job: JobRecord) -> AsyncIterator[asyncio.Event]:
        """Renew the lease while the body runs, and set the event given once someone asks the job to stop.

        When the lease is lost, the body is interrupted with LeaseLost.
        """
        body = asyncio.current_task()
        assert body is not None
        stop, lost = asyncio.Event(), asyncio.Event()

        async def keep() -> None:
            async for grip in self._grips(job):
                if grip.stop_requested:
                    stop.set()
                if not grip.ours:
                    lost.set()
                    body.cancel()
                    return

        keeper = asyncio.create_task(keep())
        try:
            yield stop
        except asyncio.CancelledError:
            if not lost.is_set():
                raise
            raise LeaseLost(f"The lease of job {job.id} ran out while it ran.") from None
        finally:
            keeper.cancel()

    async def _grips(self, job: JobRecord) -> AsyncIterator[Grip]:
        """How the attempt stands: looked at every second, the lease renewed three times in its life."""
        loop, database = asyncio.get_running_loop(), self._tools.database
        pause = min(CANCEL_SECONDS, self._lease_seconds / 3)
        renewed = loop.time()
        while True:
            await asyncio.sleep(pause)
            try:
                if loop.time() - renewed + pause > self._lease_seconds / 3:
                    yield await renew(database, job, self._lease_seconds)
                    renewed = loop.time()
                else:
                    yield await peek(database, job)
            except Exception as error:
                log.warning("lease_not_renewed", error=repr(error))

    @contextlib.asynccontextmanager
    async def _progress(self, job: JobRecord) -> AsyncIterator["ProgressReporter"]:
        reporter = ProgressReporter(self._tools, job)
        try:
            yield reporter
        finally:
            await reporter.stop()


class ProgressReporter:
    """Writes the newest progress beside the handler's transaction, a few times a second at most."""

    def __init__(self, tools: Tools, job: JobRecord) -> None:
        self._tools = tools
        self._job = job
        self._newest: Progress | None = None
        self._task: asyncio.Task[None] | None = None

    def report(self, progress: Progress) -> None:
        self._newest = progress
        if self._task is None:
            self._task = asyncio.create_task(self._write_forever())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
            await self._write()

    async def _write_forever(self) -> None:
        while True:
            await self._write()
            await asyncio.sleep(PROGRESS_SECONDS)

    async def _write(self) -> None:
        progress, self._newest = self._newest, None
        if progress is not None:
            with contextlib.suppress(Exception):
                await report_progress(self._tools.database, self._job, progress)


async def _within(seconds: float, work):  # type: ignore[no-untyped-def]
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError as error:
        if limit.expired():
            raise TimeLimitExceeded(f"The attempt took longer than {seconds:g} s.") from error
        raise
