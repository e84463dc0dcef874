"""Many cycles of many meetings, so that generating them takes long enough to be interrupted."""

from datetime import date
from typing import Any

CROWD_CYCLES = 60
CROWD_MEETINGS = 200
_INSTRUCTORS = 6
_FIRST_DAY = date(2027, 4, 5)


def crowd_instructors() -> list[dict[str, Any]]:
    return [
        {"name": f"Assistant {number + 1}", "employmentType": "freelancer", "currency": "NGN", "rateFrontal": "3000"}
        for number in range(_INSTRUCTORS)
    ]


def crowd_cycle(number: int) -> dict[str, Any]:
    """Daily lessons of 40 minutes, each cycle of an instructor at an hour of its own."""
    return {
        "name": f"Drop-in chess {number + 1}", "type": "institutional_fixed", "activityType": "frontal",
        "startDate": _FIRST_DAY, "timezone": "Africa/Lagos", "totalMeetings": CROWD_MEETINGS, "currency": "NGN",
        "meetingRevenue": "5000",
        "pattern": {"rrule": "FREQ=DAILY", "start": f"{8 + number // _INSTRUCTORS:02}:00", "durationMinutes": 40},
    }  # fmt: skip
