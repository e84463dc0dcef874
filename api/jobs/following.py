"""Following a job: `202` with its place, waiting for its end, and the stream of what it does."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, cast
from uuid import UUID

import msgspec
from litestar.datastructures import State

from api.conditions import ETags
from api.dependencies import ApiRequest
from api.jobs.schemas import JobOut
from api.jobs.sight import Trust, by_token, shown
from api.preferences import applied, preferred_wait
from api.problems import RETRY_AFTER_SECONDS
from api.resources import Response, encode
from models.jobs.logs import list_lines
from models.jobs.pace import PaceReader, next_look
from models.jobs.records import JobRecord
from models.jobs.service import get_job
from models.kernel.clock import utc_now
from models.kernel.logs import get_logger
from models.kernel.session import Database
from models.kernel.signals import JOB_CHANGED, Listener

log = get_logger(__name__)

POLL_SECONDS = 5.0
PING_SECONDS = 15.0


async def accepted(request: ApiRequest, job: JobRecord, **further: str) -> Response[JobOut]:
    """`202` with the job, `Location` and the `further` headers; `200` if it ends within `Prefer: wait=N` seconds.

    The work is committed before the wait begins; with an Idempotency-Key, along with the 202 as its answer.
    """
    seconds, further = preferred_wait(request), {"Location": place_of(job), **further}
    if seconds and not job.finished:
        body = encode(JobOut.of(job))
        await commit_ahead(request, job, body, {"ETag": etag_of(body), **further})
        job = await ended(request.app.state, job, seconds)
    body = encode(JobOut.of(job))
    headers = {**further, **await told_of(request.app.state, job, body), **applied(seconds)}
    return Response(cast(Any, body), status_code=200 if job.finished else 202, headers=headers)


async def commit_ahead(request: ApiRequest, job: JobRecord, body: bytes, headers: dict[str, str]) -> None:
    """What was asked for is stored, and under way, before its end is waited for."""
    state, unit = request.app.state, request.scope["state"]["unit"]
    if unit.keep:
        headers = {**headers, "Retry-After": await retry_after_of(state, job)}
    await unit.commit_ahead(202, headers, body)
    state.nudger.nudge()


def place_of(job: JobRecord) -> str:
    return f"/api/v1/jobs/{job.id}"


async def told_of(state: State, job: JobRecord, body: bytes) -> dict[str, str]:
    """The headers of every answer that shows a job: its `ETag` and, until it has ended, `Retry-After`."""
    headers = {"ETag": etag_of(body)}
    if not job.finished:
        headers["Retry-After"] = await retry_after_of(state, job)
    return headers


async def retry_after_of(state: State, job: JobRecord) -> str:
    """When to look again: by the pace of the job's kind these days and the queue ahead of it. A hint: where it cannot
    be had, what has been stored is answered for all the same."""
    reader: PaceReader = state.pace
    database: Database = state.database
    try:
        pace, ahead = await reader.pace(database, job.kind), await reader.ahead(database, job.queue)
        return str(next_look(job, pace, ahead, utc_now()))
    except Exception as error:
        log.warning("retry_after_unknown", job_id=str(job.id), exc_info=error)
        return RETRY_AFTER_SECONDS


def state_of(body: bytes) -> str:
    """Of a job as it is sent: another one whenever anything that a caller sees of it is another."""
    return hashlib.blake2b(body, digest_size=8).hexdigest()


def etag_of(body: bytes) -> str:
    return f'"{state_of(body)}"'


def has_ended(job: JobRecord) -> bool:
    return job.finished


def news_to(request: ApiRequest, known: ETags) -> Callable[[JobRecord], bool]:
    """Whether a job is news to who has these states of it; its end is, to who has named none."""

    def is_news(job: JobRecord) -> bool:
        return job.finished or (bool(known.named) and not known.match(state_of(encode(shown(request, job)))))

    return is_news


async def wait_for_end(
    state: State, id_: UUID, seconds: float, until: Callable[[JobRecord], bool] = has_ended
) -> JobRecord:
    """The job, finished (or as `until` says) or as it is after so many seconds."""
    database: Database = state.database
    listener: Listener = state.listener
    deadline = asyncio.get_running_loop().time() + seconds
    with listener.subscribe(JOB_CHANGED, str(id_)) as changed:
        while True:
            changed.clear()
            job = await get_job(database, id_)
            left = deadline - asyncio.get_running_loop().time()
            if until(job) or left <= 0:
                return job
            await _wait(changed, min(left, POLL_SECONDS))


async def ended(state: State, job: JobRecord, seconds: float) -> JobRecord:
    """As `wait_for_end`, of a job that is stored already: who cannot wait for it is told of it as it was."""
    try:
        return await wait_for_end(state, job.id, seconds)
    except Exception as error:
        log.warning("job_not_waited_for", job_id=str(job.id), exc_info=error)
        return job


class Seen(msgspec.Struct):
    """What the client of a stream has: the state it was shown last, and the number of the last line; an event's id."""

    state: str | None = None
    line: int = 0

    @classmethod
    def read(cls, id_: str | None) -> "Seen":
        """Nothing, if it is no id of ours."""
        found = re.fullmatch(r"([0-9a-f]{16})?(?:\.([0-9]{1,4}))?", id_ or "")
        return cls(found[1], int(found[2] or 0)) if found else cls()

    @property
    def id(self) -> str:
        return (self.state or "") + (f".{self.line}" if self.line else "")


async def has_seen_all(request: ApiRequest, job: JobRecord, last_id: str | None) -> bool:
    """Whether the client of a stream, who comes back, was told of the job's end and of all that came before it."""
    seen = Seen.read(last_id)
    if not job.finished or state_of(encode(shown(request, job))) != seen.state:
        return False
    return by_token(request) or not await list_lines(request.app.state.database, job.id, after=seen.line, limit=1)


async def stream(request: ApiRequest, job: JobRecord, last_id: str | None) -> AsyncIterator[bytes]:
    """Server-sent events: `log` for each line of its log, `progress` whenever the job has changed, `end` when it has
    finished, and pings between.

    `Last-Event-ID` leaves out what the client has already seen. It ends early for who may not see the job any more.
    """
    database: Database = request.app.state.database
    listener: Listener = request.app.state.listener
    seen, quiet_since = Seen.read(last_id), asyncio.get_running_loop().time()
    trust = Trust(request, job.id)
    with listener.subscribe(JOB_CHANGED, str(job.id)) as changed:
        yield b"retry: 1000\n\n"
        while True:
            changed.clear()
            job = await get_job(database, job.id)  # before its lines: of one that has ended all are there
            while not by_token(request) and (lines := await list_lines(database, job.id, after=seen.line)):
                for line in lines:
                    seen.line = line.number
                    yield _event(b"log", seen.id, encode(line))
                quiet_since = asyncio.get_running_loop().time()
            body = encode(shown(request, job))
            if (state := state_of(body)) != seen.state:
                seen.state, quiet_since = state, asyncio.get_running_loop().time()
                yield _event(b"end" if job.finished else b"progress", seen.id, body)
            if job.finished:
                return
            if asyncio.get_running_loop().time() - quiet_since >= PING_SECONDS:
                yield b": ping\n\n"
                quiet_since = asyncio.get_running_loop().time()
            await _wait(changed, POLL_SECONDS)
            if not await trust.holds():
                return


def _event(name: bytes, id_: str, data: bytes) -> bytes:
    return b"event: %b\nid: %b\ndata: %b\n\n" % (name, id_.encode(), data)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
