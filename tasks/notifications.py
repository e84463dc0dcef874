"""Sending mail: read the message, hand it to the provider, record that it was sent."""

from models.notifications.jobs import MailSent, SendEmail
from models.notifications.service import find_unsent, record_sent
from tasks.context import JobContext
from tasks.handlers import handles
from tasks.integrations.mail import Mail, mail_transport


@handles(SendEmail)
async def send_email(ctx: JobContext, args: SendEmail) -> MailSent | None:
    message = await find_unsent(ctx.database, args.message_id)
    if message is None:
        return None
    mail = Mail(
        ctx.settings.mail_from, message.recipient, message.recipient_name, message.subject, message.text, message.html
    )
    sent = await mail_transport(ctx.settings).send(mail, ctx.idempotency_key("send"))
    await record_sent(ctx.session, args.message_id, sent.provider, sent.message_id)
    return MailSent(provider=sent.provider, provider_message_id=sent.message_id)
