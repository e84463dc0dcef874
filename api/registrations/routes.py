"""Registrations: students in cycles, and what they pay."""

from uuid import UUID

from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from api.auth import admins_only, reaches, requires
from api.dependencies import ApiRequest, CurrentCaller, CurrentReach, IfMatch, Session, documented, query_of
from api.registrations.schemas import (
    CancelIn,
    CycleRegistrationIn,
    PaymentIn,
    RegistrationIn,
    RegistrationOut,
    RegistrationPatch,
    RegistrationPut,
)
from api.resources import Response, created, hard_delete_allowed, listing
from models.cycles.services import cycles
from models.identity.permissions import Scope
from models.kernel.paging import Listing
from models.people import service as people
from models.registrations import service as registrations
from models.registrations.service import RegistrationOrder, RegistrationPage


class RegistrationsController(Controller):
    path = "/registrations"
    tags = ("Registrations",)

    @get(
        "/", guards=[reaches(Scope.READ_REGISTRATIONS)], summary="List registrations",
        dependencies={"page": query_of(RegistrationPage)}, operation_class=documented(RegistrationPage),
    )  # fmt: skip
    async def list_registrations(
        self, session: Session, reach: CurrentReach, page: NamedDependency[RegistrationPage]
    ) -> Listing[RegistrationOut]:
        """Searched by the student's name."""
        return listing(RegistrationOut, *await registrations.list_registrations(session, page, reach), reach)

    @post("/", guards=[requires(Scope.WRITE_REGISTRATIONS)], summary="Register a student")
    async def create_registration(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[RegistrationIn]
    ) -> Response[RegistrationOut]:
        """409 when the cycle is full (`capacity`) or has the student already (`existingRegistrationId`)."""
        registration = await registrations.create_registration(session, caller, data)
        return created(request, RegistrationOut.of(registration), registration.id)

    @get("/{registration_id:uuid}", guards=[reaches(Scope.READ_REGISTRATIONS)], summary="Read a registration")
    async def get_registration(
        self, session: Session, reach: CurrentReach, registration_id: FromPath[UUID]
    ) -> RegistrationOut:
        return RegistrationOut.within(await registrations.get_registration(session, registration_id, reach), reach)

    @put("/{registration_id:uuid}", guards=[requires(Scope.WRITE_REGISTRATIONS)], summary="Replace a registration")
    async def replace_registration(
        self,
        session: Session,
        caller: CurrentCaller,
        registration_id: FromPath[UUID],
        data: JSONBody[RegistrationPut],
        match: IfMatch,
    ) -> RegistrationOut:
        """Student and cycle stay. A cancelled one gets its place back, if there is one."""
        return RegistrationOut.of(
            await registrations.update_registration(session, caller, registration_id, data, match)
        )

    @patch("/{registration_id:uuid}", guards=[requires(Scope.WRITE_REGISTRATIONS)], summary="Change a registration")
    async def update_registration(
        self,
        session: Session,
        caller: CurrentCaller,
        registration_id: FromPath[UUID],
        data: JSONBody[RegistrationPatch],
        match: IfMatch,
    ) -> RegistrationOut:
        """With a `status` a cancelled one gets its place back, if there is one."""
        return RegistrationOut.of(
            await registrations.update_registration(session, caller, registration_id, data, match)
        )

    @delete("/{registration_id:uuid}", guards=[requires(Scope.WRITE_REGISTRATIONS)], summary="Delete a registration")
    async def delete_registration(
        self,
        session: Session,
        caller: CurrentCaller,
        registration_id: FromPath[UUID],
        match: IfMatch,
        hard: FromQuery[bool] = False,
    ) -> None:
        """It leaves every list and its place is free; `hard=true` (administrators) removes the row for good."""
        hard = hard_delete_allowed(caller, hard)
        await registrations.delete_registration(session, caller, registration_id, match, hard=hard)

    @post("/{registration_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore a registration")
    async def restore_registration(
        self, session: Session, caller: CurrentCaller, registration_id: FromPath[UUID]
    ) -> RegistrationOut:
        """409 when its place was given away meanwhile."""
        return RegistrationOut.of(await registrations.restore_registration(session, caller, registration_id))

    @post(
        "/{registration_id:uuid}/cancel", guards=[requires(Scope.WRITE_REGISTRATIONS)], status_code=200,
        summary="Cancel a registration",
    )  # fmt: skip
    async def cancel_registration(
        self,
        session: Session,
        caller: CurrentCaller,
        registration_id: FromPath[UUID],
        match: IfMatch,
        data: JSONBody[CancelIn | None] = None,
    ) -> RegistrationOut:
        """The place is free at once; what was paid stays recorded."""
        reason = data.reason if data else None
        return RegistrationOut.of(
            await registrations.cancel_registration(session, caller, registration_id, reason, match)
        )

    @post(
        "/{registration_id:uuid}/payment", guards=[requires(Scope.WRITE_REGISTRATIONS)], status_code=200,
        summary="Record a payment",
    )  # fmt: skip
    async def record_payment(
        self,
        session: Session,
        caller: CurrentCaller,
        registration_id: FromPath[UUID],
        data: JSONBody[PaymentIn],
        match: IfMatch,
    ) -> RegistrationOut:
        """So much more has been paid; 422 for more than is still due."""
        return RegistrationOut.of(
            await registrations.record_payment(
                session, caller, registration_id, data.amount, data.method, data.invoice_link, match
            )
        )


class CycleRegistrationsController(Controller):
    path = "/cycles/{cycle_id:uuid}/registrations"
    tags = ("Registrations",)

    @get(
        "/", guards=[reaches(Scope.READ_REGISTRATIONS)], summary="List a cycle's registrations",
        dependencies={"page": query_of(RegistrationOrder)}, operation_class=documented(RegistrationOrder),
    )  # fmt: skip
    async def list_registrations_of_cycle(
        self,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        cycle_id: FromPath[UUID],
        page: NamedDependency[RegistrationOrder],
    ) -> Listing[RegistrationOut]:
        """Searched by the student's name."""
        cycle = await cycles.get_cycle(session, cycle_id, caller.reach(Scope.READ_CYCLES))
        rows = await registrations.list_registrations(session, page, reach, cycle_id=cycle.id)
        return listing(RegistrationOut, *rows, reach)

    @post("/", guards=[requires(Scope.WRITE_REGISTRATIONS)], summary="Register a student in a cycle")
    async def register_in_cycle(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        cycle_id: FromPath[UUID],
        data: JSONBody[CycleRegistrationIn],
    ) -> Response[RegistrationOut]:
        """409 when the cycle is full (`capacity`) or has the student already (`existingRegistrationId`)."""
        registration = await registrations.register(session, caller, cycle_id, data)
        return created(request, RegistrationOut.of(registration), registration.id, under="registrations")


class StudentRegistrationsController(Controller):
    path = "/students/{student_id:uuid}/registrations"
    tags = ("Registrations",)

    @get(
        "/", guards=[reaches(Scope.READ_REGISTRATIONS)], summary="List a student's registrations",
        dependencies={"page": query_of(RegistrationOrder)}, operation_class=documented(RegistrationOrder),
    )  # fmt: skip
    async def list_registrations_of_student(
        self,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        student_id: FromPath[UUID],
        page: NamedDependency[RegistrationOrder],
    ) -> Listing[RegistrationOut]:
        student = await people.get_student(session, student_id, caller.reach(Scope.READ_STUDENTS))
        rows = await registrations.list_registrations(session, page, reach, student_id=student.id)
        return listing(RegistrationOut, *rows, reach)
