"""Exports on the wire."""

from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec

from models.exports.links import make_link
from models.exports.tables import Export, ExportStatus
from models.jobs.rules import JobError
from models.kernel.clock import utc_now
from models.kernel.schema import Out
from models.kernel.settings import Settings


class ExportOut(Out):
    """`downloadUrl` needs no credentials and is good until `downloadUntil`; reading again gives a new one."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "resource": "meetings", "format": "xlsx", "filters": {"from": "2026-02-01T00:00:00Z"}, "status": "ready",
        "options": {"bom": False, "locale": "he", "notifyEmail": None}, "rowCount": 1200, "sizeBytes": 98304,
        "error": None, "downloadUrl": "https://bellwork.example/api/v1/exports/0198c0de-0000-7000-8000-000000000001"
        "/download?expires=1770557400&signature=5f0c",
    }  # fmt: skip

    id: UUID
    job_id: UUID
    resource: str
    format: Literal["csv", "xlsx", "zip"]
    filters: dict[str, Any]
    options: dict[str, Any]
    owner: str
    status: ExportStatus
    row_count: int | None
    size_bytes: int | None
    error: JobError | None
    download_url: str | None
    download_until: datetime | None
    created_at: datetime
    ready_at: datetime | None

    @classmethod
    def made(cls, export: Export, settings: Settings) -> "ExportOut":
        link = make_link(settings, export.id, utc_now()) if export.status == ExportStatus.READY else None
        url, until = (link.url, link.until) if link else (None, None)
        failed = export.job_error if export.status == ExportStatus.FAILED else None
        own = {name: getattr(export, name) for name in cls.__struct_fields__ if hasattr(Export, name)}
        error = msgspec.convert(failed, JobError | None)
        return cls(**own, job_id=export.id, error=error, download_url=url, download_until=until)
