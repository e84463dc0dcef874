"""What happens around every handler: claim, lease, progress, one transaction for effect and ending, the verdict."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.events import JOB_FAILED, JOB_SUCCEEDED, job_ended
from models.events.service import emit
from models.jobs.endings import record_failure
from models.jobs.kinds import JobKind, NoResult, kind_named
from models.jobs.lifecycle import Closing, LeaseLost, claim, close, renew, report_progress
from models.jobs.records import JobRecord
from models.jobs.rules import JobStatus, Progress
from models.kernel.actor import Actor
from models.kernel.logs import get_logger
from models.kernel.session import is_away
from models.kernel.signals import Nudger
from models.kernel.validation import decode
from tasks.context import JobContext, Tools
from tasks.handlers import handler_of
from tasks.outcomes import TimeLimitExceeded, after_error, after_success

PROGRESS_SECONDS = 0.2
log = get_logger(__name__)


class Runtime:
    """Performs jobs in one worker process."""

    def __init__(self, tools: Tools, worker: str) -> None:
        self._tools = tools
        self._worker = worker
        self._lease_seconds = tools.settings.job_lease_seconds
        self._nudger = Nudger(tools.database)

    async def perform(self, ids: Sequence[UUID]) -> list[Closing]:
        """Claim and do those of the jobs that are still to be done, concurrently; never raises for a job's error."""
        jobs = await claim(self._tools.database, ids, self._worker, self._lease_seconds)
        closings = await asyncio.gather(*(self._perform(job) for job in jobs))
        self._nudger.nudge()
        await self._nudger.settle()
        return [closing for closing in closings if closing is not None]

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
        async with self._lease(job), self._progress(job) as reporter:
            try:
                return await self._run(kind, job, reporter)
            except LeaseLost:
                raise
            except Exception as error:
                closing = after_error(kind.retry, job, error, random.random())
                log.warning("attempt_failed", retry=closing.wait_seconds, exc_info=error)
            await self._settle(kind, job, closing)
            return closing

    async def _run(self, kind: JobKind, job: JobRecord, reporter: "ProgressReporter") -> Closing:
        args = decode(bytes(job.payload), kind.args)
        async with self._tools.database.transaction() as session:
            context = JobContext(job, session, self._tools, reporter.report)
            result = await _within(kind.time_limit_seconds, handler_of(kind.name)(context, args))
            await reporter.stop()
            closing = after_success(msgspec.json.encode(result if result is not None else NoResult()))
            await self._end(session, kind, job, closing)
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
        await close(session, job, closing)
        if closing.status == JobStatus.FAILED and closing.error is not None:
            await record_failure(session, job, closing.error)
        if kind.announced and closing.status != JobStatus.RETRYING:
            type_ = JOB_SUCCEEDED if closing.status == JobStatus.SUCCEEDED else JOB_FAILED
            actor = Actor.named(job.owner, job.request_id)
            await emit(session, actor, type_, job.id, job_ended(job, closing.status, closing.error))

    @contextlib.asynccontextmanager
    async def _lease(self, job: JobRecord) -> AsyncIterator[None]:
        """Renew the lease while the body runs; once it is lost, the body is interrupted with LeaseLost."""
        body = asyncio.current_task()
        assert body is not None
        lost = False

        async def keep() -> None:
            nonlocal lost
            while True:
                await asyncio.sleep(self._lease_seconds / 3)
                try:
                    if not await renew(self._tools.database, job, self._lease_seconds):
                        lost = True
                        body.cancel()
                        return
                except Exception as error:
                    log.warning("lease_not_renewed", error=repr(error))

        keeper = asyncio.create_task(keep())
        try:
            yield
        except asyncio.CancelledError:
            if not lost:
                raise
            raise LeaseLost(f"The lease of job {job.id} ran out while it ran.") from None
        finally:
            keeper.cancel()

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
