"""Submitting jobs and following them."""

from collections.abc import Mapping
from typing import Annotated, Any, cast
from uuid import UUID

from litestar import Controller, get, patch, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, HeaderParameter, JSONBody
from litestar.response import Stream
from msgspec import UNSET
from msgspec.structs import replace

from api.auth import admins_only, authenticated, reaches, reads_this_job, requires
from api.conditions import known_states
from api.dependencies import ApiRequest, CurrentCaller, IfMatch, Session, documented, query_of
from api.jobs.following import (
    accepted,
    commit_ahead,
    ended,
    has_seen_all,
    news_to,
    place_of,
    retry_after_of,
    state_of,
    stream,
    told_of,
    wait_for_end,
)
from api.jobs.schemas import (
    AttemptOut,
    BatchIn,
    CancelOut,
    JobIn,
    JobKindOut,
    JobKindPatch,
    JobOut,
    RetryIn,
)
from api.jobs.sight import shown, visible_job
from api.jobs.submitting import (
    along_with,
    batch_items,
    callback_faults,
    judge_batch,
    judge_job,
    options_of,
    submittable,
)
from api.preferences import applied, preferred_wait
from api.resources import Response, encode
from api.transaction import Unit
from models.events.endings import cancel_job
from models.identity.permissions import Scope, Verb
from models.jobs import operations, waiting
from models.jobs import service as jobs
from models.jobs.explain import Explanation
from models.jobs.kinds import JobKind, all_kinds, kind_named
from models.jobs.operations import Pause
from models.jobs.service import JobPage
from models.jobs.waiting import JobPatch
from models.kernel.errors import PreconditionFailed
from models.kernel.paging import Listing

CANCEL_WAIT_SECONDS = 10
DEDUPLICATED = ResponseHeader(
    name="Deduplicated", value="kept", documentation_only=True,
    description="an unfinished job of yours has this `dedupeKey`: `kept` as it was, or `replaced`. Not for a new job.",
)  # fmt: skip


class JobsController(Controller):
    path = "/jobs"
    tags = ("Jobs",)

    @post(
        "/", guards=[requires(Scope.WRITE_JOBS)], status_code=202, summary="Submit a job",
        response_headers=[DEDUPLICATED], judge=judge_job,
    )  # fmt: skip
    async def submit_job(self, request: ApiRequest, caller: CurrentCaller, data: JSONBody[JobIn]) -> Response[JobOut]:
        """Durable once accepted. While a job of yours of this kind with the same `dedupeKey` is unfinished, that one is
        the answer, and the header `Deduplicated` says so."""
        with along_with(callback_faults(request.app.state.settings, data.callback_url)):
            kind, args = submittable(caller, data.kind, data.payload)
        unit: Unit = request.scope["state"]["unit"]
        on = await unit.session() if unit.keep else request.app.state.database
        submitted = await jobs.submit(on, caller, kind, args, options_of(data))
        met = {"Deduplicated": submitted.twin.value} if submitted.twin else {}
        return await accepted(request, submitted.job, **met)

    @post("/batch", guards=[requires(Scope.WRITE_JOBS)], status_code=202, summary="Submit many jobs", judge=judge_batch)
    async def submit_batch(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[BatchIn]
    ) -> Response[JobOut]:
        """All or none. The answer is their parent, which counts them and ends after them; `GET /jobs?parentId=` lists
        them."""
        with along_with(callback_faults(request.app.state.settings, data.callback_url)):
            items = batch_items(caller, data)
        tags = tuple(dict.fromkeys(data.tags))
        batch = await jobs.submit_batch(session, caller, items, callback_url=data.callback_url, tags=tags)
        return await accepted(request, batch)

    @get(
        "/", guards=[reaches(Scope.READ_JOBS)], summary="List jobs",
        dependencies={"page": query_of(JobPage)}, operation_class=documented(JobPage),
    )  # fmt: skip
    async def list_jobs(
        self, session: Session, caller: CurrentCaller, page: NamedDependency[JobPage]
    ) -> Listing[JobOut]:
        """Your own; administrators, managers and keys with `read:*` see everybody's."""
        rows, pagination = await jobs.list_jobs(session, page, owner=caller.visible_owner)
        return Listing([JobOut.of(row) for row in rows], pagination)

    @get("/{job_id:uuid}", guards=[reads_this_job], summary="Read a job")
    async def get_job(self, request: ApiRequest, caller: CurrentCaller, job_id: FromPath[UUID]) -> Response[JobOut]:
        """`Prefer: wait=N` holds the answer until the job ends, for N seconds at most (30). Every unfinished answer
        says when to look again (`Retry-After`), and `If-None-Match` with its `ETag` gets 304 while nothing changed.
        With both, the answer comes as soon as the job is another than the one you have: so progress can be followed.
        """
        job = await visible_job(request, caller, job_id)
        known, seconds = known_states(request), preferred_wait(request)
        if seconds and not job.finished:
            job = await wait_for_end(request.app.state, job_id, seconds, until=news_to(request, known))
        body = encode(shown(request, job))
        headers = {**await told_of(request.app.state, job, body), **applied(seconds)}
        if known.match(state_of(body)):
            return Response(cast(Any, b""), status_code=304, headers=headers)
        return Response(cast(Any, body), headers=headers)

    @get("/{job_id:uuid}/attempts", guards=[reads_this_job], summary="Read a job's attempts")
    async def list_attempts(
        self, request: ApiRequest, caller: CurrentCaller, job_id: FromPath[UUID]
    ) -> list[AttemptOut]:
        """Every attempt with its worker, times and outcome, oldest first."""
        await visible_job(request, caller, job_id)
        return [AttemptOut.of(attempt) for attempt in await jobs.list_attempts(request.app.state.database, job_id)]

    @get(
        "/{job_id:uuid}/events",
        guards=[reads_this_job],
        summary="Stream a job",
        media_type="text/event-stream",
        responses={204: ResponseSpec(None, description="Its end was seen before.", generate_examples=False)},
    )
    async def stream_job(
        self,
        request: ApiRequest,
        caller: CurrentCaller,
        job_id: FromPath[UUID],
        last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
    ) -> Stream | Response[None]:
        """Server-sent events: `log` for each line of its log, `progress` at each change, `end` once it has finished,
        then the stream closes. Who comes back after `end` gets 204, at which an `EventSource` stays away."""
        job = await visible_job(request, caller, job_id)
        if await has_seen_all(request, job, last_event_id):
            return Response(None, status_code=204)
        return Stream(
            stream(request, job, last_event_id),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    @get("/{job_id:uuid}/explain", guards=[reaches(Scope.READ_JOBS)], summary="Explain a job")
    async def explain_job(self, request: ApiRequest, caller: CurrentCaller, job_id: FromPath[UUID]) -> Explanation:
        """Why it is not running or not done, and what comes next."""
        await visible_job(request, caller, job_id)
        return await operations.explain_job(request.app.state.database, job_id)

    @patch("/{job_id:uuid}", guards=[reaches(Scope.WRITE_JOBS, Verb.UPDATE)], summary="Change when a job runs")
    async def update_job(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        job_id: FromPath[UUID],
        data: JSONBody[JobPatch],
        match: IfMatch,
    ) -> Response[JobOut]:
        """Of one that is scheduled, queued or between attempts; 409 with its status otherwise. `runAt: null` runs it
        now. `priority` takes the scope, as submitting does."""
        job = await waiting.lock_job(session, job_id, owner=caller.visible_owner)
        if data.priority is not UNSET:
            caller.require(Scope.WRITE_JOBS)
        if not match.allows(state_of(encode(JobOut.of(job)))):
            raise PreconditionFailed(f"The job has changed since; it is {job.status} now.")
        moved = await waiting.move_job(session, job, data)
        body = encode(JobOut.of(moved))
        return Response(cast(Any, body), headers=await told_of(request.app.state, moved, body))

    @post(
        "/{job_id:uuid}/cancel",
        guards=[reaches(Scope.WRITE_JOBS, Verb.UPDATE)],
        status_code=200,
        summary="Cancel a job",
        responses={
            202: ResponseSpec(CancelOut, description="It has not seen the request yet", generate_examples=False)
        },
    )
    async def cancel_job(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, job_id: FromPath[UUID]
    ) -> Response[CancelOut]:
        """At once before it runs; at its next checkpoint while it runs, for which the answer waits up to
        `Prefer: wait=N` seconds (10 without): 202 while it has not seen the request yet."""
        await jobs.get_job(session, job_id, owner=caller.visible_owner)
        job = await cancel_job(session, job_id)
        state, wanted = request.app.state, preferred_wait(request)
        headers = {"Location": place_of(job)}
        if not job.finished and (seconds := CANCEL_WAIT_SECONDS if wanted is None else wanted):
            await commit_ahead(request, job, encode(CancelOut.of(job)), headers)
            job = await ended(state, job, seconds)
        headers |= applied(wanted)
        if not job.finished:
            headers["Retry-After"] = await retry_after_of(state, job)
        return Response(CancelOut.of(job), status_code=200 if job.finished else 202, headers=headers)

    @post(
        "/{job_id:uuid}/retry", guards=[reaches(Scope.WRITE_JOBS, Verb.UPDATE)], status_code=202, summary="Retry a job"
    )
    async def retry_job(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        job_id: FromPath[UUID],
        data: JSONBody[RetryIn | None] = None,
    ) -> Response[JobOut]:
        """A failed or cancelled job runs again, with all its kind's attempts, now or at `runAt`; finished steps are not
        done again, unless `fromStart` asks for it.

        Of an ended batch, its failed and cancelled jobs run again; it counts them and tells its end again, as it does
        when one of its jobs is retried. Needs what asking for it needs.
        """
        job = await jobs.get_job(session, job_id, owner=caller.visible_owner)
        for scope in await jobs.scopes_to_retry(session, job):
            caller.require_some(scope)
        wanted = data or RetryIn()
        again = await jobs.retry_job(session, job, run_at=wanted.run_at, from_start=wanted.from_start)
        return await accepted(request, again)


class JobKindsController(Controller):
    path = "/job-kinds"
    tags = ("Jobs",)

    @get("/", guards=[authenticated], summary="List the kinds of jobs")
    async def list_job_kinds(self, request: ApiRequest) -> list[JobKindOut]:
        """What each does, who may submit it, the JSON Schema of its payload and result, its retry rule and its pace."""
        pauses = await operations.read_pauses(request.app.state.database)
        return [await _described(request, kind, pauses) for kind in all_kinds()]

    @get("/{name:str}", guards=[authenticated], summary="Read one kind")
    async def get_job_kind(self, request: ApiRequest, name: FromPath[str]) -> JobKindOut:
        return await _described(request, kind_named(name), await operations.read_pauses(request.app.state.database))

    @patch("/{name:str}", guards=[admins_only], summary="Pause or resume a kind")
    async def update_job_kind(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        name: FromPath[str],
        data: JSONBody[JobKindPatch],
    ) -> JobKindOut:
        """Jobs of a paused kind are accepted and wait; those that run, run on."""
        kind = kind_named(name)
        if data.paused:
            await operations.pause_kind(session, caller, kind.name)
        else:
            await operations.resume_kind(session, kind.name)
        return await _described(request, kind, await operations.read_pauses(session))


async def _described(request: ApiRequest, kind: JobKind, pauses: Mapping[str, Pause]) -> JobKindOut:
    """By whom it is paused is for administrators."""
    pace = await request.app.state.pace.pace(request.app.state.database, kind.name)
    described = JobKindOut.of_kind(kind, pace, pauses.get(kind.name))
    return described if request.user.is_admin else replace(described, paused_by=None)
