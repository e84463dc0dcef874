"""The people who pay, who learn and who teach."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.service import emit_about
from models.identity.tables import User
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.crud import ANY, Match
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.reach import EVERYTHING, Reach
from models.kernel.schema import given
from models.people import events, queries
from models.people.rules import instructor_faults
from models.people.tables import Customer, Instructor, Student
from models.people.values import EmploymentType


class CustomerPage(Page):
    sortable = {"createdAt": Customer.created_at, "name": Customer.name, "city": Customer.city}
    searched = (Customer.name, Customer.phone, Customer.email)

    city: Annotated[str, Meta(max_length=200)] | None = None
    has_active_registration: bool | None = None


class StudentOrder(Page):
    """Of those that are told by something else than filters."""

    sortable = {"createdAt": Student.created_at, "name": Student.name, "birthDate": Student.birth_date}
    searched = (Student.name,)


class StudentPage(StudentOrder):
    customer_id: UUID | None = None
    grade: Annotated[str, Meta(max_length=200)] | None = None


class InstructorPage(Page):
    sortable = {"createdAt": Instructor.created_at, "name": Instructor.name}
    searched = (Instructor.name, Instructor.phone, Instructor.email)

    is_active: bool | None = None
    employment_type: EmploymentType | None = None


async def list_customers(session: AsyncSession, page: CustomerPage) -> tuple[list[Customer], Pagination]:
    return await paginate(session, queries.customers(filters(page)), page)


async def get_customer(session: AsyncSession, id_: UUID) -> Customer:
    """Raises NotFound."""
    return await crud.get_live(session, Customer, id_)


async def create_customer(session: AsyncSession, actor: Actor, data: msgspec.Struct) -> Customer:
    customer = await crud.add(session, Customer(**msgspec.structs.asdict(data)))
    await emit_about(session, actor, events.CUSTOMER.created, customer)
    return customer


async def update_customer(
    session: AsyncSession, actor: Actor, id_: UUID, data: msgspec.Struct, match: Match = ANY
) -> Customer:
    """`data` is a whole customer (PUT) or a part of one (PATCH)."""
    customer = await crud.update(session, Customer, id_, data, match)
    await emit_about(session, actor, events.CUSTOMER.updated, customer)
    return customer


async def delete_customer(
    session: AsyncSession, actor: Actor, id_: UUID, match: Match = ANY, *, hard: bool = False
) -> None:
    """`hard` is for good. Raises Conflict then while there are students of theirs."""
    customer = await crud.delete(session, Customer, id_, match, hard=hard)
    await emit_about(session, actor, events.CUSTOMER.deleted, customer)


async def restore_customer(session: AsyncSession, actor: Actor, id_: UUID) -> Customer:
    customer = await crud.restore(session, Customer, id_)
    await emit_about(session, actor, events.CUSTOMER.updated, customer)
    return customer


async def list_students(
    session: AsyncSession, page: StudentOrder, reach: Reach = EVERYTHING, **more: Any
) -> tuple[list[Student], Pagination]:
    """`more` are filters beside those of the page."""
    return await paginate(session, queries.students({**filters(page), **more}, reach), page)


async def get_student(session: AsyncSession, id_: UUID, reach: Reach = EVERYTHING) -> Student:
    """Raises NotFound."""
    return await crud.get_live(session, Student, id_, reach=reach)


async def create_student(session: AsyncSession, actor: Actor, data: msgspec.Struct, **more: Any) -> Student:
    """`more` are fields beside those of `data`. Raises Invalid for a customer or user who is not there."""
    values = {**msgspec.structs.asdict(data), **more}
    await _check_student_references(session, values)
    student = await crud.add(session, Student(**values))
    await emit_about(session, actor, events.STUDENT.created, student)
    return student


async def update_student(
    session: AsyncSession, actor: Actor, id_: UUID, data: msgspec.Struct, match: Match = ANY
) -> Student:
    await _check_student_references(session, given(data))
    student = await crud.update(session, Student, id_, data, match)
    await emit_about(session, actor, events.STUDENT.updated, student)
    return student


async def delete_student(
    session: AsyncSession, actor: Actor, id_: UUID, match: Match = ANY, *, hard: bool = False
) -> None:
    """`hard` is for good. Raises Conflict then while there are registrations of theirs."""
    student = await crud.delete(session, Student, id_, match, hard=hard)
    await emit_about(session, actor, events.STUDENT.deleted, student)


async def restore_student(session: AsyncSession, actor: Actor, id_: UUID) -> Student:
    student = await crud.restore(session, Student, id_)
    await emit_about(session, actor, events.STUDENT.updated, student)
    return student


async def list_instructors(
    session: AsyncSession, page: InstructorPage, reach: Reach = EVERYTHING
) -> tuple[list[Instructor], Pagination]:
    return await paginate(session, queries.instructors(filters(page), reach), page)


async def get_instructor(session: AsyncSession, id_: UUID, reach: Reach = EVERYTHING) -> Instructor:
    """Raises NotFound."""
    return await crud.get_live(session, Instructor, id_, reach=reach)


async def create_instructor(session: AsyncSession, actor: Actor, data: msgspec.Struct) -> Instructor:
    """Raises Invalid for a user who is not there."""
    values = msgspec.structs.asdict(data)
    await crud.check_references(session, user_id=(User, values["user_id"]))
    instructor = await crud.add(session, Instructor(**values))
    await emit_about(session, actor, events.INSTRUCTOR.created, instructor)
    return instructor


async def update_instructor(
    session: AsyncSession, actor: Actor, id_: UUID, data: msgspec.Struct, match: Match = ANY
) -> Instructor:
    await crud.check_references(session, user_id=(User, given(data).get("user_id")))
    instructor = await crud.update(session, Instructor, id_, data, match, instructor_faults)
    await emit_about(session, actor, events.INSTRUCTOR.updated, instructor)
    return instructor


async def delete_instructor(
    session: AsyncSession, actor: Actor, id_: UUID, match: Match = ANY, *, hard: bool = False
) -> None:
    """`hard` is for good. Raises Conflict then while there are cycles, meetings or courses of theirs."""
    instructor = await crud.delete(session, Instructor, id_, match, hard=hard)
    await emit_about(session, actor, events.INSTRUCTOR.deleted, instructor)


async def restore_instructor(session: AsyncSession, actor: Actor, id_: UUID) -> Instructor:
    instructor = await crud.restore(session, Instructor, id_)
    await emit_about(session, actor, events.INSTRUCTOR.updated, instructor)
    return instructor


async def _check_student_references(session: AsyncSession, values: dict[str, Any]) -> None:
    customer_id, user_id = values.get("customer_id"), values.get("user_id")
    await crud.check_references(session, customer_id=(Customer, customer_id), user_id=(User, user_id))
