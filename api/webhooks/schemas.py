"""Webhooks on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from models.kernel.errors import Fault
from models.kernel.schema import In, LongText, Out
from models.webhooks.rules import DeliveryStatus

MAX_FILTER_BYTES = 4096
Url = Annotated[str, Meta(min_length=1, max_length=2000, examples=["https://example.com/hooks/bellwork"])]
EventTypes = Annotated[
    list[Annotated[str, Meta(max_length=100)]],
    Meta(min_length=1, max_length=100, description="types or globs such as `meeting.*`", examples=[["meeting.*"]]),
]
PayloadFilter = Annotated[
    dict[str, Any],
    Meta(description="only events whose data has these values, nested ones included", examples=[{"currency": "ILS"}]),
]
Headers = Annotated[
    dict[str, str],
    Meta(description="sent with every delivery; kept encrypted and never shown", examples=[{"x-api-key": "…"}]),
]


class EndpointIn(In):
    """A replacement without `headers` removes them: their values are never shown, so PATCH the rest to keep them."""

    url: Url
    event_types: EventTypes
    payload_filter: PayloadFilter = {}
    description: LongText | None = None
    headers: Headers = {}
    is_active: bool = True

    def faults(self) -> list[Fault]:
        return filter_faults(self.payload_filter)


class EndpointPatch(In):
    url: Url | UnsetType = UNSET
    event_types: EventTypes | UnsetType = UNSET
    payload_filter: PayloadFilter | UnsetType = UNSET
    description: LongText | UnsetType | None = UNSET
    headers: Headers | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET

    def faults(self) -> list[Fault]:
        return [] if isinstance(self.payload_filter, UnsetType) else filter_faults(self.payload_filter)


class ExampleIn(In):
    """`type` is the type whose example is sent; see GET /event-types."""

    type: Annotated[str, Meta(max_length=100, examples=["meeting.cancelled"])] = "webhook.test"


class EndpointOut(Out):
    """`disabledReason` says why the platform has disabled it; while a secret rotates, `previousSecretUntil` is set."""

    id: UUID
    url: str
    event_types: list[str]
    payload_filter: dict[str, Any]
    description: str | None
    header_names: list[str]
    is_active: bool
    disabled_reason: str | None
    previous_secret_until: datetime | None
    last_sequence: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    version: int


class EndpointWithSecretOut(EndpointOut):
    """`secret` is shown this once."""

    secret: str


class DeliveryOut(Out):
    """`eventId` is the `webhook-id` that the receiver sees; `jobId` names the job that tries."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    event_type: str
    sequence: int
    status: DeliveryStatus
    attempts: int
    job_id: UUID | None
    created_at: datetime
    finished_at: datetime | None


class DeliveryAttemptOut(Out):
    """Without `durationMs` the attempt is under way, or its worker died. `answer` has the first 4 KiB."""

    number: int
    started_at: datetime
    duration_ms: int | None
    status_code: int | None
    error: str | None
    answer: str | None


class DeliveryWithLogOut(DeliveryOut):
    log: list[DeliveryAttemptOut]


def filter_faults(payload_filter: dict[str, Any]) -> list[Fault]:
    if len(msgspec.json.encode(payload_filter)) <= MAX_FILTER_BYTES:
        return []
    return [Fault("payloadFilter", f"is longer than {MAX_FILTER_BYTES} bytes")]


class CallbackSecretOut(Out):
    secret: str
