"""Every SELECT over people."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select, text

from models.kernel.reach import EVERYTHING, Own, Reach, owned
from models.people.tables import Customer, Instructor, Student

OWN_INSTRUCTORS = "SELECT id FROM instructors WHERE user_id = :me AND deleted_at IS NULL"

OWN_STUDENTS = "SELECT id FROM students WHERE user_id = :me AND deleted_at IS NULL"

# Those given by the user, and those of which a meeting is: a substitute teaches the cycle as well.
CYCLES_TAUGHT = f"""
SELECT id FROM cycles WHERE instructor_id IN ({OWN_INSTRUCTORS})
UNION
SELECT cycle_id FROM meetings
WHERE instructor_id IN ({OWN_INSTRUCTORS}) AND status IN ('scheduled', 'completed') AND deleted_at IS NULL
"""

CYCLES_ATTENDED = f"""
SELECT cycle_id FROM registrations
WHERE student_id IN ({OWN_STUDENTS}) AND status <> 'cancelled' AND deleted_at IS NULL
"""

STUDENTS_TAUGHT = f"""
SELECT student_id FROM registrations
WHERE cycle_id IN ({CYCLES_TAUGHT}) AND status <> 'cancelled' AND deleted_at IS NULL
"""

owned(
    Student,
    instructor=Own("students with a place in a cycle they teach", f"students.id IN ({STUDENTS_TAUGHT})"),
    student=Own("students linked to their user", "students.user_id = :me"),
)
owned(Instructor, instructor=Own("the instructor linked to their user", "instructors.user_id = :me"))

HAS_ACTIVE_REGISTRATION = """
SELECT students.customer_id FROM registrations
JOIN students ON students.id = registrations.student_id AND students.deleted_at IS NULL
WHERE registrations.status IN ('registered', 'active') AND registrations.deleted_at IS NULL
"""


def customers(filters: Mapping[str, Any], reach: Reach = EVERYTHING) -> Select[Customer]:
    """`city` is exact; `has_active_registration` looks at the customer's students."""
    others = dict(filters)
    active = Customer.id.in_(text(HAS_ACTIVE_REGISTRATION))
    statement = select(Customer).where(Customer.deleted_at.is_(None), reach.over(Customer))
    match others.pop("has_active_registration", None):
        case True:
            statement = statement.where(active)
        case False:
            statement = statement.where(~active)
    return statement.filter_by(**others)


def students(filters: Mapping[str, Any], reach: Reach = EVERYTHING) -> Select[Student]:
    return select(Student).where(Student.deleted_at.is_(None), reach.over(Student)).filter_by(**filters)


def instructors(filters: Mapping[str, Any], reach: Reach = EVERYTHING) -> Select[Instructor]:
    return select(Instructor).where(Instructor.deleted_at.is_(None), reach.over(Instructor)).filter_by(**filters)
