"""The trail: reading it, and adding what no changed row tells.

Changes of rows are written by the database itself, by whatever statement they are made (`models/migrations/trail.sql`).
"""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.audit import queries
from models.audit.rules import Action
from models.audit.tables import AuditEntry
from models.kernel.origin import Origin, current_origin
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.schema import Instant
from models.kernel.session import Connection, fetch

PRUNED_AT_ONCE = 100


class AuditPage(Page):
    sortable = {"createdAt": AuditEntry.statement_id}

    actor: str | None = None
    action: Action | None = None
    entity: str | None = None
    entity_id: str | None = None
    request_id: str | None = None
    job_id: UUID | None = None
    from_: Instant | None = None
    to: Instant | None = None


async def record(
    on: Connection,
    action: Action,
    entity: str,
    *entity_ids: UUID | str,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    origin: Origin | None = None,
) -> None:
    """Add what was done without changing a row of an audited table; with a session, if and only if it commits.

    What fails is rolled back: a refusal is recorded on the Database. `origin` is that of the request or job, unless
    given. Neither `old` nor `new` may hold a secret.
    """
    origin = origin or current_origin()
    await fetch(
        on, queries.RECORD, action.value, entity, [str(each) for each in entity_ids], _json(old), _json(new),
        origin and origin.encoded(),
    )  # fmt: skip


async def list_entries(session: AsyncSession, page: AuditPage) -> tuple[list[AuditEntry], Pagination]:
    """Sorted by when they were written; `from` and `to` are inclusive."""
    return await paginate(session, queries.entries(filters(page)), page)


async def prune(on: Connection, keep_days: int) -> int:
    """Forget a chunk of the oldest statements, with all they changed. The database keeps 90 days whatever is asked."""
    statements: int = (await fetch(on, queries.PRUNE, keep_days, PRUNED_AT_ONCE))[0]["statements"]
    return statements


def _json(values: dict[str, Any] | None) -> str | None:
    return None if values is None else msgspec.json.encode(values).decode()
