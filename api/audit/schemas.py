"""The wire contract of the trail."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from models.audit.rules import Action
from models.kernel.schema import Out


class AuditEntryOut(Out):
    """One changed row. `oldValues` and `newValues` hold the columns that changed, `***` for a secret; a row that was
    created has no old values, one that was removed no new ones. `jobId` is set for what a job did, for its owner.
    """

    id: int
    at: datetime
    actor: str
    action: Action
    entity: str
    entity_id: str
    old_values: dict[str, Any] | None
    new_values: dict[str, Any] | None
    client_ip: str | None
    user_agent: str | None
    request_id: str | None
    job_id: UUID | None

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "id": 4711,
        "at": "2026-02-08T14:00:00Z",
        "actor": "user:0198c0de-0000-7000-8000-000000000001",
        "action": "update",
        "entity": "customer",
        "entityId": "0198c0de-0000-7000-8000-000000000002",
        "oldValues": {"city": "Haifa"},
        "newValues": {"city": "Tel Aviv"},
        "clientIp": "192.0.2.7",
        "userAgent": "Mozilla/5.0",
        "requestId": "0198c0de-0000-7000-8000-00000000000a",
        "jobId": None,
    }
