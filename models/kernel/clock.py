"""The one place that reads the wall clock; rules take the instant as an argument."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)
