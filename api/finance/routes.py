"""What cycles earn and cost."""

from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.auth import reaches, requires
from api.dependencies import ApiRequest, CurrentCaller, CurrentReach, Session, documented, query_of
from api.finance.schemas import CycleTotalsOut
from api.jobs.following import accepted
from api.jobs.schemas import JobOut
from api.resources import Response, listing
from models.cycles.services.cycles import CyclePage
from models.finance.jobs import Recalculate
from models.finance.services import totals
from models.identity.permissions import Scope
from models.jobs.service import enqueue
from models.kernel.paging import Listing


class FinanceController(Controller):
    path = "/finance"
    tags = ("Finance",)

    @get(
        "/cycles", guards=[reaches(Scope.READ_FINANCE)], summary="List what cycles earned and cost",
        dependencies={"page": query_of(CyclePage)}, operation_class=documented(CyclePage),
    )  # fmt: skip
    async def list_cycle_totals(
        self, session: Session, reach: CurrentReach, page: NamedDependency[CyclePage]
    ) -> Listing[CycleTotalsOut]:
        """With the filters and order of the list of cycles. For an instructor, of the meetings they gave."""
        return listing(CycleTotalsOut, *await totals.list_totals(session, page, reach), reach)

    @get("/cycles/{cycle_id:uuid}", guards=[reaches(Scope.READ_FINANCE)], summary="Read what a cycle earned and cost")
    async def get_cycle_totals(self, session: Session, reach: CurrentReach, cycle_id: FromPath[UUID]) -> CycleTotalsOut:
        """The sums of its completed meetings; for an instructor, of those they gave."""
        return CycleTotalsOut.within(await totals.get_totals(session, cycle_id, reach), reach)

    @post(
        "/recalculate", guards=[requires(Scope.WRITE_FINANCE)], status_code=202,
        summary="Work out what meetings earn and cost again",
    )  # fmt: skip
    async def recalculate(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[Recalculate]
    ) -> Response[JobOut]:
        """Of one meeting, some, a cycle, local dates, or all."""
        return await accepted(request, await enqueue(session, caller, data))
