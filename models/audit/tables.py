"""The trail: who has changed what. Written by functions of the database alone (see `models/migrations/trail.py`)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Text
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.kernel.base import Base
from models.kernel.personal import Personal, words

_THEIRS = "entity_id = ANY (CAST(CAST(:ids AS uuid[]) AS text[]))"


class AuditStatement(Base):
    """What one statement's changes have in common: a bulk update of many rows says only once who made it."""

    __tablename__ = "audit_statements"
    unaudited = "the trail itself"
    personal = Personal(
        by="actor = ANY (:owners)",
        mentions=words("client_ip user_agent"),
        plain=words("entity actor request_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    entity: Mapped[str]
    actor: Mapped[str]
    client_ip: Mapped[str | None]
    user_agent: Mapped[str | None]
    request_id: Mapped[str | None]
    job_id: Mapped[UUID | None]

    __table_args__ = (
        Index("ix_audit_statements_at", "at"),
        Index("ix_audit_statements_entity_id", "entity", "id"),
        Index("ix_audit_statements_actor_id", "actor", "id"),
        Index("ix_audit_statements_request_id", "request_id", postgresql_where="request_id IS NOT NULL"),
        Index("ix_audit_statements_job_id", "job_id", postgresql_where="job_id IS NOT NULL"),
    )


class AuditEntry(Base):
    """One changed row: of the columns that changed, the values before and after.

    Rows come by the hundred thousand, so there is no index that is not needed, and no foreign key.
    """

    __tablename__ = "audit_entries"
    unaudited = "the trail itself"
    personal = Personal(
        by=f"{_THEIRS} OR statement_id IN (SELECT id FROM audit_statements WHERE actor = ANY (:owners))",
        mentions=words("old new"),
        plain=words("action entity_id"),
        shown={name: f"CASE WHEN {_THEIRS} THEN {name} END" for name in ("old", "new")},
    )

    statement_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    action: Mapped[str]
    entity_id: Mapped[str] = mapped_column(Text(collation="C"), index=True)
    old_values: Mapped[dict[str, Any] | None] = mapped_column("old")
    new_values: Mapped[dict[str, Any] | None] = mapped_column("new")

    statement: Mapped[AuditStatement] = relationship(
        primaryjoin="foreign(AuditEntry.statement_id) == AuditStatement.id", lazy="raise", viewonly=True
    )
    at: AssociationProxy[datetime] = association_proxy("statement", "at")
    entity: AssociationProxy[str] = association_proxy("statement", "entity")
    actor: AssociationProxy[str] = association_proxy("statement", "actor")
    client_ip: AssociationProxy[str | None] = association_proxy("statement", "client_ip")
    user_agent: AssociationProxy[str | None] = association_proxy("statement", "user_agent")
    request_id: AssociationProxy[str | None] = association_proxy("statement", "request_id")
    job_id: AssociationProxy[UUID | None] = association_proxy("statement", "job_id")
