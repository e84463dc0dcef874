"""What happens to cycles and to the plan of their meetings; what completes or cancels one is told by finance."""

from datetime import date, datetime
from uuid import UUID

from models.cycles.values import ActivityType, CycleStatus, CycleType, MeetingStatus
from models.events.catalogue import event_type, lifecycle
from models.kernel.schema import Out


class CycleState(Out):
    id: UUID
    name: str
    type: CycleType
    status: CycleStatus
    course_id: UUID
    branch_id: UUID
    instructor_id: UUID
    start_date: date
    end_date: date | None
    timezone: str
    total_meetings: int
    completed_meetings: int


class MeetingState(Out):
    """`activity_type` is None where the meeting has that of its cycle."""

    id: UUID
    cycle_id: UUID
    number: int
    instructor_id: UUID
    status: MeetingStatus
    starts_at: datetime
    ends_at: datetime
    timezone: str
    activity_type: ActivityType | None
    room: str | None


_id = "0198c0de-0000-7000-8000-000000000001"
_cycle = {
    "id": _id, "name": "Robotics, spring 2026", "type": "private", "status": "active", "courseId": _id,
    "branchId": _id, "instructorId": _id, "startDate": "2026-02-03", "endDate": None,
    "timezone": "Asia/Jerusalem", "totalMeetings": 12, "completedMeetings": 0,
}  # fmt: skip
MEETING_EXAMPLE = {
    "id": _id, "cycleId": _id, "number": 1, "instructorId": _id, "status": "scheduled",
    "startsAt": "2026-02-03T14:00:00Z", "endsAt": "2026-02-03T15:30:00Z", "timezone": "Asia/Jerusalem",
    "activityType": None, "room": None,
}  # fmt: skip

CYCLE = lifecycle("cycle", CycleState, "A cycle", _cycle)
CYCLE_COMPLETED = event_type(
    "cycle.completed", CycleState, "The last of a cycle's meetings was completed.",
    {**_cycle, "status": "completed", "completedMeetings": 12},
)  # fmt: skip
MEETING_SCHEDULED = event_type(
    "meeting.scheduled", MeetingState, "A meeting was planned, generated or made by hand.", MEETING_EXAMPLE
)
MEETING_UPDATED = event_type(
    "meeting.updated", MeetingState, "A meeting was changed by hand, or restored.", MEETING_EXAMPLE
)
MEETING_DELETED = event_type(
    "meeting.deleted", MeetingState, "A meeting was deleted, softly or for good.", MEETING_EXAMPLE
)
