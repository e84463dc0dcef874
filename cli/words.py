"""Instants, durations and limits as an operator reads them. Pure."""

from datetime import UTC, datetime

from models.jobs.limits import Limits, Rate

UNITS = ((1, 2, "s", 60), (60, 1, "min", 60), (3600, 1, "h", 48))


def time_of(instant: datetime | None) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if instant else ""


def duration_of(seconds: float) -> str:
    """Such as `0.12 s`, `12 s`, `3.2 min`; days from two on."""
    for size, digits, unit, fewer_than in UNITS:
        if (number := round(seconds / size, digits)) < fewer_than:
            return f"{number:g} {unit}"
    return f"{round(seconds / 86_400, 1):g} d"


def time_between(start: datetime | None, end: datetime | None) -> str:
    return duration_of((end - start).total_seconds()) if start and end else ""


def limits_of(limits: Limits) -> str:
    """Such as `1 at once per key, 2 start in 1 s`."""
    words = [_at_once(limits.in_all), _at_once(limits.per_key, " per key")]
    words += [_starts(limits.rate), _starts(limits.rate_per_key, " per key")]
    return ", ".join(word for word in words if word)


def _at_once(jobs: int | None, whose: str = "") -> str:
    return "" if jobs is None else f"{jobs} at once{whose}"


def _starts(rate: Rate | None, whose: str = "") -> str:
    return "" if rate is None else f"{rate.jobs} start in {duration_of(rate.seconds)}{whose}"
