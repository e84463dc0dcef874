"""When a schedule fires, and what is made up for after an outage. Pure: `now` is passed in."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError

from models.kernel.errors import Fault
from models.kernel.schema import check_timezone
from models.kernel.wallclock import to_instant
from models.schedules.recurrence import recurrence, rule_faults

GRACE = timedelta(seconds=60)
MAX_CAUGHT_UP = 1000
HORIZON = timedelta(days=50 * 366)
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MANY, _FEW = 100, 40


class CatchUp(StrEnum):
    """What happens with fire times that passed while no scheduler ran: none, the latest, or every one of them."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


class Overlap(StrEnum):
    """What happens with a fire while a job of the schedule is unfinished: it is made all the same, or left out."""

    ALLOW = "allow"
    SKIP = "skip"


class LeftOut(StrEnum):
    """Why a fire time made no job: one of its schedule was unfinished, or it had passed and is not made up for."""

    OVERLAP = "overlap"
    MISSED = "missed"


class Timing(msgspec.Struct, frozen=True):
    """A cron expression, or an RRULE counted from `starts_at`, a wall-clock time; both are read in `timezone`.

    Cron follows Debian's cron across clock changes: a time in the gap fires right after it, a wildcard hour fires
    by elapsed time. An RRULE's time in the gap moves forward by the gap; of a time that happens twice the first fires.
    """

    timezone: str
    cron: str | None = None
    rrule: str | None = None
    starts_at: datetime | None = None


class Due(msgspec.Struct, frozen=True):
    """The instants to fire for now, oldest first, and the next one ahead; None when the rule gives no more.

    `left_out` is the latest of those that passed and are not made up for.
    """

    fires: tuple[datetime, ...]
    left_out: datetime | None
    next_fire_at: datetime | None


def fires_after(timing: Timing, after: datetime, until: datetime | None = None) -> Iterator[datetime]:
    """The UTC instants later than `after`, in order, each once, up to `until` or for some fifty years.

    Raises ValueError, CronSimError or ZoneInfoNotFoundError for what `check_timing` finds fault with.
    """
    zone, end = ZoneInfo(timing.timezone), until or after + HORIZON
    found = _of_cron(timing.cron, after, zone) if timing.cron is not None else _of_rule(timing, after, end, zone)
    for instant in takewhile(lambda instant: instant <= end, _rising(found)):
        if instant > after:
            yield instant


def _of_cron(expression: str, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    for local in CronSim(expression, after.astimezone(zone)):
        yield local.astimezone(UTC)


def _of_rule(timing: Timing, after: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """From as much earlier as the clocks went forward in the last day: a time in the gap may have become a later one.

    What has become later waits for its turn among those that follow.
    """
    if timing.starts_at is None:
        raise ValueError("an RRULE needs a start")
    local, a_day_before = _wall(after, zone), _wall(after - _DAY, zone)
    gap = local - a_day_before - _DAY
    waiting: list[datetime] = []
    rule = recurrence(timing.rrule or "", timing.starts_at.replace(tzinfo=None))
    for wall in rule.walls(local - max(gap, timedelta()), (until + 2 * _DAY).date()):
        heappush(waiting, to_instant(wall.date(), wall.time(), zone))
        none_before = min(waiting[0], wall.replace(tzinfo=zone, fold=1).astimezone(UTC))
        while waiting and waiting[0] <= none_before:
            yield heappop(waiting)
    while waiting:
        yield heappop(waiting)


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _rising(instants: Iterable[datetime]) -> Iterator[datetime]:
    last = None
    for instant in instants:
        if last is None or instant > last:
            yield (last := instant)


def fires_until(timing: Timing, now: datetime, since: datetime) -> Iterator[datetime]:
    """From `now` back to `since`, both included, newest first: who takes few has few of them listed.

    Looked for in stretches of time that grow while there are few in them.
    """
    end, floor, span = now, since - _TICK, _HOUR
    while end > floor:
        start = max(end - span, floor)
        fires = list(islice(fires_after(timing, start, end), _MANY + 1))
        if len(fires) > _MANY:
            span /= 2
            continue
        yield from reversed(fires)
        end, span = start, span * 2 if len(fires) <= _FEW else span


def next_fire(timing: Timing, after: datetime) -> datetime | None:
    return next(fires_after(timing, after), None)


def due(timing: Timing, catch_up: CatchUp, planned: datetime, now: datetime) -> Due:
    """What to do at `now` about a schedule whose next fire was planned for `planned`, which is not later than now.

    A fire is not missed while it is at most a minute late.
    """
    fires: list[datetime] = []
    left_out = None
    for fire in fires_until(timing, now, planned):
        if not _made_up(catch_up, now - fire, len(fires)):
            left_out = fire
            break
        fires.append(fire)
    return Due(tuple(reversed(fires)), left_out, next_fire(timing, now))


def _made_up(catch_up: CatchUp, late: timedelta, later_ones: int) -> bool:
    if catch_up == CatchUp.ALL:
        return later_ones < MAX_CAUGHT_UP
    if catch_up == CatchUp.ONCE:
        return later_ones == 0
    return late <= GRACE


def without_overlap(due: Due, *, busy: bool) -> tuple[Due, LeftOut | None]:
    """What stays of it when one job at a time may be unfinished: the latest fire, or none when there is one already;
    and why the latest of those left out was.
    """
    if busy and due.fires:
        return Due((), due.fires[-1], due.next_fire_at), LeftOut.OVERLAP
    if len(due.fires) > 1:
        return Due(due.fires[-1:], due.fires[-2], due.next_fire_at), LeftOut.OVERLAP
    return due, LeftOut.MISSED if due.left_out else None


def preview(timing: Timing, after: datetime, count: int) -> list[datetime]:
    """The next instants; fewer than asked for where they are rare."""
    return list(islice(fires_after(timing, after), count))


def check_timing(timing: Timing) -> list[Fault]:
    """What of a timing cannot be read, by itself; fields are named as a caller writes them."""
    faults = check_timezone("timezone", timing.timezone)
    if (timing.cron is None) == (timing.rrule is None):
        return [*faults, Fault("cron", "give either `cron` or `rrule`")]
    return faults + (_cron_faults(timing) if timing.cron is not None else _rrule_faults(timing))


def check_fires(timing: Timing, now: datetime) -> list[Fault]:
    """As `check_timing`; a timing that can be read fires some time."""
    faults = check_timing(timing)
    if faults or next_fire(timing, now) is not None:
        return faults
    return [Fault("rrule" if timing.cron is None else "cron", "does not fire in the next fifty years")]


def check_overlap(catch_up: str, overlap: str) -> list[Fault]:
    if catch_up == CatchUp.ALL and overlap == Overlap.SKIP:
        return [Fault("overlap", "`skip` would leave out what `catchUp: all` makes up for")]
    return []


def _cron_faults(timing: Timing) -> list[Fault]:
    if timing.starts_at is not None:
        return [Fault("startsAt", "belongs to an `rrule`")]
    expression = timing.cron or ""
    try:
        if len(expression.split()) != 5:
            raise CronSimError(f"it has {len(expression.split())}")
        CronSim(expression, datetime(2026, 1, 1))  # noqa: DTZ001
    except CronSimError as error:
        return [Fault("cron", f"is not a cron expression of five fields: {error}")]
    return []


def _rrule_faults(timing: Timing) -> list[Fault]:
    faults = [] if timing.starts_at else [Fault("startsAt", "is needed with an `rrule`: a wall-clock time")]
    found = rule_faults(timing.rrule or "")
    return [*faults, Fault("rrule", "; ".join(found))] if found else faults
