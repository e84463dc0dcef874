"""The kind of job that sends a mail."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs.endings import when_given_up
from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.limits import NO_LIMITS, Limits, Rate
from models.jobs.records import JobRecord
from models.jobs.rules import JobError, Queue, RetryPolicy
from models.kernel.session import fetch
from models.kernel.settings import get_settings
from models.kernel.validation import decode
from models.notifications import queries


class MailSent(JobResult):
    """`provider` is `resend`, or `sandbox` when the message was only kept."""

    provider: str
    provider_message_id: str | None


def limits() -> Limits:
    """What Resend takes of its customer in a second, by the setting; the sandbox takes everything. The tenth more is
    for calls that take their time to get there."""
    settings = get_settings()
    return Limits(rate=Rate(settings.mails_per_second, 1.1)) if settings.resend_api_key else NO_LIMITS


@kind(
    "notifications.send_email",
    result=MailSent,
    queue=Queue.MAIL,
    retry=RetryPolicy(max_attempts=8, first_seconds=10.0),
    time_limit_seconds=180.0,
    batch_size=10,
    limits=limits,
    example={"messageId": "0198c0de-0000-7000-8000-000000000001"},
)
class SendEmail(JobArgs):
    """Send a mail that was written before. Asked for by `POST /send-email` and by the platform itself."""

    message_id: UUID


@when_given_up(SendEmail)
async def fail_message(session: AsyncSession, job: JobRecord, error: JobError | None) -> None:
    args = decode(bytes(job.payload), SendEmail)
    reason = "Its job was cancelled." if error is None else f"{error.code}: {error.message}"
    await fetch(session, queries.FAILED, args.message_id, reason)
