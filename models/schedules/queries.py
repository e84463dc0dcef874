"""Every SELECT over schedules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from models.schedules.tables import Schedule


def schedules(filters: Mapping[str, Any], *, only_owner: str | None) -> Select[Schedule]:
    """`kind` is exact; `paused` true or false."""
    statement = select(Schedule).where(Schedule.deleted_at.is_(None))
    if only_owner is not None:
        statement = statement.where(Schedule.owner == only_owner)
    if "kind" in filters:
        statement = statement.where(Schedule.kind == filters["kind"])
    if "paused" in filters:
        paused = Schedule.paused_at.is_not(None)
        statement = statement.where(paused if filters["paused"] else ~paused)
    return statement


def due(now: datetime, limit: int) -> Select[Schedule]:
    """Those another scheduler has in hand are left out."""
    statement = select(Schedule).where(Schedule.deleted_at.is_(None), Schedule.next_fire_at <= now)
    return statement.order_by(Schedule.next_fire_at).limit(limit).with_for_update(skip_locked=True)
