"""What a handler is given."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import aiohttp
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.catalogue import EventType
from models.events.service import emit
from models.jobs.kinds import JobArgs
from models.jobs.records import JobRecord
from models.jobs.rules import Progress
from models.jobs.service import DEFAULTS, JobOptions, enqueue
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.crypto import KeyRing
from models.kernel.files import FileStore
from models.kernel.session import Database
from models.kernel.settings import Settings
from tasks.integrations.receivers import Receivers


class Tools(msgspec.Struct, frozen=True):
    """What a worker process keeps for its life, made in its event loop after the fork."""

    settings: Settings
    database: Database
    files: FileStore
    keys: KeyRing
    http: aiohttp.ClientSession
    receivers: Receivers


class JobContext:
    """One attempt of one job.

    `session` is the transaction in which the job ends: what is written there is committed together with
    `succeeded`, or not at all. It opens on first use, so a handler that calls the outside reads in
    `database.transaction()`, calls with nothing open, and records the outcome in `session`.
    """

    def __init__(self, job: JobRecord, session: AsyncSession, tools: Tools, report: Callable[[Progress], None]) -> None:
        self.job = job
        self.session = session
        self.settings = tools.settings
        self.database = tools.database
        self.files = tools.files
        self.keys = tools.keys
        self.http = tools.http
        self.receivers = tools.receivers
        self.actor = Actor.named(job.owner, job.request_id)
        self._report = report

    def progress(self, current: int, total: int | None = None, message: str | None = None) -> None:
        """Seen by whoever polls or streams the job, also while its transaction is still open."""
        self._report(Progress(current, total, message))

    async def enqueue(self, args: JobArgs, options: JobOptions = DEFAULTS) -> JobRecord:
        """Ask for a further job, if and only if this one succeeds."""
        return await enqueue(self.session, self.actor, args, options)

    async def emit(self, type_: EventType, id_: UUID, payload: msgspec.Struct) -> None:
        """Say that something happened, if and only if this job succeeds."""
        await emit(self.session, self.actor, type_, id_, payload)

    def idempotency_key(self, step: str) -> str:
        """For a call to the outside: the same in every attempt, another for every job and step."""
        return f"{self.job.id}:{step}"

    def now(self) -> datetime:
        return utc_now()
