"""Lists of jobs by what is known of them."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from models.jobs.rules import JobStatus
from models.jobs.tables import Job
from models.kernel.ids import first_id

EXACT = ("kind", "queue", "owner", "parent_id", "schedule_id", "dedupe_key", "request_id")
OTHERS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "status": lambda states: or_(*map(_is_in, states)),
    "tag": Job.tags.op("&&"),
    "error_code": lambda code: Job.error["code"].astext == code,
    "from_": lambda instant: and_(Job.created_at >= instant, Job.id >= first_id(instant, -SECONDS_APART)),
    "to": lambda instant: and_(Job.created_at <= instant, Job.id < first_id(instant, SECONDS_APART)),
}
# Ids are made by the clock of who submits, and found by an index; `created_at` is PostgreSQL's.
SECONDS_APART = 3600.0


def _is_in(status: JobStatus) -> ColumnElement[bool]:
    """In the words of the partial indexes over waiting jobs, where there are any."""
    is_in = Job.status == status
    if status != JobStatus.QUEUED:
        return is_in
    return or_(and_(is_in, Job.published_at.is_(None)), and_(is_in, Job.published_at.is_not(None)))


def jobs(filters: Mapping[str, Any], *, only_owner: str | None) -> Select[Job]:
    """Those that are as all `filters` say: of several states or tags any; `from_` and `to` are inclusive bounds of the
    creation."""
    conditions = [getattr(Job, name) == filters[name] for name in EXACT if name in filters]
    conditions += [matches(filters[name]) for name, matches in OTHERS.items() if name in filters]
    if only_owner is not None:
        conditions.append(Job.owner == only_owner)
    return select(Job).where(*conditions)
