"""What of a job is seen by whom: its owner, those who see everybody's, and who holds a token for it."""

import asyncio
from uuid import UUID

from api.dependencies import ApiRequest
from api.jobs.schemas import JobOut
from models.identity.caller import Caller
from models.identity.permissions import Scope
from models.identity.services.job_tokens import renewed
from models.jobs.records import JobRecord
from models.jobs.service import get_job
from models.kernel.errors import DomainError
from models.kernel.session import Database

TRUST_SECONDS = 5.0


async def visible_job(request: ApiRequest, caller: Caller, id_: UUID) -> JobRecord:
    """Raises NotFound, also for a job that the caller does not see."""
    database: Database = request.app.state.database
    return await get_job(database, id_, owner=caller.visible_owner)


def by_token(request: ApiRequest) -> bool:
    """Whether the job is opened by a token of its own, which does not show all: the lines of its log are for who runs
    it, and a `callbackUrl` may be a key by itself."""
    return "holder" in request.scope["state"]


def shown(request: ApiRequest, job: JobRecord) -> JobOut:
    out = JobOut.of(job)
    if by_token(request):
        out.callback_url = None
    return out


class Trust:
    """Asks every few seconds whether who listens may see the job still: a stream may outlast a token, a session or a
    role."""

    def __init__(self, request: ApiRequest, job_id: UUID) -> None:
        self._request = request
        self._job_id = job_id
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + TRUST_SECONDS

    async def holds(self) -> bool:
        if self._loop.time() < self._until:
            return True
        self._until = self._loop.time() + TRUST_SECONDS
        try:
            await self._look_again()
        except DomainError:
            return False
        return True

    async def _look_again(self) -> None:
        listener = self._request.scope["state"].get("holder") or self._request.user
        caller = await renewed(self._request.app.state.database, listener)
        caller.require_reach(Scope.READ_JOBS)
        await visible_job(self._request, caller, self._job_id)
