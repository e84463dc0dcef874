"""What happens around every handler: claim, lease, progress, one transaction for effect and ending, the verdict."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import chain
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.endings import Success, announce_end, end_successes
from models.jobs.dispatching import unpublish
from models.jobs.endings import has_witness
from models.jobs.kinds import JobKind, NoResult, kind_named
from models.jobs.lifecycle import Closing, LeaseLost, claim, close, lost, refuse
from models.jobs.records import JobRecord
from models.kernel.batching import Batcher
from models.kernel.logs import get_logger
from models.kernel.origin import Origin, acting
from models.kernel.session import is_away, is_serialization_failure
from models.kernel.signals import JOB_CHANGED, Nudger
from models.kernel.storable import encode_storable
from models.kernel.validation import decode
from tasks.context import JobContext, Tools
from tasks.handlers import handler_of
from tasks.heartbeat import Heartbeat
from tasks.leases import Hold, Leases
from tasks.outcomes import (
    Ended,
    JobInterrupted,
    JobPostponed,
    JobStopped,
    LoopBlocked,
    TimeLimitExceeded,
    after_error,
    after_success,
    check_size,
    is_a_surprise,
)
from tasks.reporting import Reporter

PATIENCE_SECONDS = 0.25
log = get_logger(__name__)
Ends = dict[UUID, Ended]


class Turn:
    """Of one job among those of a message: when it `began` to take its worker's time, and that it has `worked`: its
    handler is done, while its end may still be on its way to the disk."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.worked = asyncio.Event()


class Runtime:
    """Performs jobs in one worker process."""

    def __init__(self, tools: Tools, worker: str) -> None:
        self._tools = tools
        self._database = tools.database
        self._worker = worker
        self._ending = False
        self._heartbeat = Heartbeat()
        self._leases = Leases(tools.database, tools.settings.job_lease_seconds, self._heartbeat)
        self._nudger = Nudger(tools.database)
        self._closer = Batcher(partial(end_successes, tools.database), lanes=1)

    async def perform(self, kind: JobKind, ids: Sequence[UUID]) -> Ends:
        """Do those of the jobs that are still to be done; never raises for a job's error.

        They are taken in turns of the kind's batch size (one, for most): claimed when the turn before has done its
        work, so that a job that kills its worker takes no further one with it. Those for which there is no time,
        because one takes longer than usual, go back to the queue.
        """
        rest, handing_back = deque(ids), list[asyncio.Task[None]]()
        patience = asyncio.get_running_loop().call_later(
            PATIENCE_SECONDS, lambda: handing_back.append(asyncio.create_task(self._hand_back(rest)))
        )
        try:
            return await self._in_turns(kind, rest)
        finally:
            patience.cancel()
            if rest and self._ending:
                await self._hand_back(rest)
            await asyncio.gather(*handing_back)
            await self.show_alive(kind.queue)
            await self._nudger.settle()

    async def refuse(self, ids: Sequence[UUID]) -> None:
        """Give back jobs of a kind that only a newer version knows, or only an older one knew."""
        kinds = await refuse(self._database, ids, self._worker)
        log.warning("kind_unknown", kinds=sorted(set(kinds)), jobs=len(kinds))

    def end(self) -> None:
        """The worker is to end: nothing more is begun, and what is not done in ten seconds (of a lease of fifteen) is
        given back."""
        self._ending = True
        asyncio.get_running_loop().call_later(self._leases.seconds * 2 / 3, self._leases.interrupt)

    async def show_alive(self, queue: str) -> None:
        """Something came by the queue."""
        await self._heartbeat.show(self._database, [queue])

    async def _in_turns(self, kind: JobKind, rest: deque[UUID]) -> Ends:
        attempts: list[asyncio.Task[Ends]] = []
        try:
            while rest and not self._ending:
                began = time.perf_counter()
                jobs = await self._claim(kind, [rest.popleft() for _ in range(min(kind.batch_size, len(rest)))])
                turns = [Turn(began) for _ in jobs]
                attempts += [
                    asyncio.create_task(self._perform(job, turn)) for job, turn in zip(jobs, turns, strict=True)
                ]
                for turn in turns:
                    await turn.worked.wait()
        finally:
            ended = await asyncio.gather(*attempts)
        return dict(chain.from_iterable(ends.items() for ends in ended))

    async def _hand_back(self, rest: deque[UUID]) -> None:
        ids = list(rest)
        rest.clear()
        try:
            await unpublish(self._database, ids)
            self._nudger.nudge()
        except Exception as error:  # the scheduler finds them, some seconds later
            log.warning("not_handed_back", jobs=len(ids), error=repr(error))

    async def _claim(self, kind: JobKind, ids: Sequence[UUID]) -> list[JobRecord]:
        return await claim(self._database, ids, self._worker, self._leases.seconds, kind.limits)

    async def _perform(self, job: JobRecord, turn: Turn) -> Ends:
        """How it ended; nothing when it was given to another worker meanwhile."""
        structlog.contextvars.bind_contextvars(
            job_id=str(job.id), kind=job.kind, attempt=job.attempt, request_id=job.request_id
        )
        try:
            closing = await self._attempt(kind_named(job.kind), job, turn)
        except LeaseLost as error:
            log.warning("lease_lost", detail=error.detail)
            return {}
        except Exception:  # its end could not be written; it runs again when its lease has run out
            log.exception("attempt_not_ended")
            return {}
        finally:
            turn.worked.set()
        self._nudger.tell(JOB_CHANGED, str(job.id))
        self._nudger.nudge()
        log.info("attempt_ended", outcome=closing.outcome, error=closing.error and closing.error.code)
        return {job.id: Ended.of(closing)}

    async def _attempt(self, kind: JobKind, job: JobRecord, turn: Turn) -> Closing:
        """Raises LeaseLost when the job was given to another worker meanwhile."""
        reporter = Reporter(self._database, job)
        with self._leases.hold(job, turn.worked, kind.time_limit_seconds) as hold:
            try:
                return await self._run(kind, job, reporter, hold, turn)
            except LeaseLost:
                raise
            except (JobStopped, JobPostponed, JobInterrupted) as wanted:
                closing = after_error(kind.retry, job, wanted, 0.0)
            except Exception as error:
                named = LoopBlocked() if hold.blocked and is_away(error) else error
                closing = after_error(kind.retry, job, named, random.random())
                log.warning(
                    "attempt_failed", retry=closing.wait_seconds, error=repr(error),
                    exc_info=error if is_a_surprise(closing) else None,
                )  # fmt: skip
            finally:
                await reporter.stop()
            hold.finish()
            await self._settle(kind, job, closing)
            return closing

    async def _run(self, kind: JobKind, job: JobRecord, reporter: Reporter, hold: Hold, turn: Turn) -> Closing:
        args = decode(bytes(job.payload), kind.args)
        async with self._database.transaction_on_demand() as transaction:
            context = JobContext(job, transaction, self._tools, reporter.report, reporter.log, hold.stop)
            with acting(Origin(job.owner, job.request_id, job.id)), hold.interruptible():
                result = await _within(kind.time_limit_seconds, handler_of(kind.name)(context, args))
            await reporter.stop()
            stored = encode_storable(result if result is not None else NoResult())
            check_size("The result", len(stored), self._tools.settings.job_result_limit_bytes)
            seconds = time.perf_counter() - turn.began
            closing = after_success(stored, seconds)
            hold.finish()
            if transaction.begun or has_witness(job):
                await self._end(transaction.session, kind, job, closing)
                return closing
        if not await self._closer.ask(Success(job, stored, seconds)):
            raise lost(job)
        return closing

    async def _settle(self, kind: JobKind, job: JobRecord, closing: Closing) -> None:
        """Record a failed attempt. While PostgreSQL is away this waits, for as long as the lease is worth anything; so
        it does when another transaction was in the way."""
        deadline = asyncio.get_running_loop().time() + self._leases.seconds
        while True:
            try:
                async with self._database.transaction() as session:
                    await self._end(session, kind, job, closing)
                return
            except Exception as error:
                may_pass = is_away(error) or is_serialization_failure(error)
                if not may_pass or asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.5)

    async def _end(self, session: AsyncSession, kind: JobKind, job: JobRecord, closing: Closing) -> None:
        status = await close(session, job, closing)
        await announce_end(session, job, status, closing.error)


async def _within(seconds: float, work):  # type: ignore[no-untyped-def]
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError as error:
        if limit.expired():
            raise TimeLimitExceeded(f"The attempt took longer than {seconds:g} s.") from error
        raise
