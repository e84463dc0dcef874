"""The leases of a worker process: renewed for all its running jobs together."""

import asyncio
import contextlib
from collections.abc import Iterator
from uuid import UUID

from models.jobs.lifecycle import LeaseLost, look_after, renew
from models.jobs.records import JobRecord
from models.kernel.logs import get_logger
from models.kernel.session import Database

LOOK_SECONDS = 1.0
log = get_logger(__name__)


class Hold:
    """One attempt under way. `stop` is set once someone asks the job to stop. `worked` is to be set before it is
    closed: from then on the fence of its closing watches over it."""

    def __init__(self, job: JobRecord, worked: asyncio.Event, body: "asyncio.Task[object]", since: float) -> None:
        self.job = job
        self.stop = asyncio.Event()
        self.worked = worked
        self.lost = False
        self._body = body
        self._since = since

    def older_than(self, seconds: float, now: float) -> bool:
        return now - self._since > seconds

    def lose(self) -> None:
        if not self.worked.is_set():
            self.lost = True
            self._body.cancel()


class Leases:
    """Looks at all running jobs each second, in one statement, and renews their leases three times in a lease's life.

    An attempt whose lease is no longer ours is interrupted with LeaseLost.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        self.seconds = seconds
        self._database = database
        self._held: dict[UUID, Hold] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._renewed_at = 0.0

    @contextlib.contextmanager
    def hold(self, job: JobRecord, worked: asyncio.Event) -> Iterator[Hold]:
        """Around the body of an attempt that was just claimed. Raises LeaseLost."""
        body = asyncio.current_task()
        assert body is not None
        hold = self._held[job.id] = Hold(job, worked, body, asyncio.get_running_loop().time())
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        try:
            yield hold
        except asyncio.CancelledError:
            if not hold.lost:
                raise
            raise LeaseLost(f"The lease of job {job.id} ran out while it ran.") from None
        finally:
            del self._held[job.id]

    async def _keep(self) -> None:
        pause = min(LOOK_SECONDS, self.seconds / 3)
        while True:
            await asyncio.sleep(pause)
            now = asyncio.get_running_loop().time()
            held = [hold for hold in self._held.values() if hold.older_than(pause / 2, now)]
            if held:
                try:
                    await self._look_after(held, now, pause)
                except Exception as error:
                    log.warning("leases_not_renewed", jobs=len(held), error=repr(error))

    async def _look_after(self, held: list[Hold], now: float, pause: float) -> None:
        jobs = [hold.job for hold in held]
        if now - self._renewed_at + pause > self.seconds / 3:
            await renew(self._database, jobs, self.seconds)
            self._renewed_at = now
        ours = await look_after(self._database, jobs)
        for hold in held:
            if hold.job.id not in ours:
                hold.lose()
            elif ours[hold.job.id]:
                hold.stop.set()
