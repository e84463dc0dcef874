"""Identifiers: UUIDv7, so that rows of one table sort by their making."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()


def first_id(instant: datetime, later_seconds: float = 0.0) -> UUID:
    """Less than all ids that are made from so long after the instant on, and more than those made before."""
    milliseconds = int((instant.timestamp() + later_seconds) * 1000)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)
