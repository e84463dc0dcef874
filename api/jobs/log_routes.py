"""The lines of a job's log."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta

from api.auth import reaches
from api.dependencies import ApiRequest, CurrentCaller, documented, query_of
from api.jobs.sight import visible_job
from models.identity.permissions import Scope
from models.jobs.logs import LogLine, list_lines
from models.jobs.rules import LogLevel
from models.kernel.paging import AnyOf
from models.kernel.schema import In, Out
from models.kernel.session import Database


class LogQuery(In):
    after: Annotated[int, Meta(ge=0, le=2**31 - 1, description="the number of the last line you have")] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    level: AnyOf[LogLevel] | None = None
    attempt: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None


class LogFeed(Out):
    """`nextAfter` is what to ask for next; it stays the same while there is nothing new."""

    data: list[LogLine]
    next_after: int


class JobLogsController(Controller):
    path = "/jobs"
    tags = ("Jobs",)

    @get(
        "/{job_id:uuid}/logs", guards=[reaches(Scope.READ_JOBS)], summary="Read a job's log",
        dependencies={"page": query_of(LogQuery)}, operation_class=documented(LogQuery),
    )  # fmt: skip
    async def list_job_log_lines(
        self, request: ApiRequest, caller: CurrentCaller, job_id: FromPath[UUID], page: NamedDependency[LogQuery]
    ) -> LogFeed:
        """What its handler said, in order, of all attempts: a thousand lines at most. Also while it runs: whoever asks
        again with `nextAfter` misses nothing and gets nothing twice."""
        await visible_job(request, caller, job_id)
        database: Database = request.app.state.database
        lines = await list_lines(
            database, job_id, after=page.after, limit=page.limit, levels=page.level, attempt=page.attempt
        )
        return LogFeed(data=lines, next_after=lines[-1].number if lines else page.after)
