"""Every SELECT over courses, branches and closures."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, or_, select

from models.courses.tables import Branch, Closure, Course
from models.kernel.reach import EVERYTHING, Own, Reach, owned

OWN_INSTRUCTORS = "SELECT id FROM instructors WHERE user_id = :me AND deleted_at IS NULL"
OWN_COURSES = f"courses.instructor_id IN ({OWN_INSTRUCTORS})"
PUBLISHED = Own("published courses", "courses.status = 'published'")

owned(
    Course,
    instructor=Own(
        "published courses, and those they are the instructor of (these they may change, too)",
        f"courses.status = 'published' OR {OWN_COURSES}",
        changing=OWN_COURSES,
    ),
    student=PUBLISHED,
    guest=PUBLISHED,
)

LIVE_INSTRUCTOR = "SELECT id FROM instructors WHERE id = $1 AND deleted_at IS NULL"


def courses(filters: Mapping[str, Any], reach: Reach = EVERYTHING) -> Select[Course]:
    """`duration` is the most minutes; the others are exact."""
    others = dict(filters)
    statement = select(Course).where(Course.deleted_at.is_(None), reach.over(Course))
    if duration := others.pop("duration", None):
        statement = statement.where(Course.duration_minutes <= duration)
    return statement.filter_by(**others)


def branches(filters: Mapping[str, Any]) -> Select[Branch]:
    return select(Branch).where(Branch.deleted_at.is_(None)).filter_by(**filters)


def closures(filters: Mapping[str, Any]) -> Select[Closure]:
    """`branch_id` finds those that hold for the branch, `from_` and `to` those that touch the days between."""
    statement = select(Closure).where(Closure.deleted_at.is_(None))
    if "branch_id" in filters:
        statement = statement.where(or_(Closure.branch_id == filters["branch_id"], Closure.branch_id.is_(None)))
    if "from_" in filters:
        statement = statement.where(Closure.end_date >= filters["from_"])
    if "to" in filters:
        statement = statement.where(Closure.start_date <= filters["to"])
    return statement
