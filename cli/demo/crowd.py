"""Many cycles of many meetings, so that generating them takes long enough to be interrupted."""

from dataclasses import dataclass
from datetime import date
from typing import Any

CYCLES = 60
INSTRUCTORS = 6
_FIRST_DAY = date(2027, 4, 5)


@dataclass(frozen=True)
class Crowd:
    """`meetings` of each cycle."""

    key: str
    meetings: int

    def instructor(self, number: int) -> dict[str, Any]:
        return {
            "name": f"Assistant {number + 1} of the {self.key} crowd", "employmentType": "freelancer",
            "currency": "NGN", "rateFrontal": "3000",
        }  # fmt: skip

    def cycle(self, number: int) -> dict[str, Any]:
        """Daily lessons of 40 minutes, each cycle of an instructor at an hour of its own."""
        return {
            "name": f"Drop-in chess {number + 1}, {self.key}", "type": "institutional_fixed",
            "activityType": "frontal", "startDate": _FIRST_DAY, "timezone": "Africa/Lagos",
            "totalMeetings": self.meetings, "currency": "NGN", "meetingRevenue": "5000",
            "pattern": {"rrule": "FREQ=DAILY", "start": f"{8 + number // INSTRUCTORS:02}:00", "durationMinutes": 40},
        }  # fmt: skip


# A machine that is done with one before it can be interrupted is given the next.
CROWDS = (Crowd("first", 200), Crowd("second", 500), Crowd("third", 1000))
