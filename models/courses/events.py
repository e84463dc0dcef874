"""What happens to courses, branches and closures."""

from datetime import date
from uuid import UUID

from models.courses.values import BranchType, CourseStatus, Difficulty
from models.events.catalogue import lifecycle
from models.kernel.schema import Money, Out, Priced


class CourseState(Priced):
    id: UUID
    title: str
    category: str | None
    difficulty: Difficulty | None
    status: CourseStatus
    price: Money | None
    currency: str | None


class BranchState(Out):
    id: UUID
    name: str
    type: BranchType
    country: str
    subdivision: str | None
    timezone: str
    city: str | None
    is_active: bool


class ClosureState(Out):
    """`branchId` is null when it holds for all branches; both dates are closed."""

    id: UUID
    branch_id: UUID | None
    name: str
    start_date: date
    end_date: date


_id = "0198c0de-0000-7000-8000-000000000001"

COURSE = lifecycle(
    "course", CourseState, "A course",
    {
        "id": _id, "title": "Robotics", "category": "technology", "difficulty": "beginner", "status": "published",
        "price": 149.90, "currency": "ILS",
    },
)  # fmt: skip
BRANCH = lifecycle(
    "branch", BranchState, "A branch",
    {
        "id": _id, "name": "Haifa", "type": "community_center", "country": "IL", "subdivision": None,
        "timezone": "Asia/Jerusalem", "city": "Haifa", "isActive": True,
    },
)  # fmt: skip
CLOSURE = lifecycle(
    "closure", ClosureState, "A closure",
    {"id": _id, "branchId": _id, "name": "Summer", "startDate": "2026-07-01", "endDate": "2026-08-31"},
)  # fmt: skip
