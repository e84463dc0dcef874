"""The keys of integrations."""

from datetime import timedelta
from uuid import UUID

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.api_keys.schemas import ApiKeyIn, ApiKeyOut, ApiKeyPatch, NewApiKeyOut, RotateIn, ScopeOut
from api.auth import authenticated, requires
from api.dependencies import ApiRequest, CurrentCaller, IfMatch, Session, documented, query_of
from api.resources import Response, created, listing
from models.identity.permissions import Scope
from models.identity.services import api_keys
from models.identity.services.api_keys import ApiKeyPage
from models.kernel.paging import Listing


class ApiKeysController(Controller):
    path = "/api-keys"
    tags = ("Identity",)

    @get("/scopes", guards=[authenticated], summary="List the scopes a key can have")
    async def list_scopes(self) -> list[ScopeOut]:
        """Besides these, `read:*`, `write:*` and `*`."""
        return [ScopeOut(name=scope.value, description=scope.description) for scope in Scope]

    @get(
        "/", guards=[requires(Scope.READ_API_KEYS)], summary="List API keys",
        dependencies={"page": query_of(ApiKeyPage)}, operation_class=documented(ApiKeyPage),
    )  # fmt: skip
    async def list_api_keys(self, session: Session, page: NamedDependency[ApiKeyPage]) -> Listing[ApiKeyOut]:
        return listing(ApiKeyOut, *await api_keys.list_api_keys(session, page))

    @post("/", guards=[requires(Scope.WRITE_API_KEYS)], summary="Create an API key")
    async def create_api_key(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[ApiKeyIn]
    ) -> Response[NewApiKeyOut]:
        """The secret is in this answer and in no other."""
        new = await api_keys.create_api_key(
            session, caller, name=data.name, scopes=data.scopes, live=data.live, expires_at=data.expires_at,
            rate_limit_per_minute=data.rate_limit_per_minute,
        )  # fmt: skip
        return created(request, NewApiKeyOut(secret=new.secret, key=ApiKeyOut.of(new.key)), new.key.id)

    @get("/{key_id:uuid}", guards=[requires(Scope.READ_API_KEYS)], summary="Read an API key")
    async def get_api_key(self, session: Session, key_id: FromPath[UUID]) -> ApiKeyOut:
        return ApiKeyOut.of(await api_keys.get_api_key(session, key_id))

    @patch("/{key_id:uuid}", guards=[requires(Scope.WRITE_API_KEYS)], summary="Change an API key")
    async def update_api_key(
        self,
        session: Session,
        caller: CurrentCaller,
        key_id: FromPath[UUID],
        data: JSONBody[ApiKeyPatch],
        match: IfMatch,
    ) -> ApiKeyOut:
        return ApiKeyOut.of(await api_keys.update_api_key(session, caller, key_id, data, match))

    @post(
        "/{key_id:uuid}/rotate",
        guards=[requires(Scope.WRITE_API_KEYS)],
        status_code=200,
        summary="Rotate an API key",
    )
    async def rotate_api_key(
        self, session: Session, caller: CurrentCaller, key_id: FromPath[UUID], data: JSONBody[RotateIn | None] = None
    ) -> NewApiKeyOut:
        """A new secret, shown this once. The one so far is void within a second, or after `overlapSeconds`; one that
        still opened from an earlier rotation is void in any case.
        """
        overlap = timedelta(seconds=data.overlap_seconds if data else 0)
        new = await api_keys.rotate_api_key(session, caller, key_id, overlap)
        return NewApiKeyOut(secret=new.secret, key=ApiKeyOut.of(new.key))

    @post(
        "/{key_id:uuid}/expire-previous",
        guards=[requires(Scope.WRITE_API_KEYS)],
        status_code=200,
        summary="End the overlap of a rotation",
    )
    async def expire_previous_secret(
        self, session: Session, caller: CurrentCaller, key_id: FromPath[UUID]
    ) -> ApiKeyOut:
        """`previous` of a key tells whether its former secret is still in use; here it ends now, within a second."""
        return ApiKeyOut.of(await api_keys.expire_previous_secret(session, caller, key_id))

    @delete("/{key_id:uuid}", guards=[requires(Scope.WRITE_API_KEYS)], summary="Delete an API key")
    async def delete_api_key(
        self, session: Session, caller: CurrentCaller, key_id: FromPath[UUID], match: IfMatch
    ) -> None:
        """The key is refused within a second."""
        await api_keys.delete_api_key(session, caller, key_id, match)
