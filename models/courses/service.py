"""What is taught, where, and when it is closed there."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncSession

from models.courses import events, queries
from models.courses.rules import branch_faults, closure_faults, course_faults
from models.courses.tables import Branch, Closure, Course
from models.courses.values import BranchType, CourseStatus, Difficulty
from models.events.service import emit_about
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.crud import ANY, Match
from models.kernel.errors import Fault, Invalid
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.reach import EVERYTHING, Reach
from models.kernel.schema import given
from models.kernel.session import fetch


class CoursePage(Page):
    sortable = {
        "createdAt": Course.created_at,
        "title": Course.title,
        "price": Course.price,
        "durationMinutes": Course.duration_minutes,
    }
    searched = (Course.title, Course.description)

    category: Annotated[str, Meta(max_length=200)] | None = None
    difficulty: Difficulty | None = None
    status: CourseStatus | None = None
    duration: Annotated[int, Meta(ge=1, le=1_000_000, description="the most minutes")] | None = None
    instructor_id: UUID | None = None


class BranchPage(Page):
    sortable = {"createdAt": Branch.created_at, "name": Branch.name, "city": Branch.city}
    searched = (Branch.name, Branch.address)

    type: BranchType | None = None
    city: Annotated[str, Meta(max_length=200)] | None = None
    is_active: bool | None = None


class ClosurePage(Page):
    sortable = {"createdAt": Closure.created_at, "startDate": Closure.start_date, "endDate": Closure.end_date}
    searched = (Closure.name,)
    rules = (*Page.rules, lambda page: _backwards(page.from_, page.to))

    branch_id: UUID | None = None
    from_: date | None = None
    to: date | None = None


def _backwards(from_: date | None, to: date | None) -> list[Fault]:
    backwards = from_ is not None and to is not None and to < from_
    return [Fault("to", "must not be before `from`")] if backwards else []


async def list_courses(
    session: AsyncSession, page: CoursePage, reach: Reach = EVERYTHING
) -> tuple[list[Course], Pagination]:
    return await paginate(session, queries.courses(filters(page), reach), page)


async def get_course(session: AsyncSession, id_: UUID, reach: Reach = EVERYTHING) -> Course:
    """Raises NotFound."""
    return await crud.get_live(session, Course, id_, reach=reach)


async def create_course(session: AsyncSession, actor: Actor, data: msgspec.Struct) -> Course:
    """Raises Invalid for an instructor who is not there."""
    await _check_instructor(session, data)
    course = await crud.add(session, Course(**msgspec.structs.asdict(data)))
    await emit_about(session, actor, events.COURSE.created, course)
    return course


async def update_course(
    session: AsyncSession,
    actor: Actor,
    id_: UUID,
    data: msgspec.Struct,
    match: Match = ANY,
    reach: Reach = EVERYTHING,
) -> Course:
    """`data` is a whole course (PUT) or a part of one (PATCH). Raises Forbidden when it would leave the reach."""
    await get_course(session, id_, reach)
    await _check_instructor(session, data)
    course = await crud.update(session, Course, id_, data, match, course_faults, reach)
    await emit_about(session, actor, events.COURSE.updated, course)
    return course


async def delete_course(
    session: AsyncSession, actor: Actor, id_: UUID, match: Match = ANY, *, hard: bool = False
) -> None:
    """`hard` is for good. Raises Conflict then while there are cycles of it."""
    course = await crud.delete(session, Course, id_, match, hard=hard)
    await emit_about(session, actor, events.COURSE.deleted, course)


async def restore_course(session: AsyncSession, actor: Actor, id_: UUID) -> Course:
    course = await crud.restore(session, Course, id_)
    await emit_about(session, actor, events.COURSE.updated, course)
    return course


async def list_branches(session: AsyncSession, page: BranchPage) -> tuple[list[Branch], Pagination]:
    return await paginate(session, queries.branches(filters(page)), page)


async def get_branch(session: AsyncSession, id_: UUID) -> Branch:
    """Raises NotFound."""
    return await crud.get_live(session, Branch, id_)


async def create_branch(session: AsyncSession, actor: Actor, data: msgspec.Struct) -> Branch:
    branch = await crud.add(session, Branch(**msgspec.structs.asdict(data)))
    await emit_about(session, actor, events.BRANCH.created, branch)
    return branch


async def update_branch(
    session: AsyncSession, actor: Actor, id_: UUID, data: msgspec.Struct, match: Match = ANY
) -> Branch:
    branch = await crud.update(session, Branch, id_, data, match, branch_faults)
    await emit_about(session, actor, events.BRANCH.updated, branch)
    return branch


async def delete_branch(
    session: AsyncSession, actor: Actor, id_: UUID, match: Match = ANY, *, hard: bool = False
) -> None:
    """`hard` is for good. Raises Conflict then while there are cycles at it or closures of it."""
    branch = await crud.delete(session, Branch, id_, match, hard=hard)
    await emit_about(session, actor, events.BRANCH.deleted, branch)


async def restore_branch(session: AsyncSession, actor: Actor, id_: UUID) -> Branch:
    branch = await crud.restore(session, Branch, id_)
    await emit_about(session, actor, events.BRANCH.updated, branch)
    return branch


async def list_closures(session: AsyncSession, page: ClosurePage) -> tuple[list[Closure], Pagination]:
    return await paginate(session, queries.closures(filters(page)), page)


async def get_closure(session: AsyncSession, id_: UUID) -> Closure:
    """Raises NotFound."""
    return await crud.get_live(session, Closure, id_)


async def create_closure(session: AsyncSession, actor: Actor, data: msgspec.Struct) -> Closure:
    """Raises Invalid for a branch that is not there."""
    values = msgspec.structs.asdict(data)
    await crud.check_references(session, branch_id=(Branch, values["branch_id"]))
    closure = await crud.add(session, Closure(**values))
    await emit_about(session, actor, events.CLOSURE.created, closure)
    return closure


async def update_closure(
    session: AsyncSession, actor: Actor, id_: UUID, data: msgspec.Struct, match: Match = ANY
) -> Closure:
    await crud.check_references(session, branch_id=(Branch, given(data).get("branch_id")))
    closure = await crud.update(session, Closure, id_, data, match, closure_faults)
    await emit_about(session, actor, events.CLOSURE.updated, closure)
    return closure


async def delete_closure(
    session: AsyncSession, actor: Actor, id_: UUID, match: Match = ANY, *, hard: bool = False
) -> None:
    closure = await crud.delete(session, Closure, id_, match, hard=hard)
    await emit_about(session, actor, events.CLOSURE.deleted, closure)


async def restore_closure(session: AsyncSession, actor: Actor, id_: UUID) -> Closure:
    closure = await crud.restore(session, Closure, id_)
    await emit_about(session, actor, events.CLOSURE.updated, closure)
    return closure


async def _check_instructor(session: AsyncSession, data: msgspec.Struct) -> None:
    id_: Any = given(data).get("instructor_id")
    if id_ is not None and not await fetch(session, queries.LIVE_INSTRUCTOR, id_):
        raise Invalid.field("instructorId", f"there is no instructor {id_}")
