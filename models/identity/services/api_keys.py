"""API keys."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import queries
from models.identity.caller import Caller
from models.identity.permissions import WILDCARDS, Scope
from models.identity.secrets import LIVE, is_well_formed, new_api_key, stored_form, visible_prefix
from models.identity.tables import ApiKey
from models.kernel import crud
from models.kernel.errors import Forbidden, Invalid, Unauthorized
from models.kernel.paging import Page, Pagination, paginate
from models.kernel.session import Connection, fetch


class NewApiKey(msgspec.Struct, frozen=True):
    """`secret` is shown now and never again."""

    key: ApiKey
    secret: str


async def authenticate_api_key(on: Connection, key: str) -> Caller:
    """Raises Unauthorized for a key that is forged, expired or deleted."""
    rows = await fetch(on, queries.API_KEY_FOR_SECRET, stored_form(key)) if is_well_formed(key) else []
    if not rows:
        raise Unauthorized("The API key is not valid.")
    return Caller(kind="api_key", id=rows[0]["id"], role=None, scopes=frozenset(rows[0]["scopes"]))


async def create_api_key(
    session: AsyncSession,
    caller: Caller,
    *,
    name: str,
    scopes: list[str],
    live: bool,
    expires_at: datetime | None,
) -> NewApiKey:
    """Raises Invalid naming the scopes that do not exist or that the caller does not hold."""
    check_scopes(caller, scopes)
    secret = new_api_key(live=live)
    key = ApiKey(
        name=name, prefix=visible_prefix(secret), secret_hash=stored_form(secret), scopes=sorted(set(scopes)),
        created_by=caller.id if caller.kind == "user" else None, expires_at=expires_at,
    )  # fmt: skip
    session.add(key)
    await session.flush()
    return NewApiKey(key, secret)


async def get_api_key(session: AsyncSession, id_: UUID) -> ApiKey:
    return await crud.get_live(session, ApiKey, id_)


async def update_api_key(
    session: AsyncSession, caller: Caller, id_: UUID, data: msgspec.Struct, match: crud.Match
) -> ApiKey:
    """Raises Forbidden for a key that may more than the caller, Invalid for scopes beyond theirs."""
    check_scopes(caller, getattr(data, "scopes", None) or [])
    return await crud.apply(session, await _own_key(session, caller, id_), data, match)


async def rotate_api_key(session: AsyncSession, caller: Caller, id_: UUID) -> NewApiKey:
    """Give the key a new secret; the old one is void at once. Raises Forbidden as `update_api_key`."""
    key = await _own_key(session, caller, id_)
    secret = new_api_key(live=key.prefix.startswith(LIVE))
    key.secret_hash, key.prefix = stored_form(secret), visible_prefix(secret)
    await session.flush()
    return NewApiKey(key, secret)


async def delete_api_key(session: AsyncSession, caller: Caller, id_: UUID, match: crud.Match) -> None:
    """Raises Forbidden as `update_api_key`."""
    await _own_key(session, caller, id_)
    await crud.delete(session, ApiKey, id_, match)


async def list_api_keys(session: AsyncSession, page: Page) -> tuple[list[ApiKey], Pagination]:
    sortable = {"createdAt": ApiKey.created_at, "name": ApiKey.name}
    return await paginate(session, queries.api_keys(), page, sortable=sortable, searched=[ApiKey.name, ApiKey.prefix])


def check_scopes(caller: Caller, scopes: list[str]) -> None:
    known = WILDCARDS | {scope.value for scope in Scope}
    unknown = [scope for scope in scopes if scope not in known]
    if unknown:
        raise Invalid.field("scopes", f"there is no scope {', '.join(unknown)}")
    beyond = [scope for scope in scopes if not caller.may(scope)]
    if beyond:
        raise Invalid.field("scopes", f"you cannot give what you do not hold: {', '.join(beyond)}")


async def _own_key(session: AsyncSession, caller: Caller, id_: UUID) -> ApiKey:
    """Locked. Whoever holds the secret of a key that may more has more: nobody gets at one beyond themselves."""
    key = await crud.get_live(session, ApiKey, id_, lock=True)
    beyond = [scope for scope in key.scopes if not caller.may(scope)]
    if beyond:
        raise Forbidden(f"This key may more than you: {', '.join(beyond)}.")
    return key
