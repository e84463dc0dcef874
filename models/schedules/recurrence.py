"""Recurrence rules of RFC 5545 as wall-clock times, walked from any moment at a bounded cost. Pure.

A rule here has no COUNT and no UNTIL, so what it gives in a period depends on that period alone: the walk begins at the
first one not over, whenever the rule started.
"""

import calendar
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import count

import msgspec

# Days and periods one walk looks at in vain before the rule counts as one that gives no more: some fifty years of days.
LOOKS = 20_000
END = date(9000, 1, 1)
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WEEKDAY = re.compile(rf"([+-]?[0-9]{{1,2}})?({'|'.join(_WEEKDAYS)})")
_NUMBER = re.compile(r"[+-]?[0-9]{1,3}")
_RANGES = {
    "BYMONTH": (1, 12), "BYWEEKNO": (-53, 53), "BYYEARDAY": (-366, 366), "BYMONTHDAY": (-31, 31),
    "BYHOUR": (0, 23), "BYMINUTE": (0, 59), "BYSETPOS": (-366, 366),
}  # fmt: skip


class Frequency(StrEnum):
    YEARLY = "YEARLY"
    MONTHLY = "MONTHLY"
    WEEKLY = "WEEKLY"
    DAILY = "DAILY"
    HOURLY = "HOURLY"
    MINUTELY = "MINUTELY"


_ONLY_WITH = {
    "BYWEEKNO": ("YEARLY",),
    "BYYEARDAY": ("YEARLY", "HOURLY", "MINUTELY"),
    "BYMONTHDAY": ("YEARLY", "MONTHLY", "DAILY", "HOURLY", "MINUTELY"),
}
Numbers = frozenset[int]
NONE: Numbers = frozenset()


class Recurrence(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers below zero count from the end. A weekday is an ordinal, 0 for every one, and 0 (Monday) to 6."""

    start: datetime
    frequency: Frequency
    interval: int
    week_start: int
    months: Numbers
    weeks: Numbers
    year_days: Numbers
    month_days: Numbers
    weekdays: frozenset[tuple[int, int]]
    hours: Numbers
    minutes: Numbers
    positions: Numbers

    def walls(self, earliest: datetime, end: date = END) -> Iterator[datetime]:
        """The times from `earliest` on, in order, in periods begun before `end`; fewer where they are rare (LOOKS)."""
        looks = 0
        for wall in self.walk(earliest, end):
            if wall is not None:
                yield wall
            elif (looks := looks + 1) > LOOKS:
                return

    def walk(self, earliest: datetime, end: date = END) -> Iterator[datetime | None]:
        """Every step of looking for the times: None for a day, or a part of one, that gives none."""
        floor = max(earliest, self.start)
        within_days = self.frequency in (Frequency.HOURLY, Frequency.MINUTELY)
        for wall in self._within_days(floor, end) if within_days else self._by_days(floor, end):
            yield wall if wall is not None and wall >= floor else None

    def _by_days(self, floor: datetime, end: date) -> Iterator[datetime | None]:
        times = self._times(self.hours or {self.start.hour})
        for period in count(self._first(_period(self, floor)), self.interval):
            if next(_days(self, period)) >= end:
                return
            days = []
            for day in _days(self, period):
                if self._has(day):
                    days.append(day)
                else:
                    yield None
            if self.positions:
                yield from self._picked(days, times)
            else:
                yield from self._each(days, times, floor.date())

    def _within_days(self, floor: datetime, end: date) -> Iterator[datetime | None]:
        hour_long = 1 if self.frequency == Frequency.HOURLY else 60
        at = self._first(_period(self, floor))
        while (day := date.fromordinal(at // (24 * hour_long))) < end:
            hour, minute = divmod(at % (24 * hour_long), hour_long)
            if not self._has(day):
                onwards = (day.toordinal() + 1) * 24 * hour_long
            elif self.hours and hour not in self.hours:
                next_hour = min((later for later in self.hours if later > hour), default=24)
                onwards = (day.toordinal() * 24 + next_hour) * hour_long
            else:
                onwards = at + 1
                yield from self._in_hour(day, hour, minute)
            yield None
            at = self._first(onwards)

    def _in_hour(self, day: date, hour: int, minute: int) -> Iterator[datetime | None]:
        if self.frequency == Frequency.HOURLY:
            times = self._times({hour})
            yield from self._picked([day], times) if self.positions else self._each([day], times, day)
        elif (not self.minutes or minute in self.minutes) and (not self.positions or self.positions & {1, -1}):
            yield datetime.combine(day, time(hour, minute, self.start.second))

    def _times(self, hours: Iterable[int]) -> list[time]:
        minutes = self.minutes or {self.start.minute}
        return sorted(time(hour, minute, self.start.second) for hour in hours for minute in minutes)

    def _each(self, days: list[date], times: list[time], since: date) -> Iterator[datetime | None]:
        for day in days:
            if day < since:
                yield None
            else:
                yield from (datetime.combine(day, each) for each in times)

    def _picked(self, days: list[date], times: list[time]) -> Iterator[datetime]:
        """Of the period's times those that BYSETPOS names."""
        size = len(days) * len(times)
        chosen = {at - 1 if at > 0 else size + at for at in self.positions if 0 < abs(at) <= size}
        for at in sorted(chosen):
            yield datetime.combine(days[at // len(times)], times[at % len(times)])

    def _first(self, period: int) -> int:
        """The first period of the rule from this one on."""
        begin = _period(self, self.start)
        return begin - (begin - period) // self.interval * self.interval

    def _has(self, day: date) -> bool:
        if self.months and day.month not in self.months:
            return False
        month_long = calendar.monthrange(day.year, day.month)[1]
        if self.month_days and not _counted(self.month_days, day.day, month_long):
            return False
        if self.year_days and not _counted(self.year_days, *_of_year(day)):
            return False
        if self.weeks and not _counted(self.weeks, *_week(day, self.week_start)):
            return False
        return not self.weekdays or self._has_weekday(day, month_long)

    def _has_weekday(self, day: date, month_long: int) -> bool:
        if (0, day.weekday()) in self.weekdays:
            return True
        in_month = self.frequency == Frequency.MONTHLY or bool(self.months)
        at, long = (day.day, month_long) if in_month else _of_year(day)
        ordinals = (at - 1) // 7 + 1, -((long - at) // 7 + 1)
        return any((ordinal, day.weekday()) in self.weekdays for ordinal in ordinals)


def _counted(numbers: Numbers, at: int, of: int) -> bool:
    return at in numbers or at - of - 1 in numbers


def _of_year(day: date) -> tuple[int, int]:
    """Which day of how many."""
    return day.timetuple().tm_yday, 365 + calendar.isleap(day.year)


def _week(day: date, week_start: int) -> tuple[int, int]:
    """Which week of how many; a week belongs to the year of its fourth day."""
    fourth = day + timedelta(3 - (day.weekday() - week_start) % 7)
    last = date(fourth.year, 12, 31)
    last -= timedelta((last.weekday() - week_start - 3) % 7)
    return (_of_year(fourth)[0] + 6) // 7, (_of_year(last)[0] + 6) // 7


def _period(rule: Recurrence, wall: datetime) -> int:
    """The number of the period a time lies in."""
    day = wall.toordinal()
    return {
        Frequency.YEARLY: wall.year,
        Frequency.MONTHLY: wall.year * 12 + wall.month - 1,
        Frequency.WEEKLY: (day - 1 - rule.week_start) // 7,
        Frequency.DAILY: day,
        Frequency.HOURLY: day * 24 + wall.hour,
        Frequency.MINUTELY: (day * 24 + wall.hour) * 60 + wall.minute,
    }[rule.frequency]


def _days(rule: Recurrence, period: int) -> Iterator[date]:
    """The days of a period by its number; of a year those of the rule's months, of what begins after END its first."""
    if rule.frequency == Frequency.DAILY:
        yield date.fromordinal(min(period, END.toordinal()))
    elif rule.frequency == Frequency.WEEKLY:
        first = min(period * 7 + 1 + rule.week_start, END.toordinal())
        yield from map(date.fromordinal, range(first, first + 7))
    elif rule.frequency == Frequency.MONTHLY:
        yield from _month(period // 12, period % 12 + 1)
    else:
        for month in sorted(rule.months) or range(1, 13):
            yield from _month(period, month)


def _month(year: int, month: int) -> Iterator[date]:
    if year >= END.year:
        yield END
        return
    for day in range(1, calendar.monthrange(year, month)[1] + 1):
        yield date(year, month, day)


@lru_cache(maxsize=1024)
def recurrence(text: str, start: datetime) -> Recurrence:
    """What the rule leaves open comes from its start. Raises ValueError with everything that is wrong with it."""
    if faults := rule_faults(text):
        raise ValueError("; ".join(faults))
    given = dict(_parts(text))
    numbers = {name: frozenset(map(int, given[name].split(","))) if name in given else NONE for name in _RANGES}
    weekdays = frozenset(_weekday(each) for each in given["BYDAY"].split(",")) if "BYDAY" in given else frozenset()
    frequency, months, month_days = Frequency(given["FREQ"]), numbers["BYMONTH"], numbers["BYMONTHDAY"]
    if not (numbers["BYWEEKNO"] or numbers["BYYEARDAY"] or month_days or weekdays):
        if frequency == Frequency.YEARLY:
            months = months or frozenset({start.month})
        if frequency in (Frequency.YEARLY, Frequency.MONTHLY):
            month_days = frozenset({start.day})
        if frequency == Frequency.WEEKLY:
            weekdays = frozenset({(0, start.weekday())})
    return Recurrence(
        start=start.replace(microsecond=0), frequency=frequency, interval=int(given.get("INTERVAL", 1)),
        week_start=_WEEKDAYS.index(given.get("WKST", "MO")), months=months, weeks=numbers["BYWEEKNO"],
        year_days=numbers["BYYEARDAY"], month_days=month_days, weekdays=weekdays, hours=numbers["BYHOUR"],
        minutes=numbers["BYMINUTE"], positions=numbers["BYSETPOS"],
    )  # fmt: skip


def rule_faults(text: str) -> list[str]:
    """Everything wrong with a rule, in words that follow its name."""
    parts = _parts(text)
    names = [name for name, _ in parts]
    given = dict(parts)
    faults = [f"gives {name} twice" for name in given if names.count(name) > 1]
    if given.get("FREQ") not in list(Frequency):
        faults.append(f"needs FREQ={'|'.join(Frequency)}")
    faults += [fault for name, value in given.items() if (fault := _part_fault(name, value))]
    return faults + _faults_between(given)


def _parts(text: str) -> list[tuple[str, str]]:
    return [part.partition("=")[::2] for part in text.upper().removeprefix("RRULE:").split(";")]


_CHECKS: dict[str, Callable[[str], bool]] = {
    "FREQ": lambda _: True,
    "INTERVAL": lambda value: bool(re.fullmatch(r"[1-9][0-9]{0,5}", value)),
    "WKST": lambda value: value in _WEEKDAYS,
    "BYDAY": lambda value: all(_is_weekday(each) for each in value.split(",")),
}


def _part_fault(name: str, value: str) -> str | None:
    if name in _RANGES:
        sound = all(_is_within(each, *_RANGES[name]) for each in value.split(","))
    elif name in _CHECKS:
        sound = _CHECKS[name](value)
    else:
        return f"must not have `{name[:20]}`"
    return None if sound else f"has a {name} that means nothing: `{value[:40]}`"


def _is_within(number: str, least: int, most: int) -> bool:
    if not _NUMBER.fullmatch(number) or not number.isascii():
        return False
    return least <= int(number) <= most and (least >= 0 or int(number) != 0)


def _is_weekday(text: str) -> bool:
    found = _WEEKDAY.fullmatch(text)
    return found is not None and (found[1] is None or 1 <= abs(int(found[1])) <= 53)


def _weekday(text: str) -> tuple[int, int]:
    return int(text[:-2] or 0), _WEEKDAYS.index(text[-2:])


def _faults_between(given: dict[str, str]) -> list[str]:
    frequency = given.get("FREQ", "")
    faults = [
        f"cannot have {name} with FREQ={frequency}"
        for name, allowed in _ONLY_WITH.items()
        if name in given and frequency in list(Frequency) and frequency not in allowed
    ]
    numbered = re.search("[0-9]", given.get("BYDAY", ""))
    if numbered and (frequency not in ("MONTHLY", "YEARLY") or "BYWEEKNO" in given):
        faults.append("can number the days of BYDAY within months and years only")
    if "BYSETPOS" in given and not any(name.startswith("BY") and name != "BYSETPOS" for name in given):
        faults.append("cannot have BYSETPOS without another BY… part")
    return faults
