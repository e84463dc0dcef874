"""Mails with links, written away from the request that asked: that one must not know whether there is such a user."""

from models.identity.jobs import SendLink
from models.identity.services import mailed_links
from tasks.context import JobContext
from tasks.handlers import handles


@handles(SendLink)
async def send_link(ctx: JobContext, args: SendLink) -> None:
    await mailed_links.send(ctx.session, ctx.settings, ctx.actor, args.link_id)
