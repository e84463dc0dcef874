"""When the meetings of a cycle are, how far it has come, and how a meeting's status may change."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
from dateutil.rrule import rrulestr
from msgspec import Meta

from models.cycles.values import MeetingStatus
from models.kernel.errors import Fault, Invalid, Unprocessable
from models.kernel.schema import check_timezone
from models.kernel.wallclock import to_instant

SEARCH_DAYS = 3653
OVERLAPS_AFTER_CLOCK_CHANGE = "the clock change makes it overlap the meeting before it"

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_MINUTES_OF_DAY = 24 * 60

_DAY = "(MO|TU|WE|TH|FR|SA|SU)"
_DAY_OF_MONTH = "-?([1-9]|[12][0-9]|3[01])"
_DATE_PARTS = {
    "FREQ": "(DAILY|WEEKLY)",
    "INTERVAL": "[1-9][0-9]?",
    "BYDAY": f"{_DAY}(,{_DAY})*",
    "BYMONTH": "([1-9]|1[0-2])(,([1-9]|1[0-2]))*",
    "WKST": _DAY,
}
_MONTH_PARTS = {
    **_DATE_PARTS,
    "FREQ": "MONTHLY",
    "BYDAY": f"([+-]?[1-5])?{_DAY}(,([+-]?[1-5])?{_DAY})*",
    "BYMONTHDAY": f"{_DAY_OF_MONTH}(,{_DAY_OF_MONTH})*",
    "BYSETPOS": f"{_DAY_OF_MONTH}(,{_DAY_OF_MONTH})*",
}


class WeeklySlot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One lesson of the week by the wall clock; it ends on the day it starts."""

    weekday: int  # 0 = Monday … 6 = Sunday
    start: str  # HH:MM
    end: str  # HH:MM


class MeetingPattern(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Either weekly slots, or an RRULE that gives the dates with one start and length for all of them.

    Its JSON is what callers send and what a cycle stores.
    """

    EXAMPLE: ClassVar[dict[str, Any]] = {"slots": [{"weekday": 1, "start": "16:00", "end": "17:30"}]}

    slots: Annotated[tuple[WeeklySlot, ...], Meta(max_length=50)] = ()
    rrule: Annotated[str, Meta(max_length=300)] | None = (
        None  # RFC 5545 without DTSTART, COUNT and UNTIL: the cycle has a start and a number
    )
    start: str | None = None  # HH:MM
    duration_minutes: int | None = None


class PlannedMeeting(msgspec.Struct, frozen=True):
    number: int
    starts_at: datetime  # UTC
    ends_at: datetime  # UTC


class SkippedDate(msgspec.Struct, frozen=True):
    date: date  # in the cycle's time zone
    reason: str


class Plan(msgspec.Struct, frozen=True):
    meetings: tuple[PlannedMeeting, ...]
    skipped: tuple[SkippedDate, ...]


class Progress(msgspec.Struct, frozen=True):
    completed: int
    remaining: int
    percent: int  # 0 … 100


class PatternExhausted(Unprocessable):
    """The pattern and the blocked dates leave no room for all meetings within ten years."""

    def __init__(self, planned: int, count: int, until: date) -> None:
        super().__init__(f"Only {planned} of {count} meetings find a date before {until}.")
        self.planned = planned
        self.count = count
        self.until = until


class _Session(msgspec.Struct, frozen=True):
    date: date
    starts_at: datetime
    ends_at: datetime


def plan_meetings(
    pattern: MeetingPattern,
    *,
    timezone: str,
    start_date: date,
    count: int,
    blocked: Mapping[date, str],
    first_number: int = 1,
    last_ends_at: datetime | None = None,
) -> Plan:
    """The next `count` meetings on the pattern, in order, none overlapping another.

    `start_date` anchors the pattern (the parity of "every second week") and stays the same when topping up;
    `last_ends_at` is the end of the last meeting there is: no planned one starts before it. A date in
    `blocked` (local dates, each with its reason) is left out and reported, and the meetings move on; it has
    to cover every year the plan reaches. Raises Invalid for a bad pattern or time zone, PatternExhausted
    when the search has gone ten years.
    """
    faults = check_pattern(pattern, timezone)
    if faults:
        raise Invalid.of(faults)
    meetings: list[PlannedMeeting] = []
    skipped: dict[date, str] = {}
    until = _search_end(start_date, last_ends_at)
    for session in _sessions(pattern, ZoneInfo(timezone), start_date, until):
        if len(meetings) >= count:
            break
        if last_ends_at is not None and session.starts_at < last_ends_at:
            continue
        if session.date in blocked:
            skipped[session.date] = blocked[session.date]
        elif meetings and session.starts_at < meetings[-1].ends_at:
            skipped[session.date] = OVERLAPS_AFTER_CLOCK_CHANGE
        else:
            number = first_number + len(meetings)
            meetings.append(PlannedMeeting(number, session.starts_at, session.ends_at))
    if len(meetings) < count:
        raise PatternExhausted(len(meetings), count, until)
    return Plan(tuple(meetings), tuple(SkippedDate(day, reason) for day, reason in skipped.items()))


def _search_end(start_date: date, last_ends_at: datetime | None) -> date:
    """The first date no longer searched; the calendar's last day is left free for offsets."""
    begin = max(start_date, last_ends_at.astimezone(UTC).date()) if last_ends_at else start_date
    return date.fromordinal(min(begin.toordinal() + SEARCH_DAYS, date.max.toordinal() - 1))


def _sessions(pattern: MeetingPattern, zone: ZoneInfo, start_date: date, until: date) -> Iterator[_Session]:
    for day in _days(pattern, start_date):
        if day >= until:
            return
        sessions = [_session(day, wall, minutes, zone) for wall, minutes in _times(pattern, day)]
        yield from sorted(sessions, key=lambda session: session.starts_at)


def _session(day: date, wall: time, minutes: int, zone: ZoneInfo) -> _Session:
    """Its length is the nominal minutes as they elapse, also over a clock change."""
    starts_at = to_instant(day, wall, zone)
    return _Session(day, starts_at, starts_at + timedelta(minutes=minutes))


def _days(pattern: MeetingPattern, start_date: date) -> Iterator[date]:
    if pattern.rrule is None:
        return map(date.fromordinal, range(start_date.toordinal(), date.max.toordinal()))
    rule = rrulestr(_rule_text(pattern.rrule), dtstart=datetime.combine(start_date, time.min))
    return (moment.date() for moment in rule)


def _times(pattern: MeetingPattern, day: date) -> list[tuple[time, int]]:
    """The wall-clock starts on a date, each with its length in minutes."""
    if pattern.rrule is not None:
        return [(time.fromisoformat(pattern.start or ""), pattern.duration_minutes or 0)]
    slots = [slot for slot in pattern.slots if slot.weekday == day.weekday()]
    return [(time.fromisoformat(slot.start), _minutes(slot.end) - _minutes(slot.start)) for slot in slots]


def _rule_text(rrule: str) -> str:
    return rrule.strip().upper().removeprefix("RRULE:")


def check_pattern(pattern: MeetingPattern, timezone: str) -> list[Fault]:
    """Everything wrong with a pattern; empty when it can be planned on."""
    faults = check_timezone("timezone", timezone)
    if pattern.slots and pattern.rrule is not None:
        faults.append(Fault("rrule", "cannot be given together with weekly slots"))
    if not pattern.slots and pattern.rrule is None:
        faults.append(Fault("slots", "needs at least one weekday, or an RRULE in its place"))
    faults += _slot_faults(pattern.slots)
    if pattern.rrule is not None:
        faults += _rrule_faults(pattern.rrule) + _rrule_time_faults(pattern)
    return faults


def _slot_faults(slots: Sequence[WeeklySlot]) -> list[Fault]:
    faults: list[Fault] = []
    sound: list[tuple[int, WeeklySlot]] = []
    for index, slot in enumerate(slots):
        found = _one_slot_faults(f"slots[{index}]", slot)
        faults += found
        if not found:
            sound.append((index, slot))
    for (first, a), (second, b) in combinations(sound, 2):
        if a.weekday == b.weekday and a.start < b.end and b.start < a.end:
            faults.append(Fault(f"slots[{second}]", f"overlaps slots[{first}]"))
    return faults


def _one_slot_faults(path: str, slot: WeeklySlot) -> list[Fault]:
    faults = _clock_faults(f"{path}.start", slot.start) + _clock_faults(f"{path}.end", slot.end)
    if not faults and slot.end <= slot.start:
        faults.append(Fault(f"{path}.end", "must be after the start, on the same day"))
    if not 0 <= slot.weekday <= 6:
        faults.append(Fault(f"{path}.weekday", "must be from 0 (Monday) to 6 (Sunday)"))
    return faults


def _clock_faults(field: str, value: str | None) -> list[Fault]:
    return [] if value and _CLOCK.fullmatch(value) else [Fault(field, "must be a time as HH:MM")]


def _rrule_time_faults(pattern: MeetingPattern) -> list[Fault]:
    faults = _clock_faults("start", pattern.start)
    duration = pattern.duration_minutes
    if duration is None or duration < 1:
        faults.append(Fault("durationMinutes", "must be 1 or more"))
    elif not faults and _minutes(pattern.start or "") + duration > _MINUTES_OF_DAY:
        faults.append(Fault("durationMinutes", "must end on the day the meeting starts"))
    return faults


def _rrule_faults(rrule: str) -> list[Fault]:
    """Only parts that choose dates: dateutil takes any number for most of them and then searches for ever."""
    parts = [part.partition("=")[::2] for part in _rule_text(rrule).split(";")]
    values = dict(parts)
    if values.get("FREQ") not in ("DAILY", "WEEKLY", "MONTHLY"):
        return [Fault("rrule", "needs FREQ=DAILY, FREQ=WEEKLY or FREQ=MONTHLY")]
    if len(values) < len(parts):
        return [Fault("rrule", "gives a part twice")]
    allowed = _MONTH_PARTS if values["FREQ"] == "MONTHLY" else _DATE_PARTS
    return [fault for name, value in parts for fault in _rrule_part_faults(name, value, allowed)]


def _rrule_part_faults(name: str, value: str, allowed: Mapping[str, str]) -> list[Fault]:
    if name not in allowed:
        return [Fault("rrule", f"does not take `{name}`")]
    return [] if re.fullmatch(allowed[name], value) else [Fault("rrule", f"has a bad {name}: `{value}`")]


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def progress(completed: int, total: int) -> Progress:
    """Percent is half-up and ends at 100: lessons given beyond the contract finish nothing further."""
    percent = min(100, (200 * completed + total) // (2 * total)) if total > 0 else 0
    return Progress(completed, max(0, total - completed), percent)


MOVES: Mapping[MeetingStatus, frozenset[MeetingStatus]] = {
    MeetingStatus.SCHEDULED: frozenset({MeetingStatus.COMPLETED, MeetingStatus.CANCELLED, MeetingStatus.POSTPONED}),
    MeetingStatus.COMPLETED: frozenset({MeetingStatus.SCHEDULED, MeetingStatus.CANCELLED}),
    MeetingStatus.CANCELLED: frozenset({MeetingStatus.SCHEDULED}),
    MeetingStatus.POSTPONED: frozenset(),
}


def is_on_its_day(starts_at: datetime, ends_at: datetime, timezone: str, now: datetime) -> bool:
    """Whether it is the day of the meeting where the meeting is; one that passes midnight has two."""
    zone = ZoneInfo(timezone)
    return starts_at.astimezone(zone).date() <= now.astimezone(zone).date() <= ends_at.astimezone(zone).date()


def can_move(from_: MeetingStatus, to: MeetingStatus) -> bool:
    """Completed meetings may be reopened or corrected; a postponed one lives on in its replacement."""
    return to in MOVES[from_]
