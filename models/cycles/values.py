"""The words a cycle and its meetings are described with, as they are stored and sent."""

from enum import StrEnum


class CycleType(StrEnum):
    """Who pays: parents per registration, an institution per child, or an institution per meeting."""

    PRIVATE = "private"
    INSTITUTIONAL_PER_CHILD = "institutional_per_child"
    INSTITUTIONAL_FIXED = "institutional_fixed"


class CycleStatus(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class MeetingStatus(StrEnum):
    SCHEDULED = "scheduled"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    POSTPONED = "postponed"


class ActivityType(StrEnum):
    ONLINE = "online"
    FRONTAL = "frontal"
    PRIVATE_LESSON = "private_lesson"


class MeetingNature(StrEnum):
    """A meeting without revenue still pays its instructor."""

    REGULAR = "regular"
    NO_REVENUE = "no_revenue"


class OnConflict(StrEnum):
    """What generating meetings does with one whose instructor is taken."""

    SKIP = "skip"
    MOVE_ON = "move_on"
    FAIL = "fail"


class PayMode(StrEnum):
    """Daily pays the cycle's daily rate once per date, however many meetings the date has."""

    HOURLY = "hourly"
    DAILY = "daily"
