"""Submitting jobs and following them."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody
from litestar.response import Stream

from api.auth import authenticated, requires
from api.dependencies import ApiRequest, CurrentCaller, Session, documented, query_of
from api.jobs.following import accepted, preferred_wait, stream, wait_for_end
from api.jobs.schemas import AttemptOut, CancelOut, JobIn, JobKindOut, JobOut
from api.resources import Response
from api.transaction import Unit
from models.events.endings import cancel_job
from models.identity.caller import Caller
from models.identity.permissions import Scope
from models.jobs import service as jobs
from models.jobs.kinds import all_kinds, kind_named
from models.jobs.records import JobRecord
from models.jobs.service import JobOptions, JobPage
from models.kernel.errors import Forbidden, Invalid
from models.kernel.paging import Listing
from models.kernel.session import Database
from models.kernel.validation import convert

CANCEL_WAIT_SECONDS = 10


class JobsController(Controller):
    path = "/jobs"
    tags = ("Jobs",)

    @post("/", guards=[requires(Scope.WRITE_JOBS)], status_code=202, summary="Submit a job")
    async def submit_job(self, request: ApiRequest, caller: CurrentCaller, data: JSONBody[JobIn]) -> Response[JobOut]:
        """Durable once accepted. While a job with the same `dedupeKey` is unfinished, that job is the answer."""
        kind = kind_named(data.kind)
        if kind.scope is None:
            raise Forbidden(f"Jobs of kind `{kind.name}` are not submitted directly.")
        caller.require(kind.scope)
        try:
            args = convert(data.payload, kind.args)
        except Invalid as error:
            raise error.under("payload") from None
        for scope in args.needs():
            caller.require(scope)
        options = JobOptions(
            run_at=data.run_at,
            priority=data.priority,
            dedupe_key=data.dedupe_key,
            max_attempts=data.max_attempts,
        )
        unit: Unit = request.scope["state"]["unit"]
        on = await unit.session() if unit.keyed else request.app.state.database
        return await accepted(request, (await jobs.submit(on, caller, kind, args, options)).job)

    @get(
        "/", guards=[requires(Scope.READ_JOBS)], summary="List jobs",
        dependencies={"page": query_of(JobPage)}, operation_class=documented(JobPage),
    )  # fmt: skip
    async def list_jobs(
        self, session: Session, caller: CurrentCaller, page: NamedDependency[JobPage]
    ) -> Listing[JobOut]:
        """Your own; administrators, managers and keys with `read:*` see everybody's."""
        rows, pagination = await jobs.list_jobs(session, page, owner=_visible_owner(caller))
        return Listing([JobOut.of(row) for row in rows], pagination)

    @get("/{job_id:uuid}", guards=[requires(Scope.READ_JOBS)], summary="Read a job")
    async def get_job(self, request: ApiRequest, caller: CurrentCaller, job_id: FromPath[UUID]) -> Response[JobOut]:
        """`Prefer: wait=N` holds the answer until the job ends, for N seconds at most (30)."""
        job = await _visible_job(request, caller, job_id)
        if not job.finished and (seconds := preferred_wait(request)):
            job = await wait_for_end(request, job_id, seconds)
        return Response(JobOut.of(job), headers={} if job.finished else {"Retry-After": "1"})

    @get("/{job_id:uuid}/attempts", guards=[requires(Scope.READ_JOBS)], summary="Read a job's attempts")
    async def list_attempts(
        self, request: ApiRequest, caller: CurrentCaller, job_id: FromPath[UUID]
    ) -> list[AttemptOut]:
        """Every attempt with its worker, times and outcome, oldest first."""
        await _visible_job(request, caller, job_id)
        return [AttemptOut.of(attempt) for attempt in await jobs.list_attempts(request.app.state.database, job_id)]

    @get(
        "/{job_id:uuid}/events",
        guards=[requires(Scope.READ_JOBS)],
        summary="Stream a job",
        media_type="text/event-stream",
    )
    async def stream_job(
        self,
        request: ApiRequest,
        caller: CurrentCaller,
        job_id: FromPath[UUID],
        last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
    ) -> Stream:
        """Server-sent events: `progress` at each change, `end` once it has finished, then the stream closes."""
        job = await _visible_job(request, caller, job_id)
        return Stream(
            stream(request, job, last_event_id),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    @post("/{job_id:uuid}/cancel", guards=[requires(Scope.WRITE_JOBS)], status_code=200, summary="Cancel a job")
    async def cancel_job(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, job_id: FromPath[UUID]
    ) -> Response[CancelOut]:
        """At once before it runs; at its next checkpoint while it runs, for which the answer waits up to
        `Prefer: wait=N` seconds (10 without): 202 while it has not seen the request yet."""
        await jobs.get_job(session, job_id, owner=_visible_owner(caller))
        job = await cancel_job(session, job_id)
        unit: Unit = request.scope["state"]["unit"]
        if not job.finished and not unit.keyed:
            await unit.commit()
            job = await wait_for_end(request, job_id, preferred_wait(request) or CANCEL_WAIT_SECONDS)
        return Response(CancelOut.of(job), status_code=200 if job.finished else 202)

    @post("/{job_id:uuid}/retry", guards=[requires(Scope.WRITE_JOBS)], status_code=202, summary="Retry a job")
    async def retry_job(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, job_id: FromPath[UUID]
    ) -> Response[JobOut]:
        """A failed or cancelled job runs again, with all its kind's attempts; finished steps are not done again."""
        job = await jobs.get_job(session, job_id, owner=_visible_owner(caller))
        return await accepted(request, await jobs.retry_job(session, job))


class JobKindsController(Controller):
    path = "/job-kinds"
    tags = ("Jobs",)

    @get("/", guards=[authenticated], summary="List the kinds of jobs")
    async def list_job_kinds(self) -> list[JobKindOut]:
        """What each does, the JSON Schema of its payload and result, and its retry rule."""
        return [JobKindOut.of(kind) for kind in all_kinds()]

    @get("/{name:str}", guards=[authenticated], summary="Read one kind")
    async def get_job_kind(self, name: FromPath[str]) -> JobKindOut:
        return JobKindOut.of(kind_named(name))


def _visible_owner(caller: Caller) -> str | None:
    return None if caller.is_staff else caller.name


async def _visible_job(request: ApiRequest, caller: Caller, id_: UUID) -> JobRecord:
    database: Database = request.app.state.database
    return await jobs.get_job(database, id_, owner=_visible_owner(caller))
