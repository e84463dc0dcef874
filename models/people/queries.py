"""Every SELECT over people."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select, text

from models.people.tables import Customer, Instructor, Student

HAS_ACTIVE_REGISTRATION = """
SELECT students.customer_id FROM registrations
JOIN students ON students.id = registrations.student_id AND students.deleted_at IS NULL
WHERE registrations.status IN ('registered', 'active') AND registrations.deleted_at IS NULL
"""


def customers(filters: Mapping[str, Any]) -> Select[Customer]:
    """`city` is exact; `has_active_registration` looks at the customer's students."""
    others = dict(filters)
    active = Customer.id.in_(text(HAS_ACTIVE_REGISTRATION))
    statement = select(Customer).where(Customer.deleted_at.is_(None))
    match others.pop("has_active_registration", None):
        case True:
            statement = statement.where(active)
        case False:
            statement = statement.where(~active)
    return statement.filter_by(**others)


def students(filters: Mapping[str, Any]) -> Select[Student]:
    return select(Student).where(Student.deleted_at.is_(None)).filter_by(**filters)


def instructors(filters: Mapping[str, Any]) -> Select[Instructor]:
    return select(Instructor).where(Instructor.deleted_at.is_(None)).filter_by(**filters)
