"""What happens to people."""

from datetime import date
from uuid import UUID

from models.events.catalogue import lifecycle
from models.kernel.schema import Out


class CustomerState(Out):
    id: UUID
    name: str
    phone: str | None
    email: str | None
    city: str | None


class StudentState(Out):
    id: UUID
    customer_id: UUID
    name: str
    birth_date: date | None
    grade: str | None


class InstructorState(Out):
    """Without the rates: what someone earns is not for every receiver."""

    id: UUID
    name: str
    phone: str | None
    email: str | None
    employment_type: str
    is_active: bool


_id = "0198c0de-0000-7000-8000-000000000001"
_noa = {"id": _id, "name": "Noa Levi", "phone": "+972501234567", "email": "noa@example.com"}

CUSTOMER = lifecycle("customer", CustomerState, "A parent or payer", {**_noa, "city": "Haifa"})
STUDENT = lifecycle(
    "student", StudentState, "A student",
    {"id": _id, "customerId": _id, "name": "Omer Levi", "birthDate": "2016-02-29", "grade": "4"},
)  # fmt: skip
INSTRUCTOR = lifecycle(
    "instructor", InstructorState, "An instructor", {**_noa, "employmentType": "freelancer", "isActive": True}
)
