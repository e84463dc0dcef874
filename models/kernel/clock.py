"""The one place that reads a clock; rules take the instant as an argument."""

from datetime import UTC, datetime

from models.kernel.session import Connection, fetch


def utc_now() -> datetime:
    """By this machine."""
    return datetime.now(UTC)


async def database_now(on: Connection) -> datetime:
    """By PostgreSQL: for what is compared with the times of jobs and schedules, whichever process compares."""
    now: datetime = (await fetch(on, "SELECT clock_timestamp() AS now"))[0]["now"]
    return now
