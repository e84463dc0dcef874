"""Files made on request."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, Label, Text, literal_column
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, column_property, mapped_column

from models.jobs.rules import UNFINISHED
from models.kernel.base import Entity
from models.kernel.personal import Personal, words


class ExportStatus(StrEnum):
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


def _of_job(column: str, type_: Any) -> Label[Any]:
    return literal_column(f"(SELECT jobs.{column} FROM jobs WHERE jobs.id = exports.id)", type_).label(f"job_{column}")


class Export(Entity):
    """Made by the job of the same id. There is a whole file under `file_key`, or there is none.

    `job_status` and `job_error` are the job's (None once that is pruned): whether an export is still to come is
    told by its job alone, so whatever ends, stops or revives the job needs to know nothing of exports.
    """

    __tablename__ = "exports"
    personal = Personal(
        by="owner = ANY (:owners)",
        mentions=words("filters options"),
        plain=words("resource format owner file_key"),
    )

    resource: Mapped[str]
    format: Mapped[str]
    filters: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]]
    owner: Mapped[str]
    file_key: Mapped[str | None]
    row_count: Mapped[int | None] = mapped_column(BigInteger)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    ready_at: Mapped[datetime | None]

    job_status: Mapped[str | None] = column_property(_of_job("status", Text()))
    job_error: Mapped[dict[str, Any] | None] = column_property(_of_job("error", JSONB()))

    @property
    def status(self) -> ExportStatus:
        if self.file_key is not None:
            return ExportStatus.READY
        return ExportStatus.PENDING if self.job_status in UNFINISHED else ExportStatus.FAILED

    __table_args__ = (
        CheckConstraint("format IN ('csv', 'xlsx', 'zip')", name="format"),
        CheckConstraint("num_nulls(file_key, row_count, size_bytes, ready_at) IN (0, 4)", name="ready"),
        Index("ix_exports_owner_id", "owner", "id"),
    )
