"""Tokens that open one job to who has no credentials: a page in a browser."""

from datetime import timedelta
from uuid import UUID

from litestar import Controller, post
from litestar.params import FromPath, JSONBody

from api.auth import reaches
from api.dependencies import ApiRequest, CurrentCaller
from api.jobs.schemas import JobTokenIn, JobTokenOut
from api.jobs.sight import visible_job
from models.identity.permissions import Scope
from models.identity.services.job_tokens import make_job_token


class JobTokensController(Controller):
    path = "/jobs/{job_id:uuid}/tokens"
    tags = ("Jobs",)

    @post("/", guards=[reaches(Scope.READ_JOBS)], summary="Make a token that opens a job")
    async def make_job_token(
        self,
        request: ApiRequest,
        caller: CurrentCaller,
        job_id: FromPath[UUID],
        data: JSONBody[JobTokenIn | None] = None,
    ) -> JobTokenOut:
        """For a page in a browser: it reads this job, its attempts and its stream, and nothing else. Sent as
        `Authorization: Bearer …`, or in the query as `access_token`, because an `EventSource` can send no headers.

        It opens while you may see the job yourself, and ends with the session it was made in.
        """
        await visible_job(request, caller, job_id)
        lifetime = timedelta(seconds=(data or JobTokenIn()).expires_in_seconds)
        made = make_job_token(request.app.state.settings, caller, job_id, lifetime)
        return JobTokenOut(token=made.token, expires_at=made.expires_at, job_id=job_id)
