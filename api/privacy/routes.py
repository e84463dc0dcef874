"""What is held of somebody: to have it, and to have it erased."""

from uuid import UUID

from litestar import Controller, post
from litestar.params import FromPath

from api.auth import admins_only, reaches
from api.dependencies import ApiRequest, CurrentCaller, CurrentReach, Session
from api.jobs.following import accepted
from api.jobs.schemas import JobOut
from api.resources import Response
from models.identity.permissions import Scope, Verb
from models.kernel.errors import NotFound
from models.kernel.reach import Reach
from models.privacy import service as privacy
from models.privacy.persons import PersonKind


class PrivacyController(Controller):
    path = "/"
    tags = ("Privacy",)

    @post(
        "/users/{user_id:uuid}/data-export", guards=[reaches(Scope.WRITE_PERSONAL_DATA, Verb.CREATE)],
        status_code=202, summary="Export what is held of a user",
    )  # fmt: skip
    async def export_user_data(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        user_id: FromPath[UUID],
    ) -> Response[JobOut]:
        """Everything, with the student and the instructor they are, as a ZIP file of JSON and of files they had made.

        Oneself; administrators anybody. The export has the id of the job: `GET /exports/{id}` has a link to it.
        """
        _check_oneself(reach, user_id)
        return await accepted(request, await privacy.request_data(session, caller, PersonKind.USER, user_id))

    @post(
        "/users/{user_id:uuid}/erase", guards=[reaches(Scope.WRITE_PERSONAL_DATA, Verb.DELETE)],
        status_code=202, summary="Erase a user",
    )  # fmt: skip
    async def erase_user(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        user_id: FromPath[UUID],
    ) -> Response[JobOut]:
        """Everything personal of the user, the student and the instructor they are goes, for good and everywhere; what
        was taught, owed and paid stays, without a name. Oneself; administrators anybody but the last of them.

        As soon as the job runs the user is logged out.
        """
        _check_oneself(reach, user_id)
        return await accepted(request, await privacy.request_erasure(session, caller, PersonKind.USER, user_id))

    @post(
        "/customers/{customer_id:uuid}/data-export", guards=[admins_only], status_code=202,
        summary="Export what is held of a customer",
    )  # fmt: skip
    async def export_customer_data(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, customer_id: FromPath[UUID]
    ) -> Response[JobOut]:
        """With their students, as for a user."""
        return await accepted(request, await privacy.request_data(session, caller, PersonKind.CUSTOMER, customer_id))

    @post("/customers/{customer_id:uuid}/erase", guards=[admins_only], status_code=202, summary="Erase a customer")
    async def erase_customer(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, customer_id: FromPath[UUID]
    ) -> Response[JobOut]:
        """With their students, as for a user. A student's login, where there is one, is erased as a user."""
        return await accepted(request, await privacy.request_erasure(session, caller, PersonKind.CUSTOMER, customer_id))


def _check_oneself(reach: Reach, user_id: UUID) -> None:
    if not reach.is_whole and reach.user_id != user_id:
        raise NotFound.thing("user", user_id)
