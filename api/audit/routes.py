"""Reading the trail."""

from litestar import Controller, get
from litestar.di import NamedDependency

from api.audit.schemas import AuditEntryOut
from api.auth import requires
from api.dependencies import Session, documented, query_of
from api.resources import listing
from models.audit.service import AuditPage, list_entries
from models.identity.permissions import Scope
from models.kernel.paging import Listing


class AuditController(Controller):
    path = "/audit-log"
    tags = ("Audit",)

    @get(
        "/", guards=[requires(Scope.READ_AUDIT)], summary="Read who has changed what",
        dependencies={"page": query_of(AuditPage)}, operation_class=documented(AuditPage),
    )  # fmt: skip
    async def list_audit_entries(self, session: Session, page: NamedDependency[AuditPage]) -> Listing[AuditEntryOut]:
        """Newest first. `actor` is `user:…`, `api_key:…`, `guest:…`, `system`, `anonymous` for who was not logged in,
        or `database:…` for who worked past the application. `from` and `to` are inclusive.
        """
        return listing(AuditEntryOut, *await list_entries(session, page))
