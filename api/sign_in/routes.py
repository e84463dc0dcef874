"""Signing in with Google, Facebook and Clerk, and who one is there."""

from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.auth import arriving, credentials_of, people_only, public
from api.dependencies import ApiRequest, CurrentCaller, Session
from api.identity.clients import client_of
from api.identity.routes import login_out
from api.identity.schemas import ChallengeOut, LoginOut, RegistrationOut, UserOut
from api.limits import Limit, limited
from api.provider_tokens import ProviderTokens, not_set_up
from api.resources import Response
from api.sign_in.schemas import ClerkUserIn, FacebookIn, GoogleIn, IdentityOut
from models.identity.provider_tokens import (
    Identity,
    clerk_identity,
    facebook_identity,
    google_identity,
    is_signed_by_others,
)
from models.identity.services import sessions, sign_in
from models.identity.services.sessions import Challenge
from models.identity.services.sign_in import Registered
from models.identity.values import Provider
from models.kernel.actor import Actor
from models.kernel.errors import Unprocessable

TAGS = ("Identity",)
MAILED = {202: ResponseSpec(RegistrationOut, description="A mail was sent; its link makes the account")}
Entered = LoginOut | ChallengeOut | RegistrationOut
Tokens = NamedDependency[ProviderTokens]


def provide_tokens(request: ApiRequest) -> ProviderTokens:
    return ProviderTokens(request.app.state)


DEPENDENCIES = {"tokens": Provide(provide_tokens, sync_to_thread=False)}


class OAuthController(Controller):
    path = "/auth/oauth"
    tags = TAGS
    dependencies = DEPENDENCIES

    @post(
        "/google", guards=[public, limited(Limit.LOGIN)], status_code=200, summary="Sign in with Google",
        responses=MAILED,
    )  # fmt: skip
    async def sign_in_with_google(
        self, request: ApiRequest, session: Session, tokens: Tokens, data: JSONBody[GoogleIn]
    ) -> Response[Entered]:
        """Tokens, or a challenge, as `POST /auth/login` gives them; without an account one is made. Where Google does
        not vouch for the mail (it does for Gmail and Workspace), the account is made by a mailed link: 202.
        """
        return await _enter(request, session, await _google(tokens, data))

    @post(
        "/facebook", guards=[public, limited(Limit.LOGIN)], status_code=200, summary="Sign in with Facebook",
        responses=MAILED,
    )  # fmt: skip
    async def sign_in_with_facebook(
        self, request: ApiRequest, session: Session, tokens: Tokens, data: JSONBody[FacebookIn]
    ) -> Response[Entered]:
        """As with Google. Facebook vouches for no mail, so the first time a link is mailed: 202. The answer waits for
        Facebook, for the seconds of `Prefer: wait=N` (20 without); 503 when that was not enough.
        """
        return await _enter(request, session, await _facebook(request, tokens, data))

    @post("/google/connect", guards=[people_only, limited(Limit.LOGIN)], status_code=204, summary="Connect Google")
    async def connect_google(
        self, session: Session, caller: CurrentCaller, tokens: Tokens, data: JSONBody[GoogleIn]
    ) -> None:
        """Sign in with this Google account from now on, whatever its mail is."""
        await sign_in.connect(session, caller.require_person(), await _google(tokens, data))

    @post("/facebook/connect", guards=[people_only, limited(Limit.LOGIN)], status_code=204, summary="Connect Facebook")
    async def connect_facebook(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, tokens: Tokens, data: JSONBody[FacebookIn]
    ) -> None:
        """Sign in with this Facebook account from now on, whatever its mail is."""
        await sign_in.connect(session, caller.require_person(), await _facebook(request, tokens, data))


class IdentitiesController(Controller):
    path = "/users/me/identities"
    tags = TAGS

    @get("/", guards=[people_only], summary="List the providers I sign in with")
    async def list_identities(self, session: Session, caller: CurrentCaller) -> list[IdentityOut]:
        return [IdentityOut(**row) for row in await sign_in.list_identities(session, caller.require_person())]

    @delete("/{identity_id:uuid}", guards=[people_only], summary="Disconnect a provider")
    async def disconnect_identity(self, session: Session, caller: CurrentCaller, identity_id: FromPath[UUID]) -> None:
        """Sessions that are open stay open. The last way into an account without a password stays."""
        await sign_in.disconnect(session, caller.require_person(), identity_id)


class ClerkController(Controller):
    path = "/users"
    tags = TAGS
    dependencies = DEPENDENCIES

    @post(
        "/", guards=[arriving, limited(Limit.LOGIN)], summary="Create or update the user of a Clerk token",
        responses={200: ResponseSpec(UserOut, description="The user was there, and is as Clerk says now"), **MAILED},
    )  # fmt: skip
    async def keep_clerk_user(
        self, request: ApiRequest, session: Session, tokens: Tokens, data: JSONBody[ClerkUserIn]
    ) -> Response[UserOut | RegistrationOut]:
        """A Clerk session token is a bearer token like any other, once this has made its user. Where Clerk has not
        verified the mail, the account is made by a mailed link: 202.
        """
        identity = await _clerk(request, tokens)
        actor = _nobody(request)
        admitted = await sign_in.admit(session, request.app.state.database, actor, identity, client_of(request))
        if isinstance(admitted, Registered):
            return Response(RegistrationOut(registration_id=admitted.registration_id), status_code=202)
        user = UserOut.of(await sign_in.keep_profile(session, actor, admitted.user_id, identity, data))
        status = 201 if admitted.is_new else 200
        return Response(user, status_code=status, headers={"Location": "/api/v1/users/me"})


async def _enter(request: ApiRequest, session: Session, identity: Identity) -> Response[Entered]:
    state, client = request.app.state, client_of(request)
    admitted = await sign_in.admit(session, state.database, _nobody(request), identity, client)
    if isinstance(admitted, Registered):
        return Response(RegistrationOut(registration_id=admitted.registration_id), status_code=202)
    done = await sessions.enter(session, state.settings, admitted.user_id, client)
    if isinstance(done, Challenge):
        return Response(ChallengeOut(challenge_token=done.token, expires_in=done.expires_in), status_code=200)
    return Response(login_out(done), status_code=200)


async def _google(tokens: ProviderTokens, data: GoogleIn) -> Identity:
    return google_identity(await tokens.verify(Provider.GOOGLE, data.id_token, data.nonce))


async def _facebook(request: ApiRequest, tokens: ProviderTokens, data: FacebookIn) -> Identity:
    if data.id_token is not None:
        return facebook_identity(await tokens.verify(Provider.FACEBOOK, data.id_token, data.nonce))
    if not request.app.state.settings.facebook_app_id:
        raise not_set_up(Provider.FACEBOOK)
    assert data.access_token is not None
    return await tokens.ask(request, Provider.FACEBOOK, data.access_token)


async def _clerk(request: ApiRequest, tokens: ProviderTokens) -> Identity:
    token = credentials_of(request.scope) or ""
    if not is_signed_by_others(token):
        raise Unprocessable("This takes the session token of a Clerk user as bearer token.")
    claims = await tokens.verify(Provider.CLERK, token)
    if request.app.state.settings.clerk_secret_key is None:
        return clerk_identity(claims)
    return await tokens.ask(request, Provider.CLERK, claims["sub"])


def _nobody(request: ApiRequest) -> Actor:
    """Who asks has no account yet, or has not come into it; the work is the platform's own."""
    return Actor("system", None, request.scope["state"]["request_id"])
