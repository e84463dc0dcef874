"""From the clock on the wall of a place to instants."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def to_instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a wall-clock time.

    A time the clocks jump over moves forward by the jump (02:30 becomes 03:30); of a time that happens twice
    the first is meant.
    """
    return datetime.combine(day, wall.replace(fold=0), tzinfo=zone).astimezone(UTC)
