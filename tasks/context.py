"""What a handler is given."""

from asyncio import Event
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, NoReturn, TypeVar
from uuid import UUID

import aiohttp
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.catalogue import EventType
from models.events.service import emit
from models.jobs.kinds import JobArgs
from models.jobs.lifecycle import keep_receipt, keep_state
from models.jobs.records import JobRecord
from models.jobs.rules import LogLevel, Progress
from models.jobs.service import DEFAULTS, JobOptions, enqueue
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.crypto import KeyRing
from models.kernel.files import FileStore
from models.kernel.session import Database, TransactionOnDemand, commit_chunk
from models.kernel.settings import Settings
from models.kernel.storable import encode_storable
from tasks.integrations.receivers import Receivers
from tasks.outcomes import JobPostponed, JobStopped, check_size

POSTPONED_AT_LEAST_SECONDS = 1.0
POSTPONED_AT_MOST = timedelta(days=366)

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)


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

    def __init__(
        self,
        job: JobRecord,
        transaction: TransactionOnDemand,
        tools: Tools,
        report: Callable[[Progress], None],
        log: Callable[[str, LogLevel, dict[str, Any]], None],
        stop: Event,
    ) -> None:
        self.job = job
        self.settings = tools.settings
        self.database = tools.database
        self.files = tools.files
        self.keys = tools.keys
        self.http = tools.http
        self.receivers = tools.receivers
        self.actor = Actor.named(job.owner, job.request_id)
        self._transaction = transaction
        self._report = report
        self._log = log
        self._stop = stop
        self._named = set[str]()
        self._receipts_size = len(bytes(job.steps))
        self._receipts = {step["name"]: step["receipt"] for step in msgspec.json.decode(bytes(job.steps)) or []}

    @property
    def session(self) -> AsyncSession:
        return self._transaction.session

    def progress(self, current: int, total: int | None = None, message: str | None = None) -> None:
        """Seen by whoever polls or streams the job, also while its transaction is still open. A cancel stops here."""
        self._heed_cancel()
        self._report(Progress(current, total, message))

    def log(self, message: str, /, level: LogLevel = LogLevel.INFO, **fields: Any) -> None:
        """Keep a line with the job, also if this attempt fails; it goes to the process's log as well. Never raises.

        A message has at most 2,000 characters, `fields` 4 KiB as JSON, and a job a thousand lines over all attempts.
        """
        self._log(message, level, fields)

    async def step(self, name: str, call: Callable[[str], Awaitable[T]], type_: type[T]) -> T:
        """Do something in the outside world once, and keep its receipt.

        `call` is given the idempotency key of the step, the same in every attempt. An attempt after the receipt was
        stored gets the receipt and does not call again. A cancel stops before the call. Raises LeaseLost, and
        ResultTooLarge when the job's receipts together have become so: the call has then been made.
        """
        if name in self._named:
            raise ValueError(f"there are two steps named {name}: the second would get the receipt of the first")
        self._named.add(name)
        if name in self._receipts:
            return msgspec.convert(self._receipts[name], type_)
        self._heed_cancel()
        receipt = await call(self.idempotency_key(name))
        stored = encode_storable(receipt)
        self._receipts_size += len(stored)
        check_size("What its steps left", self._receipts_size, self.settings.job_result_limit_bytes)
        await keep_receipt(self.database, self.job, name, stored)
        self._receipts[name] = msgspec.json.decode(stored)
        return receipt

    async def checkpoint(self, state: msgspec.Struct) -> None:
        """Commit what was written so far together with `state`; a later attempt resumes from there (`resume`).

        A cancel stops here, with this chunk kept. Raises LeaseLost and ResultTooLarge.
        """
        stored = encode_storable(state)
        check_size("The state of the checkpoint", len(stored), self.settings.job_result_limit_bytes)
        await keep_state(self.session, self.job, stored)
        await commit_chunk(self.session)
        self._heed_cancel()

    def resume(self, type_: type[S]) -> S | None:
        """The state of the last checkpoint of an earlier attempt."""
        return msgspec.json.decode(bytes(self.job.state), type=type_ | None)

    def postpone(self, seconds: float = 0.0, *, until: datetime | None = None) -> NoReturn:
        """Go on later, when what the job waits for may be there: in so many seconds, or at an instant.

        What was written since the last checkpoint is undone, receipts and checkpoints stay, and the attempt is not
        counted. At least a second ahead and at most a year; the thousandth time in a job's life is the last.
        """
        ahead = (until - self.now()).total_seconds() if until is not None else seconds
        if ahead > POSTPONED_AT_MOST.total_seconds():
            raise ValueError(f"a job is put off for {POSTPONED_AT_MOST.days} days at most")
        raise JobPostponed(max(ahead, POSTPONED_AT_LEAST_SECONDS))

    def _heed_cancel(self) -> None:
        if self._stop.is_set():
            raise JobStopped

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
