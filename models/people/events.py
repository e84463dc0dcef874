"""What happens to people."""

from datetime import date
from uuid import UUID

from models.events.catalogue import event_type
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


_id = "0198c0de-0000-7000-8000-000000000001"
_customer = {"id": _id, "name": "Noa Levi", "phone": "+972501234567", "email": "noa@example.com", "city": "Haifa"}
_student = {"id": _id, "customerId": _id, "name": "Omer Levi", "birthDate": "2016-02-29", "grade": "4"}

CUSTOMER_CREATED = event_type("customer.created", CustomerState, "A parent or payer was added.", _customer)
CUSTOMER_UPDATED = event_type("customer.updated", CustomerState, "A customer's data changed.", _customer)
CUSTOMER_DELETED = event_type("customer.deleted", CustomerState, "A customer was deleted.", _customer)
STUDENT_CREATED = event_type("student.created", StudentState, "A student was added.", _student)
STUDENT_UPDATED = event_type("student.updated", StudentState, "A student's data changed.", _student)
STUDENT_DELETED = event_type("student.deleted", StudentState, "A student was deleted.", _student)
