"""Jobs in any state, what they have done, and a broker that keeps what it is given."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from models.jobs import dispatching
from models.jobs.lifecycle import Closing
from models.jobs.records import JobRecord
from models.jobs.rules import AttemptOutcome, JobStatus, Queue
from models.jobs.service import enqueue, get_job
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from scheduler.broker import BrokerAway, Message
from tests.support.client import ApiClient, eventually
from tests.support.probes import Echo

LATER = "2199-01-01T00:00:00Z"
DONE = Closing(status=JobStatus.SUCCEEDED, outcome=AttemptOutcome.SUCCEEDED, result=b"{}")
BROKE = Closing(status=JobStatus.RETRYING, outcome=AttemptOutcome.RETRY, wait_seconds=0)
STOPPED = Closing(status=JobStatus.CANCELLED, outcome=AttemptOutcome.STOPPED)
GAVE_UP = Closing(status=JobStatus.FAILED, outcome=AttemptOutcome.FAILED)


async def job_in(database: Database, status: JobStatus) -> JobRecord:
    """A job brought into the state by the statement of a test, with the columns that the constraints ask for."""
    job = await enqueue(database, SYSTEM, Echo(text="x"))
    await database.execute(
        """UPDATE jobs SET status = $2, attempt = CASE WHEN $2 IN ('scheduled', 'queued') THEN 0 ELSE 1 END,
               run_at = clock_timestamp() - interval '1 s',
               worker = 'worker', started_at = clock_timestamp(),
               lease_until = CASE WHEN $2 = 'running' THEN clock_timestamp() + interval '1 min' END,
               finished_at = CASE WHEN $2 IN ('succeeded', 'failed', 'cancelled') THEN clock_timestamp() END
           WHERE id = $1""",
        job.id,
        status.value,
    )
    return await get_job(database, job.id)


async def take(database: Database, window: int = 10) -> list[UUID]:
    async with database.transaction() as session:
        taken = await dispatching.take_due(session, Queue.DEFAULT, window)
    return [id_ for bundle in taken.bundles for id_ in bundle.ids]


async def started(client: ApiClient, kind: str, options: Mapping[str, Any] | None = None, **payload: Any) -> str:
    job = await client.submit(kind, payload, **(options or {}))

    async def runs() -> bool:
        return bool((await client.expect(200, "GET", f"/jobs/{job['id']}"))["status"] == "running")

    await eventually(runs, within=60)
    return str(job["id"])


async def effects(database: Database, label: str) -> list[int]:
    rows = await database.fetch("SELECT attempt FROM probe_effects WHERE label = $1", label)
    return [row["attempt"] for row in rows]


async def outcomes(client: ApiClient, job_id: str) -> list[str]:
    return [attempt["outcome"] for attempt in await client.expect(200, "GET", f"/jobs/{job_id}/attempts")]


class FakeBroker:
    """Takes messages until told to be away; `held` is what its queues hold."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.away = False
        self.held = 0

    async def publish(self, messages: Sequence[Message]) -> None:
        if self.away:
            raise BrokerAway("refused")
        self.messages += messages

    async def depth(self, queue: str) -> int:
        return self.held

    @property
    def sizes(self) -> list[int]:
        return [len(message.job_ids) for message in self.messages]
