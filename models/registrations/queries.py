"""Every SELECT over registrations."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import contains_eager

from models.kernel.reach import EVERYTHING, Own, Reach, owned
from models.people.queries import CYCLES_TAUGHT, OWN_STUDENTS
from models.people.tables import Student
from models.registrations.tables import Registration

owned(
    Registration,
    instructor=Own("registrations in cycles they teach", f"registrations.cycle_id IN ({CYCLES_TAUGHT})"),
    student=Own("registrations of their students", f"registrations.student_id IN ({OWN_STUDENTS})"),
)

# Those who hold a place in the cycle $1, but for the registration $3; and the one of student $2 among them.
PLACES = """
SELECT count(*) AS taken, (array_agg(id) FILTER (WHERE student_id = $2))[1] AS of_student
FROM registrations
WHERE cycle_id = $1 AND status <> 'cancelled' AND deleted_at IS NULL AND id IS DISTINCT FROM $3::uuid
"""

_STATE = """
registrations.id, registrations.cycle_id AS "cycleId", registrations.student_id AS "studentId", registrations.status,
registrations.amount, registrations.amount_paid AS "amountPaid", cycles.currency,
registrations.payment_status AS "paymentStatus", registrations.payment_method AS "paymentMethod",
registrations.cancellation_reason AS "cancellationReason"
"""

COMPLETE = f"""
UPDATE registrations SET status = 'completed', version = registrations.version + 1, updated_at = clock_timestamp()
FROM cycles
WHERE cycles.id = registrations.cycle_id AND registrations.cycle_id = ANY($1::uuid[])
  AND registrations.status IN ('registered', 'active') AND registrations.deleted_at IS NULL
RETURNING {_STATE}
"""

STUDENTS_TO_COPY = """
SELECT student_id, amount FROM registrations
WHERE cycle_id = $1 AND status IN ('registered', 'active', 'completed') AND deleted_at IS NULL
ORDER BY registered_at, id
"""

COPY = f"""
WITH registrations AS (
    INSERT INTO registrations (id, cycle_id, student_id, status, amount)
    SELECT given.id, $1, given.student_id, 'registered', given.amount
    FROM unnest($2::uuid[], $3::uuid[], $4::numeric[]) AS given (id, student_id, amount)
    RETURNING *
)
SELECT {_STATE} FROM registrations JOIN cycles ON cycles.id = registrations.cycle_id
"""


def registrations(filters: Mapping[str, Any], reach: Reach = EVERYTHING) -> Select[Registration]:
    """With their cycles, and joined to their students."""
    statement = select(Registration).join(Registration.cycle).options(contains_eager(Registration.cycle))
    statement = statement.join(Student, Student.id == Registration.student_id)
    exact = (getattr(Registration, name) == value for name, value in filters.items())
    return statement.where(Registration.deleted_at.is_(None), reach.over(Registration), *exact)
