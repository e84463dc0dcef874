"""Mails with links, written away from the request that asked: that one must not know whether there is such a user; and
what providers are asked about who signs in.
"""

from models.identity.jobs import CheckIdentity, FetchKeys, KeysFetched, SendLink
from models.identity.provider_tokens import Identity
from models.identity.services import mailed_links, provider_checks
from models.identity.services.provider_keys import issuer_of, store_keys
from models.identity.values import Provider
from models.kernel.errors import Unprocessable
from tasks.context import JobContext
from tasks.handlers import handles
from tasks.integrations.clerk import ClerkDirectory
from tasks.integrations.facebook import FacebookGraph
from tasks.integrations.identities import IdentityRefused, IdentitySource
from tasks.integrations.jwks import PublishedKeys
from tasks.integrations.providers import ProviderHttp


@handles(SendLink)
async def send_link(ctx: JobContext, args: SendLink) -> None:
    await mailed_links.send(ctx.session, ctx.settings, ctx.actor, args.link_id)


@handles(FetchKeys)
async def fetch_keys(ctx: JobContext, args: FetchKeys) -> KeysFetched:
    issuer = issuer_of(ctx.settings, args.provider)
    if issuer is None:
        raise _not_set_up(args.provider)
    keys = await PublishedKeys(_http(ctx, args.provider)).fetch(issuer.keys_url)
    await store_keys(ctx.session, issuer, keys)
    return KeysFetched(keys=len(keys))


@handles(CheckIdentity)
async def check_identity(ctx: JobContext, args: CheckIdentity) -> None:
    question = await provider_checks.find_question(ctx.database, ctx.keys, args.check_id)
    if question is None:
        return
    answer: Identity | str
    try:
        answer = await _source(ctx, question.provider).identify(question.credential)
    except IdentityRefused as refused:
        answer = str(refused)
    await provider_checks.settle(ctx.session, args.check_id, answer)


def _source(ctx: JobContext, provider: Provider) -> IdentitySource:
    settings, http = ctx.settings, _http(ctx, provider)
    if provider is Provider.FACEBOOK and settings.facebook_app_secret:
        secret = settings.facebook_app_secret.get_secret_value()
        return FacebookGraph(http, settings.facebook_graph_url, settings.facebook_app_id, secret)
    if provider is Provider.CLERK and settings.clerk_secret_key:
        return ClerkDirectory(http, settings.clerk_api_url, settings.clerk_secret_key.get_secret_value())
    raise _not_set_up(provider)


def _http(ctx: JobContext, provider: Provider) -> ProviderHttp:
    return ProviderHttp(ctx.http, provider.title(), ctx.settings.provider_timeout_seconds)


def _not_set_up(provider: Provider) -> Unprocessable:
    return Unprocessable(f"Signing in with {provider.title()} is not set up.")
