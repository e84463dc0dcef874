"""Sending deliveries: record the attempt, call, record what came of it."""

from models.jobs.service import get_job
from models.kernel.actor import Actor
from models.kernel.errors import NotFound
from models.kernel.session import Connection
from models.webhooks.callbacks import CallBack, CalledBack, callback_letter, callback_secret
from models.webhooks.deliveries import AttemptEnd, Letter, begin_attempt, disable_endpoint, end_attempt, end_delivery
from models.webhooks.jobs import DeliverWebhook, DeliveryEnded
from models.webhooks.rules import DeliveryStatus, Verdict, judge
from tasks.context import JobContext
from tasks.handlers import handles
from tasks.integrations.receivers import Answer
from tasks.integrations.retry_after import retry_after_seconds
from tasks.outcomes import ProviderError


@handles(DeliverWebhook)
async def deliver_webhook(ctx: JobContext, args: DeliverWebhook) -> DeliveryEnded:
    letter = await begin_attempt(ctx.database, ctx.keys, args.delivery_id, ctx.job, ctx.now())
    if letter is None:
        await end_delivery(ctx.session, args.delivery_id, ctx.job.id)
        return DeliveryEnded(status=DeliveryStatus.ENDED, status_code=None)
    answer = await ctx.receivers.post(letter.url, letter.body, letter.headers)
    verdict = judge(answer.status_code, answer.headers.get("webhook-delivery", ""))
    if verdict.status is None:
        await _record(ctx.database, letter, answer, verdict)
        raise _failure(ctx, answer)
    await _record(ctx.session, letter, answer, verdict)
    if verdict.disable_reason:
        actor = Actor("system", request_id=ctx.job.request_id)
        await disable_endpoint(ctx.session, actor, letter.endpoint_id, verdict.disable_reason)
    return DeliveryEnded(status=verdict.status, status_code=answer.status_code)


@handles(CallBack)
async def call_back(ctx: JobContext, args: CallBack) -> CalledBack:
    try:
        job = await get_job(ctx.database, args.job_id)
    except NotFound:
        return CalledBack(status_code=None)
    assert job.callback_url is not None
    if not job.finished:
        return CalledBack(status_code=None)
    secret = callback_secret(ctx.settings.secret_key, job.owner)
    body, headers = callback_letter(job, secret, ctx.now())
    answer = await ctx.receivers.post(job.callback_url, body, headers)
    if judge(answer.status_code, answer.headers.get("webhook-delivery", "")).status is None:
        raise _failure(ctx, answer)
    return CalledBack(status_code=answer.status_code)


async def _record(on: Connection, letter: Letter, answer: Answer, verdict: Verdict) -> None:
    """With the job's end when the delivery ends; at once, and beside the job, when it is to be tried again."""
    end = AttemptEnd(answer.duration_ms, answer.status_code, answer.error, answer.text)
    await end_attempt(on, letter, end, verdict.status)


def _failure(ctx: JobContext, answer: Answer) -> ProviderError:
    if answer.status_code is None:
        return ProviderError("RECEIVER_UNREACHABLE", answer.error or "There was no answer.", retryable=True)
    wait = retry_after_seconds(answer.headers.get("retry-after"), ctx.now())
    message = f"The receiver answered {answer.status_code}."
    return ProviderError("RECEIVER_REFUSED", message, retryable=True, retry_after=wait)
