"""Lists of jobs by what is known of them."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from models.jobs.tables import Job

EXACT = ("kind", "queue", "owner", "parent_id", "schedule_id", "dedupe_key", "request_id")
OTHERS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "status": Job.status.in_,
    "tag": Job.tags.op("&&"),
    "error_code": lambda code: Job.error["code"].astext == code,
    "from_": lambda instant: Job.created_at >= instant,
    "to": lambda instant: Job.created_at <= instant,
}


def jobs(filters: Mapping[str, Any], *, only_owner: str | None) -> Select[Job]:
    """Those that are as all `filters` say: of several states or tags any; `from_` and `to` are inclusive bounds of the
    creation."""
    conditions = [getattr(Job, name) == filters[name] for name in EXACT if name in filters]
    conditions += [matches(filters[name]) for name, matches in OTHERS.items() if name in filters]
    if only_owner is not None:
        conditions.append(Job.owner == only_owner)
    return select(Job).where(*conditions)
