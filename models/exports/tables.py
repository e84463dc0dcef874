"""Files made on request."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.base import Resource


class Export(Resource):
    """The file under `file_key` is complete whenever the status is `ready`."""

    __tablename__ = "exports"

    resource: Mapped[str]
    format: Mapped[str]
    filters: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]]
    owner: Mapped[str]
    status: Mapped[str] = mapped_column(default="pending", server_default="pending")
    job_id: Mapped[UUID | None]
    file_key: Mapped[str | None]
    row_count: Mapped[int | None] = mapped_column(BigInteger)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("status IN ('pending', 'ready', 'failed')", name="status"),
        CheckConstraint("format IN ('csv', 'xlsx')", name="format"),
        CheckConstraint("(status = 'ready') = (file_key IS NOT NULL)", name="ready"),
        Index("ix_exports_owner_id", "owner", "id"),
    )
