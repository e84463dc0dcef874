"""People on the wire."""

from datetime import date, datetime
from uuid import UUID

from msgspec import UNSET, UnsetType

from models.kernel.errors import Fault
from models.kernel.schema import Currency, Email, In, LongText, Money, Name, Out, Phone, Priced, ShortText
from models.people.rules import instructor_faults
from models.people.values import EmploymentType


class CustomerIn(In):
    name: Name
    phone: Phone | None = None
    email: Email | None = None
    address: ShortText | None = None
    city: ShortText | None = None
    notes: LongText | None = None


class CustomerPatch(In):
    name: Name | UnsetType = UNSET
    phone: Phone | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    address: ShortText | UnsetType | None = UNSET
    city: ShortText | UnsetType | None = UNSET
    notes: LongText | UnsetType | None = UNSET


class CustomerOut(Out):
    id: UUID
    name: str
    phone: str | None
    email: str | None
    address: str | None
    city: str | None
    notes: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class CustomerStudentIn(In):
    """A student whose customer the path names."""

    name: Name
    birth_date: date | None = None
    grade: ShortText | None = None
    notes: LongText | None = None
    user_id: UUID | None = None


class StudentIn(CustomerStudentIn, kw_only=True):
    customer_id: UUID


class StudentPatch(In):
    customer_id: UUID | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    birth_date: date | UnsetType | None = UNSET
    grade: ShortText | UnsetType | None = UNSET
    notes: LongText | UnsetType | None = UNSET
    user_id: UUID | UnsetType | None = UNSET


class StudentOut(Out):
    id: UUID
    customer_id: UUID
    user_id: UUID | None
    name: str
    birth_date: date | None
    grade: str | None
    notes: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class InstructorIn(In):
    """Rates are per hour; online and private lessons without a rate of their own are paid as frontal ones."""

    name: Name
    employment_type: EmploymentType
    currency: Currency
    rate_frontal: Money
    rate_online: Money | None = None
    rate_private: Money | None = None
    rate_preparation: Money | None = None
    phone: Phone | None = None
    email: Email | None = None
    user_id: UUID | None = None
    is_active: bool = True

    def faults(self) -> list[Fault]:
        return instructor_faults(self)


class InstructorPatch(In):
    name: Name | UnsetType = UNSET
    employment_type: EmploymentType | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    rate_frontal: Money | UnsetType = UNSET
    rate_online: Money | UnsetType | None = UNSET
    rate_private: Money | UnsetType | None = UNSET
    rate_preparation: Money | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    user_id: UUID | UnsetType | None = UNSET
    is_active: bool | UnsetType = UNSET


class InstructorOut(Priced):
    id: UUID
    user_id: UUID | None
    name: str
    phone: str | None
    email: str | None
    employment_type: EmploymentType
    currency: str
    rate_frontal: Money
    rate_online: Money | None
    rate_private: Money | None
    rate_preparation: Money | None
    is_active: bool
    created_at: datetime
    updated_at: datetime
    version: int
