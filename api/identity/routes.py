"""Logging in, and the keys of integrations."""

from uuid import UUID

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.auth import authenticated, public, requires
from api.dependencies import ApiRequest, CurrentCaller, IfMatch, Session, documented, query_of
from api.identity.schemas import (
    ApiKeyIn,
    ApiKeyOut,
    ApiKeyPatch,
    LoginIn,
    LoginOut,
    MeOut,
    NewApiKeyOut,
    ScopeOut,
    UserOut,
)
from api.resources import Response, created, listing
from models.identity import service as identity
from models.identity.permissions import Scope
from models.kernel.paging import Listing, Page
from models.kernel.settings import Settings


class AuthController(Controller):
    path = "/auth"
    tags = ("Identity",)

    @post("/login", guards=[public], status_code=200, summary="Log in")
    async def log_in(self, request: ApiRequest, session: Session, data: JSONBody[LoginIn]) -> LoginOut:
        """An access token for `Authorization: Bearer …`; `expiresIn` is in seconds."""
        settings: Settings = request.app.state.settings
        done = await identity.log_in(session, settings, data.email, data.password)
        return LoginOut(
            access_token=done.token, token_type="Bearer", expires_in=settings.access_token_minutes * 60,
            user=UserOut.of(done.user),
        )  # fmt: skip

    @get("/me", guards=[authenticated], summary="Who am I")
    async def get_me(self, session: Session, caller: CurrentCaller) -> MeOut:
        user = await identity.get_user(session, caller.id) if caller.kind == "user" and caller.id else None
        return MeOut(
            actor=caller.name, role=caller.role, scopes=sorted(caller.scopes),
            user=UserOut.of(user) if user else None,
        )  # fmt: skip


class ApiKeysController(Controller):
    path = "/api-keys"
    tags = ("Identity",)

    @get("/scopes", guards=[authenticated], summary="List the scopes a key can have")
    async def list_scopes(self) -> list[ScopeOut]:
        """Besides these, `read:*`, `write:*` and `*`."""
        return [ScopeOut(name=scope.value, description=scope.description) for scope in Scope]

    @get(
        "/", guards=[requires(Scope.READ_API_KEYS)], summary="List API keys",
        dependencies={"page": query_of(Page)}, operation_class=documented(Page),
    )  # fmt: skip
    async def list_api_keys(self, session: Session, page: NamedDependency[Page]) -> Listing[ApiKeyOut]:
        return listing(ApiKeyOut, *await identity.list_api_keys(session, page))

    @post("/", guards=[requires(Scope.WRITE_API_KEYS)], summary="Create an API key")
    async def create_api_key(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[ApiKeyIn]
    ) -> Response[NewApiKeyOut]:
        """The secret is in this answer and in no other."""
        new = await identity.create_api_key(
            session, caller, name=data.name, scopes=data.scopes, live=data.live, expires_at=data.expires_at
        )
        return created(request, NewApiKeyOut(secret=new.secret, key=ApiKeyOut.of(new.key)), new.key.id)

    @get("/{key_id:uuid}", guards=[requires(Scope.READ_API_KEYS)], summary="Read an API key")
    async def get_api_key(self, session: Session, key_id: FromPath[UUID]) -> ApiKeyOut:
        return ApiKeyOut.of(await identity.get_api_key(session, key_id))

    @patch("/{key_id:uuid}", guards=[requires(Scope.WRITE_API_KEYS)], summary="Change an API key")
    async def update_api_key(
        self,
        session: Session,
        caller: CurrentCaller,
        key_id: FromPath[UUID],
        data: JSONBody[ApiKeyPatch],
        match: IfMatch,
    ) -> ApiKeyOut:
        return ApiKeyOut.of(await identity.update_api_key(session, caller, key_id, data, match))

    @post(
        "/{key_id:uuid}/rotate",
        guards=[requires(Scope.WRITE_API_KEYS)],
        status_code=200,
        summary="Rotate an API key",
    )
    async def rotate_api_key(self, session: Session, caller: CurrentCaller, key_id: FromPath[UUID]) -> NewApiKeyOut:
        """A new secret; the old one is void within a second."""
        new = await identity.rotate_api_key(session, caller, key_id)
        return NewApiKeyOut(secret=new.secret, key=ApiKeyOut.of(new.key))

    @delete("/{key_id:uuid}", guards=[requires(Scope.WRITE_API_KEYS)], summary="Delete an API key")
    async def delete_api_key(
        self, session: Session, caller: CurrentCaller, key_id: FromPath[UUID], match: IfMatch
    ) -> None:
        """The key is refused within a second."""
        await identity.delete_api_key(session, caller, key_id, match)
