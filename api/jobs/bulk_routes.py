"""What is done to many jobs at once: seen first by `preview`, then done by a job."""

from typing import Any

import msgspec
from litestar import Controller, post
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody

from api.auth import requires
from api.dependencies import ApiRequest, CurrentCaller, Session
from api.jobs.bulk_schemas import CancelManyIn, CancelPreview, RedriveIn, RedrivePreview
from api.jobs.following import accepted
from api.jobs.schemas import JobOut
from api.resources import Response
from models.identity.caller import Caller
from models.identity.permissions import Scope
from models.jobs import cancelling, redriving
from models.jobs.jobs import CancelFilter, Redrive, RedriveFilter
from models.jobs.kinds import all_kinds, find_kind
from models.jobs.rules import UNFINISHED
from models.kernel.errors import Forbidden
from models.kernel.schema import Out


def _seen_first(preview: type[Out]) -> dict[int, ResponseSpec]:
    description = "What it would be (`preview`), or the job, which has ended (`Prefer: wait`)"
    either: Any = preview | JobOut
    return {200: ResponseSpec(either, description=description, generate_examples=False)}


def _seen(preview: Out) -> Response[Any]:
    return Response(preview, status_code=200)


class BulkJobsController(Controller):
    path = "/jobs"
    tags = ("Jobs",)

    @post(
        "/redrive", guards=[requires(Scope.WRITE_JOBS)], status_code=202, summary="Retry failed jobs",
        responses=_seen_first(RedrivePreview),
    )  # fmt: skip
    async def redrive_jobs(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[RedriveIn]
    ) -> Response[JobOut]:
        """A job that retries failed ones by filter: a few, then the rest at a rate, stopping by itself when too many
        fail again. With `preview`, 200 and what it would be. Yours; administrators' and managers', everybody's.

        Left out are jobs of kinds that are paused (409 when `kind` names one) or that you may not ask for, jobs whose
        `dedupeKey` an unfinished one has, and of several with one key all but the one that failed last.
        """
        wanted = _failed(caller, data)
        if data.preview:
            failed = await redriving.count_failed(session, wanted)
            groups = await redriving.group_failed(session, wanted)
            return _seen(RedrivePreview(total=failed.jobs, skipped=failed.skipped, groups=groups))
        args = Redrive(
            filter=wanted, canary=data.canary, per_second=data.per_second,
            stop_at_failure_share=data.stop_at_failure_share,
        )  # fmt: skip
        return await accepted(request, await redriving.request_redrive(session, caller, args))

    @post(
        "/cancel", guards=[requires(Scope.WRITE_JOBS)], status_code=202, summary="Cancel many jobs",
        responses=_seen_first(CancelPreview),
    )  # fmt: skip
    async def cancel_jobs(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[CancelManyIn]
    ) -> Response[JobOut]:
        """A job that cancels those that were there before it, ahead of everything that waits. With `preview`, 200 and
        how many it would be. Yours; administrators' and managers', everybody's."""
        wanted = _unfinished(caller, data)
        if data.preview:
            groups = await cancelling.group_to_cancel(session, wanted)
            total = sum(group.jobs for group in groups if group.status in UNFINISHED)
            return _seen(CancelPreview(total=total, groups=groups))
        return await accepted(request, await cancelling.request_cancel(session, caller, wanted))


def _unfinished(caller: Caller, data: CancelManyIn) -> CancelFilter:
    """Raises Unprocessable where nothing says which, and Forbidden."""
    wanted = msgspec.convert(data, CancelFilter, from_attributes=True)
    wanted.check_narrow()
    wanted.owner = _owner(caller, data.owner)
    return wanted


def _failed(caller: Caller, data: RedriveIn) -> RedriveFilter:
    """Retrying a job needs what asking for it needs. Raises Forbidden."""
    kind = find_kind(data.kind) if data.kind else None
    if kind and kind.scope:
        caller.require(kind.scope)
    wanted = msgspec.convert(data, RedriveFilter, from_attributes=True)
    wanted.owner = _owner(caller, data.owner)
    wanted.except_kinds = [kind.name for kind in all_kinds() if kind.scope and not caller.may(kind.scope)]
    return wanted


def _owner(caller: Caller, asked: str | None) -> str | None:
    """Whose jobs it is about; None for everybody's. Raises Forbidden."""
    if asked is not None and caller.visible_owner not in (None, asked):
        raise Forbidden("Jobs of others are for administrators and managers.")
    return caller.visible_owner or asked
