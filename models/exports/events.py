"""What happens to exports."""

from uuid import UUID

from models.events.catalogue import event_type
from models.kernel.schema import Out


class ExportState(Out):
    id: UUID
    resource: str
    format: str
    row_count: int
    size_bytes: int


_example = {
    "id": "0198c0de-0000-7000-8000-000000000001", "resource": "meetings", "format": "xlsx", "rowCount": 1200,
    "sizeBytes": 98304,
}  # fmt: skip

EXPORT_READY = event_type("export.ready", ExportState, "A file can be downloaded.", _example)
