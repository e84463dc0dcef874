"""What a meeting comes to, and what it earned and cost."""

from datetime import datetime
from uuid import UUID

from models.cycles.events import MEETING_EXAMPLE
from models.cycles.values import MeetingStatus
from models.events.catalogue import event_type
from models.kernel.schema import Money, Priced


class MeetingMoney(Priced):
    """Amounts are 0 unless the meeting is completed."""

    id: UUID
    cycle_id: UUID
    number: int
    instructor_id: UUID
    status: MeetingStatus
    starts_at: datetime
    ends_at: datetime
    timezone: str
    currency: str
    revenue: Money
    instructor_payment: Money
    profit: Money
    rescheduled_to_id: UUID | None


_nothing = {
    **{name: value for name, value in MEETING_EXAMPLE.items() if name not in ("activityType", "room")},
    "currency": "ILS", "revenue": 0, "instructorPayment": 0, "profit": 0, "rescheduledToId": None,
}  # fmt: skip

MEETING_COMPLETED = event_type(
    "meeting.completed", MeetingMoney, "A meeting was given; its money is frozen.",
    {**_nothing, "status": "completed", "revenue": 380, "instructorPayment": 180, "profit": 200},
)  # fmt: skip
MEETING_CANCELLED = event_type(
    "meeting.cancelled", MeetingMoney, "A meeting will not be given.", {**_nothing, "status": "cancelled"}
)
MEETING_REOPENED = event_type(
    "meeting.reopened", MeetingMoney, "A completed or cancelled meeting is scheduled again.", _nothing
)
MEETING_POSTPONED = event_type(
    "meeting.postponed", MeetingMoney, "A meeting will be given another time, as `rescheduledToId`.",
    {**_nothing, "status": "postponed", "rescheduledToId": "0198c0de-0000-7000-8000-000000000002"},
)  # fmt: skip
MEETING_LOSS_MAKING = event_type(
    "meeting.loss_making", MeetingMoney, "A completed meeting costs more than it earns; told once per meeting.",
    {**_nothing, "status": "completed", "revenue": 100, "instructorPayment": 180, "profit": -80},
)  # fmt: skip
