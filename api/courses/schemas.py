"""Courses, branches and closures on the wire."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from models.courses.rules import branch_faults, closure_faults, course_faults
from models.courses.values import BranchType, CourseStatus, Difficulty
from models.kernel.errors import Fault
from models.kernel.schema import (
    Country,
    Currency,
    Email,
    In,
    Link,
    LongText,
    Money,
    Name,
    Out,
    Phone,
    Priced,
    ShortText,
    Timezone,
)

Minutes = Annotated[int, Meta(ge=1, le=1_000_000, examples=[900])]
Subdivision = Annotated[
    str, Meta(max_length=20, description="the second part of ISO 3166-2, such as `BE` of `DE-BE`", examples=["BE"])
]


class CourseIn(In):
    """A price needs a currency."""

    title: Name
    description: LongText | None = None
    category: ShortText | None = None
    difficulty: Difficulty | None = None
    duration_minutes: Minutes | None = None
    price: Money | None = None
    currency: Currency | None = None
    cover_image_url: Link | None = None
    target_audience: ShortText | None = None
    instructor_id: UUID | None = None
    status: CourseStatus = CourseStatus.DRAFT

    def faults(self) -> list[Fault]:
        return course_faults(self)


class CoursePatch(In):
    title: Name | UnsetType = UNSET
    description: LongText | UnsetType | None = UNSET
    category: ShortText | UnsetType | None = UNSET
    difficulty: Difficulty | UnsetType | None = UNSET
    duration_minutes: Minutes | UnsetType | None = UNSET
    price: Money | UnsetType | None = UNSET
    currency: Currency | UnsetType | None = UNSET
    cover_image_url: Link | UnsetType | None = UNSET
    target_audience: ShortText | UnsetType | None = UNSET
    instructor_id: UUID | UnsetType | None = UNSET
    status: CourseStatus | UnsetType = UNSET


class CourseOut(Priced):
    id: UUID
    title: str
    description: str | None
    category: str | None
    difficulty: Difficulty | None
    duration_minutes: int | None
    price: Money | None
    currency: str | None
    cover_image_url: str | None
    target_audience: str | None
    instructor_id: UUID | None
    status: CourseStatus
    created_at: datetime
    updated_at: datetime
    version: int


class BranchIn(In):
    """`country` and `subdivision` choose the public holidays on which no meetings are planned."""

    name: Name
    type: BranchType
    country: Country
    timezone: Timezone
    subdivision: Subdivision | None = None
    address: ShortText | None = None
    city: ShortText | None = None
    contact_name: ShortText | None = None
    contact_phone: Phone | None = None
    contact_email: Email | None = None
    is_active: bool = True

    def faults(self) -> list[Fault]:
        return branch_faults(self)


class BranchPatch(In):
    name: Name | UnsetType = UNSET
    type: BranchType | UnsetType = UNSET
    country: Country | UnsetType = UNSET
    timezone: Timezone | UnsetType = UNSET
    subdivision: Subdivision | UnsetType | None = UNSET
    address: ShortText | UnsetType | None = UNSET
    city: ShortText | UnsetType | None = UNSET
    contact_name: ShortText | UnsetType | None = UNSET
    contact_phone: Phone | UnsetType | None = UNSET
    contact_email: Email | UnsetType | None = UNSET
    is_active: bool | UnsetType = UNSET


class BranchOut(Out):
    id: UUID
    name: str
    type: BranchType
    country: str
    subdivision: str | None
    timezone: str
    address: str | None
    city: str | None
    contact_name: str | None
    contact_phone: str | None
    contact_email: str | None
    is_active: bool
    created_at: datetime
    updated_at: datetime
    version: int


class ClosureIn(In):
    """Both dates are closed; without a branch it holds for all."""

    name: Name
    start_date: date
    end_date: date
    branch_id: UUID | None = None

    def faults(self) -> list[Fault]:
        return closure_faults(self)


class ClosurePatch(In):
    name: Name | UnsetType = UNSET
    start_date: date | UnsetType = UNSET
    end_date: date | UnsetType = UNSET
    branch_id: UUID | UnsetType | None = UNSET


class ClosureOut(Out):
    id: UUID
    branch_id: UUID | None
    name: str
    start_date: date
    end_date: date
    created_at: datetime
    updated_at: datetime
    version: int
