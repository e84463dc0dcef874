"""Files made on request."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.base import Entity


class Export(Entity):
    """Made by the job of the same id. The file under `file_key` is whole whenever the status is `ready`."""

    __tablename__ = "exports"

    resource: Mapped[str]
    format: Mapped[str]
    filters: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]]
    owner: Mapped[str]
    status: Mapped[str] = mapped_column(default="pending", server_default="pending")
    file_key: Mapped[str | None]
    row_count: Mapped[int | None] = mapped_column(BigInteger)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("status IN ('pending', 'ready', 'failed')", name="status"),
        CheckConstraint("format IN ('csv', 'xlsx')", name="format"),
        CheckConstraint(
            "num_nulls(file_key, row_count, size_bytes) = CASE status WHEN 'ready' THEN 0 ELSE 3 END", name="ready"
        ),
        CheckConstraint("(status = 'pending') = (finished_at IS NULL)", name="finished"),
        Index("ix_exports_owner_id", "owner", "id"),
    )
