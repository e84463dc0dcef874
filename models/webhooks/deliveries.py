"""Deliveries: planned with their jobs, tried one attempt at a time, looked up, tried again on request."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.audit.rules import Action
from models.audit.service import record
from models.events.catalogue import event_type_named
from models.events.service import emit
from models.jobs.records import JobRecord
from models.jobs.service import enqueue, enqueue_many, get_job
from models.kernel.actor import Actor
from models.kernel.crud import get_live
from models.kernel.crypto import KeyRing
from models.kernel.errors import Conflict, NotFound
from models.kernel.ids import new_id
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.session import Connection, Row, fetch
from models.webhooks import queries
from models.webhooks.envelope import envelope
from models.webhooks.events import ENDPOINT_DISABLED, WEBHOOK_TEST, EndpointDisabled, WebhookTested
from models.webhooks.jobs import DeliverWebhook
from models.webhooks.rules import DeliveryStatus, signature_headers
from models.webhooks.tables import WebhookDelivery, WebhookEndpoint


class Planned(msgspec.Struct, frozen=True):
    """`nth` counts from 1 among what one call plans for the endpoint."""

    endpoint_id: UUID
    event_id: UUID
    event_type: str
    nth: int


class Letter(msgspec.Struct, frozen=True):
    """One attempt of a delivery, ready to be sent."""

    delivery_id: UUID
    endpoint_id: UUID
    number: int
    url: str
    headers: dict[str, str]
    body: bytes


class AttemptEnd(msgspec.Struct, frozen=True):
    """`answer` is the beginning of what the receiver said, `error` why there is none (or not all of it)."""

    duration_ms: int
    status_code: int | None
    error: str | None
    answer: str | None


async def plan_deliveries(session: AsyncSession, actor: Actor, planned: Sequence[Planned]) -> list[UUID]:
    """Number the deliveries of each endpoint on from its last one, ask for their jobs, and give the jobs' ids."""
    ids = [new_id() for _ in planned]
    job_ids = await enqueue_many(session, actor, [DeliverWebhook(delivery_id=id_) for id_ in ids])
    if planned:
        await fetch(
            session, queries.ADD_DELIVERIES, ids, [each.endpoint_id for each in planned],
            [each.event_id for each in planned], [each.event_type for each in planned],
            [each.nth for each in planned], job_ids,
        )  # fmt: skip
    return job_ids


async def send_example(session: AsyncSession, actor: Actor, endpoint_id: UUID, type_name: str) -> JobRecord:
    """Deliver the catalogue's example of a type to one endpoint, as if it had happened.

    The feed shows it as `webhook.test`, and no other endpoint gets it. Raises NotFound for the endpoint or the type,
    Conflict when the endpoint is disabled.
    """
    await get_active(session, endpoint_id)
    example = event_type_named(type_name).example
    tested = WebhookTested(id=endpoint_id, type=type_name, data=example)
    event_id = await emit(session, actor, WEBHOOK_TEST, endpoint_id, tested)
    (job_id,) = await plan_deliveries(session, actor, [Planned(endpoint_id, event_id, type_name, 1)])
    return await get_job(session, job_id)


async def begin_attempt(
    on: Connection, keys: KeyRing, delivery_id: UUID, job: JobRecord, now: datetime
) -> Letter | None:
    """Record the next attempt and compose it; None when there is nothing to be sent any more."""
    rows = await fetch(on, queries.BEGIN_ATTEMPT, delivery_id, job.id, job.started_at)
    return _compose(rows[0], keys, now) if rows else None


async def end_attempt(on: Connection, letter: Letter, end: AttemptEnd, status: DeliveryStatus | None) -> None:
    """`status` is None while the delivery is to be tried again."""
    await fetch(
        on, queries.END_ATTEMPT, letter.delivery_id, letter.number, end.duration_ms, end.status_code, end.error,
        end.answer, status,
    )  # fmt: skip


async def end_delivery(on: Connection, delivery_id: UUID, job_id: UUID) -> None:
    """Its endpoint is deleted or disabled: there is nobody to tell, and that is no failure."""
    await fetch(on, queries.GIVE_UP, delivery_id, job_id, DeliveryStatus.ENDED.value)


async def disable_endpoint(session: AsyncSession, actor: Actor, endpoint_id: UUID, reason: str) -> None:
    """Says so by an event, once: not when it is disabled already."""
    for row in await fetch(session, queries.DISABLE, endpoint_id, reason):
        await emit(session, actor, ENDPOINT_DISABLED, endpoint_id, EndpointDisabled(**row))


class DeliveryPage(Page):
    sortable = {"createdAt": WebhookDelivery.created_at, "sequence": WebhookDelivery.sequence}

    status: DeliveryStatus | None = None
    event_type: str | None = None


async def list_deliveries(
    session: AsyncSession, endpoint_id: UUID, page: DeliveryPage
) -> tuple[list[WebhookDelivery], Pagination]:
    """Raises NotFound."""
    await get_live(session, WebhookEndpoint, endpoint_id)
    return await paginate(session, queries.deliveries(endpoint_id, filters(page)), page)


async def get_delivery(session: AsyncSession, id_: UUID) -> WebhookDelivery:
    """Raises NotFound, also when its endpoint is deleted."""
    delivery = await session.scalar(queries.delivery(id_))
    if delivery is None:
        raise NotFound.thing("webhook delivery", id_)
    return delivery


async def list_delivery_attempts(on: Connection, id_: UUID) -> Sequence[Row]:
    return await fetch(on, queries.ATTEMPTS, id_)


async def retry_delivery(session: AsyncSession, actor: Actor, id_: UUID) -> JobRecord:
    """Send it again now, whatever became of it: the same id and sequence, with all attempts ahead of it again.

    A job that still waits for its next attempt finds the delivery taken over and does nothing.
    Raises NotFound, or Conflict when the endpoint is disabled.
    """
    delivery = await get_delivery(session, id_)
    await get_active(session, delivery.endpoint_id)
    job = await enqueue(session, actor, DeliverWebhook(delivery_id=id_))
    await fetch(session, queries.TRY_AGAIN, id_, job.id)
    await record(session, Action.RETRY, "webhook_delivery", id_)
    return job


async def get_active(session: AsyncSession, endpoint_id: UUID) -> WebhookEndpoint:
    """Raises NotFound, or Conflict when the endpoint is disabled."""
    endpoint = await get_live(session, WebhookEndpoint, endpoint_id)
    if not endpoint.is_active:
        raise Conflict("The endpoint is disabled; POST /webhooks/{id}/enable first.", endpoint_id=endpoint_id)
    return endpoint


def _compose(row: Row, keys: KeyRing, now: datetime) -> Letter:
    data, test = row["payload"], row["stored_type"] == WEBHOOK_TEST.name
    if test:
        data = bytes(msgspec.json.decode(data, type=_TestedData).data)
    body = envelope(row["event_type"], row["occurred_at"], row["sequence"], data)
    secrets = [keys.decrypt(sealed) for sealed in (row["secret"], row["previous_secret"]) if sealed]
    headers = {
        **open_headers(keys, row["headers"]),
        **signature_headers(secrets, str(row["event_id"]), now, body),
        **({"x-request-id": row["request_id"]} if row["request_id"] else {}),
        **({"webhook-test": "true"} if test else {}),
    }
    return Letter(row["id"], row["endpoint_id"], row["attempts"], row["url"], headers, body)


class _TestedData(msgspec.Struct):
    data: msgspec.Raw


def open_headers(keys: KeyRing, sealed: str | None) -> dict[str, str]:
    """An endpoint's static headers."""
    return msgspec.json.decode(keys.decrypt(sealed), type=dict[str, str]) if sealed else {}


def seal_headers(keys: KeyRing, headers: dict[str, str]) -> str | None:
    return keys.encrypt(msgspec.json.encode(headers).decode()) if headers else None
