"""When a schedule fires, and what is made up for after an outage. Pure: `now` is passed in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError
from dateutil.rrule import rrulestr

from models.kernel.errors import Fault
from models.kernel.schema import check_timezone
from models.kernel.wallclock import to_instant

GRACE = timedelta(seconds=60)
MAX_CAUGHT_UP = 1000
_FORBIDDEN_PARTS = ("DTSTART", "COUNT", "UNTIL", "EXDATE", "RDATE", "BYSECOND", "BYEASTER")
_FREQUENCIES = ("MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")


class CatchUp(StrEnum):
    """What happens with fire times that passed while no scheduler ran: none, the latest, or every one of them."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


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
    """The instants to fire for now, oldest first, and the next one ahead; None when the rule gives no more."""

    fires: tuple[datetime, ...]
    next_fire_at: datetime | None


def fires_after(timing: Timing, after: datetime) -> Iterator[datetime]:
    """The UTC instants later than `after`, in order."""
    zone = ZoneInfo(timing.timezone)
    if timing.cron is not None:
        for local in CronSim(timing.cron, after.astimezone(zone)):
            if (instant := local.astimezone(UTC)) > after:
                yield instant
        return
    assert timing.rrule is not None
    assert timing.starts_at is not None
    rule = rrulestr(timing.rrule, dtstart=timing.starts_at.replace(tzinfo=None))
    for wall in rule.xafter(after.astimezone(zone).replace(tzinfo=None) - timedelta(days=1)):
        if (instant := to_instant(wall.date(), wall.time(), zone)) > after:
            yield instant


def next_fire(timing: Timing, after: datetime) -> datetime | None:
    try:
        return next(fires_after(timing, after), None)
    except (CronSimError, OverflowError):
        return None


def due(timing: Timing, catch_up: CatchUp, planned: datetime, now: datetime) -> Due:
    """What to do at `now` about a schedule whose next fire was planned for `planned`, which is not later than now.

    A fire is not missed while it is at most a minute late.
    """
    passed = [planned, *takewhile(lambda fire: fire <= now, fires_after(timing, planned))][-MAX_CAUGHT_UP:]
    return Due(tuple(_made_up(catch_up, passed, now)), next_fire(timing, now))


def _made_up(catch_up: CatchUp, passed: list[datetime], now: datetime) -> list[datetime]:
    if catch_up == CatchUp.ALL:
        return passed
    if catch_up == CatchUp.ONCE:
        return passed[-1:]
    return [fire for fire in passed if now - fire <= GRACE]


def preview(timing: Timing, after: datetime, count: int) -> list[datetime]:
    return list(islice(fires_after(timing, after), count))


def check_timing(timing: Timing) -> list[Fault]:
    """Every fault of a timing; fields are named as a caller writes them."""
    faults = check_timezone("timezone", timing.timezone)
    if (timing.cron is None) == (timing.rrule is None):
        return [*faults, Fault("cron", "give either `cron` or `rrule`")]
    if timing.cron is not None:
        return [*faults, *_cron_faults(timing)]
    return [*faults, *_rrule_faults(timing)]


def _cron_faults(timing: Timing) -> list[Fault]:
    if timing.starts_at is not None:
        return [Fault("startsAt", "belongs to an `rrule`")]
    try:
        CronSim(timing.cron or "", datetime(2026, 1, 1))  # noqa: DTZ001
    except CronSimError as error:
        return [Fault("cron", f"is not a cron expression of five fields: {error}")]
    return []


def _rrule_faults(timing: Timing) -> list[Fault]:
    faults = [] if timing.starts_at else [Fault("startsAt", "is needed with an `rrule`: a wall-clock time")]
    parts = dict(part.partition("=")[::2] for part in (timing.rrule or "").removeprefix("RRULE:").upper().split(";"))
    forbidden = [name for name in _FORBIDDEN_PARTS if name in parts]
    if forbidden or parts.get("FREQ") not in _FREQUENCIES:
        wrong = f"must not have {', '.join(forbidden)}" if forbidden else f"needs FREQ={'|'.join(_FREQUENCIES)}"
        return [*faults, Fault("rrule", wrong)]
    try:
        rrulestr(timing.rrule or "", dtstart=datetime(2026, 1, 1))  # noqa: DTZ001
    except (ValueError, TypeError) as error:
        faults.append(Fault("rrule", f"is not an RFC 5545 rule: {error}"))
    return faults
