"""Every statement over the trail."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import contains_eager

from models.audit.tables import AuditEntry, AuditStatement

RECORD = """
SELECT audit_record($1, $2, entity_id, $4::text::jsonb, $5::text::jsonb, $6::text::jsonb)
FROM unnest($3::text[]) AS entity_id
"""

PRUNE = "SELECT audit_prune($1, $2) AS statements"


def entries(filters: Mapping[str, Any]) -> Select[AuditEntry]:
    """With their statements. `from_` and `to` are inclusive."""
    others = dict(filters)
    statement = (
        select(AuditEntry)
        .join(AuditStatement, AuditStatement.id == AuditEntry.statement_id)
        .options(contains_eager(AuditEntry.statement))
    )
    if (earliest := others.pop("from_", None)) is not None:
        statement = statement.where(AuditStatement.at >= earliest)
    if (latest := others.pop("to", None)) is not None:
        statement = statement.where(AuditStatement.at <= latest)
    for name, value in others.items():
        owner = AuditEntry if name in ("action", "entity_id") else AuditStatement
        statement = statement.where(getattr(owner, name) == value)
    return statement
