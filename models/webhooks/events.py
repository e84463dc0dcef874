"""The events about webhooks themselves."""

from typing import Any
from uuid import UUID

from models.events.catalogue import event_type
from models.kernel.schema import Out


class EndpointDisabled(Out):
    """Without the URL: those of n8n and Make are themselves secrets."""

    id: UUID
    description: str | None
    reason: str


class WebhookTested(Out):
    """`type` and `data` are what the endpoint gets, as if an event of that type had happened."""

    id: UUID
    type: str
    data: dict[str, Any]


_id = "0198c0de-0000-7000-8000-000000000001"

ENDPOINT_DISABLED = event_type(
    "webhook.endpoint_disabled",
    EndpointDisabled,
    "A webhook endpoint gets nothing more until somebody enables it.",
    {"id": _id, "description": "n8n, new customers", "reason": "The receiver answered 410 Gone."},
)
WEBHOOK_TEST = event_type(
    "webhook.test",
    WebhookTested,
    "Somebody sent an example to an endpoint; only that endpoint gets it.",
    {"id": _id, "type": "webhook.test", "data": {"greeting": "It works."}},
)
