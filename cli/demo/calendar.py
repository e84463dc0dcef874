"""When the demo's meetings have to be, worked out a second time, without the platform's own planning."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

from cli.demo.records import Branch, Cycle, Slot

YEARS = range(2026, 2029)


@dataclass(frozen=True)
class PlannedMeeting:
    number: int
    day: date
    slot: Slot
    starts_at: datetime  # UTC
    ends_at: datetime

    @property
    def minutes(self) -> int:
        return int((self.ends_at - self.starts_at).total_seconds()) // 60


def free_days(branch: Branch) -> dict[date, str]:
    """The branch's public holidays and closures, each with its name."""
    days = dict(holidays.country_holidays(branch.country, years=YEARS, language="en_US").items())
    for closure in branch.closures:
        for offset in range((closure.end - closure.start).days + 1):
            days[closure.start + timedelta(days=offset)] = closure.name
    return days


def plan(cycle: Cycle, branch: Branch) -> list[PlannedMeeting]:
    """All meetings of the cycle, in order: a free day moves the rest on."""
    free, zone = free_days(branch), ZoneInfo(branch.timezone)
    meetings: list[PlannedMeeting] = []
    for day, slot in _occurrences(cycle):
        if len(meetings) == cycle.total:
            break
        if day not in free:
            times = [datetime.combine(day, time.fromisoformat(at), tzinfo=zone) for at in (slot.start, slot.end)]
            meetings.append(PlannedMeeting(len(meetings) + 1, day, slot, *(at.astimezone(UTC) for at in times)))
    return meetings


def _occurrences(cycle: Cycle) -> Iterator[tuple[date, Slot]]:
    monday = cycle.start - timedelta(days=cycle.start.weekday())
    for days in range(3 * 366):
        day = cycle.start + timedelta(days=days)
        if (day - monday).days // 7 % (cycle.every_weeks or 1) == 0:
            yield from ((day, slot) for slot in cycle.slots if slot.weekday == day.weekday())
