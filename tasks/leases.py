"""The leases of a worker process: renewed for all its running jobs together.

By the loop that the handlers run on; and while one of them computes without awaiting anything, so that the loop
stands still, by a thread beside it. The thread stops when a handler has had its time: a process that is stuck for good
must not keep its jobs.
"""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from uuid import UUID

from models.jobs.lifecycle import LeaseLost, look_after, renew
from models.jobs.records import JobRecord
from models.kernel.logs import get_logger
from models.kernel.session import Database
from tasks.heartbeat import Heartbeat
from tasks.outcomes import JobInterrupted

LOOK_SECONDS = 1.0
log = get_logger(__name__)


class Hold:
    """One attempt under way. `stop` is set once someone asks the job to stop. `finish` is to be called before it is
    closed: from then on the fence of its closing watches over it. It is kept until `good_until` at the longest, which
    is a lease after its time limit, and a lease after its handler was done; `blocked` once the loop stood still
    meanwhile."""

    def __init__(
        self, job: JobRecord, worked: asyncio.Event, body: "asyncio.Task[object]", limit: float, lease: float
    ) -> None:
        self.job = job
        self.stop = asyncio.Event()
        self.lost = False
        self.interrupted = self.blocked = self._interruptible = False
        self._worked = worked
        self._body = body
        self._lease = lease
        self._broken_off_at: float | None = None
        self._since = time.monotonic()
        self.good_until = self._since + limit + lease

    def finish(self) -> None:
        """Its handler is done; what is left is to write how it ended."""
        self._worked.set()
        self.good_until = min(self.good_until, time.monotonic() + self._lease)

    def overstay(self, now: float) -> None:
        """Break it off, because it has had its time: whatever it awaits, its handler or the writing of its end, answers
        no more. A process in which that does not help must not keep what it holds."""
        if self._broken_off_at is None:
            log.warning("attempt_overstayed", job_id=str(self.job.id), kind=self.job.kind)
            self.lost, self._broken_off_at = True, now
            self._body.cancel()
        elif now - self._broken_off_at > self._lease:
            kill_this_process([self])

    def older_than(self, seconds: float, now: float) -> bool:
        return now - self._since > seconds

    def lose(self) -> None:
        if not self._worked.is_set():
            self.lost = True
            self._body.cancel()

    def interrupt(self) -> None:
        """Cancel the handler, or keep it from beginning, because the process is to end."""
        self.interrupted = True
        if self._interruptible:
            self._body.cancel()

    def _check_not_interrupted(self) -> None:
        if self.interrupted:
            raise JobInterrupted

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Around the handler. Raises JobInterrupted."""
        self._check_not_interrupted()
        self._interruptible = True
        try:
            yield
        except asyncio.CancelledError:
            if not self.interrupted or self.lost:
                raise
            self._body.uncancel()
            raise JobInterrupted from None
        finally:
            self._interruptible = False


class Leases:
    """Looks at all running jobs each second, in one statement, and renews their leases three times in a lease's life.

    An attempt whose lease is no longer ours is interrupted with LeaseLost.
    """

    def __init__(self, database: Database, seconds: float, heartbeat: Heartbeat) -> None:
        self.seconds = seconds
        self._database = database
        self._heartbeat = heartbeat
        self._held: dict[UUID, Hold] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._interrupting = False
        self._pause = min(LOOK_SECONDS, seconds / 3)
        self.ticked_at = self.renewed_at = 0.0

    @contextlib.contextmanager
    def hold(self, job: JobRecord, worked: asyncio.Event, time_limit_seconds: float) -> Iterator[Hold]:
        """Around the body of an attempt that was just claimed. Raises LeaseLost."""
        body = asyncio.current_task()
        assert body is not None
        if not self._held:  # between messages the loop does not run
            self.ticked_at = time.monotonic()
        hold = self._held[job.id] = Hold(job, worked, body, time_limit_seconds, self.seconds)
        hold.interrupted = self._interrupting
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._tick())]
            StandIn(self, self._database.url, self._pause).start()
        try:
            yield hold
        except asyncio.CancelledError:
            if not hold.lost:
                raise
            raise LeaseLost(f"The lease of job {job.id} ran out while it ran.") from None
        finally:
            del self._held[job.id]

    def held(self) -> list[Hold]:
        return list(self._held.values())

    def interrupt(self) -> None:
        """All that is under way, and what was claimed at this moment."""
        self._interrupting = True
        for hold in self.held():
            hold.interrupt()

    def is_due(self, now: float) -> bool:
        """Whether it is time to renew."""
        return now - self.renewed_at + self._pause > self.seconds / 3

    async def _tick(self) -> None:
        """Beside what waits for PostgreSQL: that it is slow, or answers no more, does not mean that the loop stands
        still."""
        while True:
            now = self.ticked_at = time.monotonic()
            for hold in self.held():
                if hold.good_until <= now:
                    hold.overstay(now)
            await asyncio.sleep(self._pause / 2)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._pause)
            now = time.monotonic()
            held = [hold for hold in self.held() if hold.good_until > now and hold.older_than(self._pause / 2, now)]
            if held:
                try:
                    await self._look_after(held, now)
                except Exception as error:
                    log.warning("leases_not_renewed", jobs=len(held), error=repr(error))

    async def renew(self, database: Database, jobs: Sequence[JobRecord], now: float) -> None:
        """Also for the thread, over its own connection."""
        await renew(database, jobs, self.seconds)
        self.renewed_at = now
        await self._heartbeat.show(database, {job.queue for job in jobs})

    async def _look_after(self, held: list[Hold], now: float) -> None:
        jobs = [hold.job for hold in held]
        if self.is_due(now):
            await self.renew(self._database, jobs, now)
        ours = await look_after(self._database, jobs)
        for hold in held:
            if hold.job.id not in ours:
                hold.lose()
            elif ours[hold.job.id]:
                hold.stop.set()


def kill_this_process(held: Sequence[Hold]) -> None:
    """It will not come back by itself: Celery puts another in its place, and the scheduler rescues the jobs."""
    log.error("process_stuck", jobs=[str(hold.job.id) for hold in held])
    os.kill(os.getpid(), signal.SIGKILL)


class StandIn(threading.Thread):
    """Renews the leases while the loop stands still, over a connection made for it.

    Only of attempts that are within their time limit. When all of them are past it the process is killed.
    """

    def __init__(self, leases: Leases, url: str, pause: float) -> None:
        super().__init__(name="leases", daemon=True)
        self._leases = leases
        self._url = url
        self._tick = pause / 2
        self._patience = pause * 1.2
        self._stuck_for = 0.0

    def run(self) -> None:
        while True:
            time.sleep(self._tick)
            try:
                self._look()
            except Exception as error:
                log.warning("leases_not_renewed", error=repr(error))

    def _look(self) -> None:
        now, held = time.monotonic(), self._leases.held()
        if now - self._leases.ticked_at < self._patience or not held:
            self._stuck_for = 0.0
            return
        if not self._stuck_for:
            log.warning("loop_blocked", kinds=sorted({hold.job.kind for hold in held}), jobs=len(held))
        self._stuck_for += self._tick  # by its own looks, so that a process that was paused is not taken for stuck
        for hold in held:
            hold.blocked = True
        good = [hold.job for hold in held if hold.good_until > now]
        if good and self._leases.is_due(now):
            asyncio.run(self._renew(good, now))
        if not good and self._stuck_for > self._leases.seconds:
            kill_this_process(held)

    async def _renew(self, jobs: Sequence[JobRecord], now: float) -> None:
        database = Database(self._url, pool_size=1, application="bellwork-worker")
        try:
            await asyncio.wait_for(self._leases.renew(database, jobs, now), self._leases.seconds / 3)
        finally:
            await database.close()
