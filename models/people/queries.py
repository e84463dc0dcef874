"""Every SELECT over people."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select, text

from models.people.tables import Customer

HAS_ACTIVE_REGISTRATION = """
SELECT students.customer_id FROM registrations
JOIN students ON students.id = registrations.student_id AND students.deleted_at IS NULL
WHERE registrations.status IN ('registered', 'active') AND registrations.deleted_at IS NULL
"""


def customers(filters: Mapping[str, Any]) -> Select[tuple[Customer]]:
    """`city` is exact; `has_active_registration` looks at the customer's students."""
    statement = select(Customer).where(Customer.deleted_at.is_(None))
    if "city" in filters:
        statement = statement.where(Customer.city == filters["city"])
    if "has_active_registration" in filters:
        active = Customer.id.in_(text(HAS_ACTIVE_REGISTRATION))
        statement = statement.where(active if filters["has_active_registration"] else ~active)
    return statement
