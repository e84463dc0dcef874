"""Every SELECT over schedules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from models.schedules.tables import Schedule

FAILING = Schedule.last_error.is_not(None)
COUNT_FAILING = "SELECT count(*) AS schedules FROM schedules WHERE last_error IS NOT NULL AND deleted_at IS NULL"


def schedules(filters: Mapping[str, Any], *, only_owner: str | None) -> Select[Schedule]:
    """`kind` and `key` are exact; `paused` and `failing` true or false."""
    statement = select(Schedule).where(Schedule.deleted_at.is_(None))
    if only_owner is not None:
        statement = statement.where(Schedule.owner == only_owner)
    for name in ("kind", "key"):
        if name in filters:
            statement = statement.where(getattr(Schedule, name) == filters[name])
    for name, is_so in (("paused", Schedule.paused_at.is_not(None)), ("failing", FAILING)):
        if name in filters:
            statement = statement.where(is_so if filters[name] else ~is_so)
    return statement


def of_key(owner: str, key: str) -> Select[Schedule]:
    """The live schedule, locked."""
    statement = select(Schedule).where(Schedule.owner == owner, Schedule.key == key, Schedule.deleted_at.is_(None))
    return statement.with_for_update(key_share=True).execution_options(populate_existing=True)


def due(now: datetime, limit: int) -> Select[Schedule]:
    """Those another scheduler has in hand are left out."""
    statement = select(Schedule).where(Schedule.deleted_at.is_(None), Schedule.next_fire_at <= now)
    return statement.order_by(Schedule.next_fire_at).limit(limit).with_for_update(skip_locked=True)
