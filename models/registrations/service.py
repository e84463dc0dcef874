"""Students in cycles: their places and what they pay.

Whoever gives a place away holds the cycle's row until the transaction ends, so that capacity and "once per student"
hold whoever else comes at the same time. The order is always the cycle first, then the registration.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.cycles.tables import Cycle
from models.cycles.values import CycleStatus
from models.events.service import emit_about
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.crud import ANY, Match
from models.kernel.errors import Conflict, Fault, Invalid, Unprocessable
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.reach import EVERYTHING, Reach
from models.kernel.schema import check_money, given
from models.kernel.session import fetch
from models.people.tables import Student
from models.registrations import events, queries
from models.registrations.rules import amount_faults, still_due
from models.registrations.tables import Registration
from models.registrations.values import PaymentMethod, PaymentStatus, RegistrationStatus


class RegistrationOrder(Page):
    """Of those that are told by something else than filters."""

    sortable = {
        "createdAt": Registration.created_at,
        "registeredAt": Registration.registered_at,
        "amount": Registration.amount,
    }
    searched = (Student.name,)


class RegistrationPage(RegistrationOrder):
    cycle_id: UUID | None = None
    student_id: UUID | None = None
    status: RegistrationStatus | None = None
    payment_status: PaymentStatus | None = None


async def list_registrations(
    session: AsyncSession, page: RegistrationOrder, reach: Reach = EVERYTHING, **more: Any
) -> tuple[list[Registration], Pagination]:
    """`more` are filters beside those of the page."""
    return await paginate(session, queries.registrations({**filters(page), **more}, reach), page)


async def get_registration(session: AsyncSession, id_: UUID, reach: Reach = EVERYTHING) -> Registration:
    """Raises NotFound."""
    return await crud.get_live(session, Registration, id_, reach=reach)


async def create_registration(session: AsyncSession, actor: Actor, data: msgspec.Struct) -> Registration:
    """`register` in the cycle that `data` names. Raises Invalid when cycle or student are not there."""
    values = given(data)
    cycle_id, student_id = values["cycle_id"], values["student_id"]
    await crud.check_references(session, cycle_id=(Cycle, cycle_id), student_id=(Student, student_id))
    return await register(session, actor, cycle_id, data)


async def register(session: AsyncSession, actor: Actor, cycle_id: UUID, data: msgspec.Struct) -> Registration:
    """Give a student a place; without an amount it costs what the cycle costs.

    Raises Conflict when the cycle is full or has the student already, Unprocessable when it takes nobody any more,
    NotFound for the cycle, Invalid for the student or an amount finer than the currency.
    """
    cycle = await crud.get_live(session, Cycle, cycle_id, lock=True)
    values = {name: value for name, value in given(data).items() if value is not None and name != "cycle_id"}
    await crud.check_references(session, student_id=(Student, values["student_id"]))
    await _check_place(session, cycle, values["student_id"])
    values.setdefault("amount", cycle.price_per_student or Decimal(0))
    if faults := check_money(cycle.currency, amount=values["amount"]):
        raise Invalid.of(faults)
    registration = await crud.add(session, Registration(cycle=cycle, **values))
    await emit_about(session, actor, events.REGISTRATION.created, registration)
    return registration


async def update_registration(
    session: AsyncSession, actor: Actor, id_: UUID, data: msgspec.Struct, match: Match = ANY
) -> Registration:
    """Another status gives a cancelled registration its place back, if there is one: see `register`."""
    cycle = await _lock_cycle_of(session, await get_registration(session, id_))
    registration = await crud.get_live(session, Registration, id_, lock=True)
    match.check(registration)
    if registration.cancelled_at is not None and "status" in given(data):
        await _check_place(session, cycle, registration.student_id, registration.id)
        registration.cancelled_at = registration.cancellation_reason = None
    await crud.apply(session, registration, data, match, amount_faults)
    await emit_about(session, actor, events.REGISTRATION.updated, registration)
    return registration


async def cancel_registration(
    session: AsyncSession, actor: Actor, id_: UUID, reason: str | None, match: Match = ANY
) -> Registration:
    """The place is free at once; what was paid stays recorded. Raises Unprocessable the second time."""
    registration = await crud.get_live(session, Registration, id_, lock=True)
    match.check(registration)
    _check_not_cancelled(registration)
    registration.status = RegistrationStatus.CANCELLED
    registration.cancelled_at, registration.cancellation_reason = utc_now(), reason
    await session.flush()
    await emit_about(session, actor, events.REGISTRATION_CANCELLED, registration)
    return registration


async def record_payment(
    session: AsyncSession,
    actor: Actor,
    id_: UUID,
    amount: Decimal,
    method: PaymentMethod | None = None,
    invoice_link: str | None = None,
    match: Match = ANY,
) -> Registration:
    """So much more has been paid.

    Raises Invalid for an amount finer than the currency, Unprocessable for more than is still due.
    """
    registration = await crud.get_live(session, Registration, id_, lock=True)
    match.check(registration)
    _check_not_cancelled(registration)
    _check_payment(registration, amount)
    registration.amount_paid += amount
    registration.payment_method = method or registration.payment_method
    registration.invoice_link = invoice_link or registration.invoice_link
    await session.flush()
    await emit_about(session, actor, events.REGISTRATION_PAID, registration)
    return registration


async def delete_registration(
    session: AsyncSession, actor: Actor, id_: UUID, match: Match = ANY, *, hard: bool = False
) -> None:
    """The place is free at once."""
    registration = await crud.delete(session, Registration, id_, match, hard=hard)
    await emit_about(session, actor, events.REGISTRATION.deleted, registration)


async def restore_registration(session: AsyncSession, actor: Actor, id_: UUID) -> Registration:
    """Raises Conflict when the place was given away meanwhile, Unprocessable when the cycle is deleted."""
    registration = await crud.get_any(session, Registration, id_, lock=False)
    cycle = await _lock_cycle_of(session, registration)
    registration = await crud.get_any(session, Registration, id_)
    if registration.cancelled_at is None:
        await _check_free(session, cycle, registration.student_id, registration.id)
    registration = await crud.restore(session, Registration, id_)
    await emit_about(session, actor, events.REGISTRATION.updated, registration)
    return registration


async def _lock_cycle_of(session: AsyncSession, registration: Registration) -> Cycle:
    cycle = await crud.get_any(session, Cycle, registration.cycle_id)
    if cycle.deleted_at is not None:
        raise Unprocessable("The cycle of this registration is deleted.", cycle_id=cycle.id)
    return cycle


async def _check_place(session: AsyncSession, cycle: Cycle, student_id: UUID, own_id: UUID | None = None) -> None:
    if cycle.status != CycleStatus.ACTIVE:
        raise Unprocessable(f"The cycle is {cycle.status}; only an active one takes students.", cycle_id=cycle.id)
    await _check_free(session, cycle, student_id, own_id)


async def _check_free(session: AsyncSession, cycle: Cycle, student_id: UUID, own_id: UUID | None = None) -> None:
    """Among the registrations other than `own_id`. The cycle's row is locked."""
    places = (await fetch(session, queries.PLACES, cycle.id, student_id, own_id))[0]
    if places["of_student"] is not None:
        raise Conflict("The student is in this cycle already.", existing_registration_id=places["of_student"])
    if cycle.max_students is not None and places["taken"] >= cycle.max_students:
        detail = f"The cycle is full: all {cycle.max_students} places are taken."
        raise Conflict(detail, cycle_id=cycle.id, capacity=cycle.max_students)


def _check_not_cancelled(registration: Registration) -> None:
    if registration.cancelled_at is not None:
        raise Unprocessable(f"The registration was cancelled at {registration.cancelled_at.isoformat()}.")


def _check_payment(registration: Registration, amount: Decimal) -> None:
    if faults := check_money(registration.currency, amount=amount):
        raise Invalid.of(faults)
    due = still_due(registration)
    if amount > due:
        fault = Fault("amount", f"must not be more than the {due} {registration.currency} still due")
        raise Unprocessable("This is more than is still due.", errors=[fault])
