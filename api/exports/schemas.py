"""Exports on the wire."""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from models.exports.links import sign, url_of
from models.exports.tables import Export
from models.kernel.clock import utc_now
from models.kernel.schema import Out
from models.kernel.settings import Settings


class ExportOut(Out):
    """`downloadUrl` needs no credentials and is good until `downloadUntil`; reading again gives a new one."""

    id: UUID
    job_id: UUID
    resource: str
    format: Literal["csv", "xlsx"]
    filters: dict[str, Any]
    options: dict[str, Any]
    owner: str
    status: Literal["pending", "ready", "failed"]
    row_count: int | None
    size_bytes: int | None
    error: str | None
    download_url: str | None
    download_until: datetime | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def made(cls, export: Export, settings: Settings) -> "ExportOut":
        until = utc_now().replace(microsecond=0) + timedelta(minutes=settings.download_minutes)
        ready = export.file_key is not None
        url = url_of(settings.public_url, export.id, sign(settings.secret_key, export.id, until))
        own = {name: getattr(export, name) for name in cls.__struct_fields__ if hasattr(Export, name)}
        return cls(
            **own, job_id=export.id, download_url=url if ready else None, download_until=until if ready else None
        )
