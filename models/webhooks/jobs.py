"""The kind of job that sends a delivery."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs.endings import when_given_up
from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.records import JobRecord
from models.jobs.rules import JobError, Queue, RetryPolicy
from models.kernel.session import fetch
from models.kernel.settings import get_settings
from models.kernel.validation import decode
from models.webhooks import queries
from models.webhooks.rules import DeliveryStatus


def retry_policy() -> RetryPolicy:
    """At once, then after each wait of the setting."""
    schedule = get_settings().webhook_retry_seconds
    return RetryPolicy(max_attempts=len(schedule) + 1, schedule=schedule)


class DeliveryEnded(JobResult):
    """`status_code` is None when there was no receiver to ask any more."""

    status: DeliveryStatus
    status_code: int | None


@kind(
    "webhooks.deliver",
    result=DeliveryEnded,
    queue=Queue.WEBHOOKS,
    retry=retry_policy,
    time_limit_seconds=120.0,
    batch_size=100,
    announced=False,
    example={"deliveryId": "0198c0de-0000-7000-8000-000000000001"},
)
class DeliverWebhook(JobArgs):
    """Send one event to one webhook endpoint. Asked for by the platform itself, whenever an event matches."""

    delivery_id: UUID


@when_given_up(DeliverWebhook)
async def give_delivery_up(session: AsyncSession, job: JobRecord, error: JobError | None) -> None:
    args = decode(bytes(job.payload), DeliverWebhook)
    status = DeliveryStatus.ENDED if error is None else DeliveryStatus.FAILED
    await fetch(session, queries.GIVE_UP, args.delivery_id, job.id, status.value)
