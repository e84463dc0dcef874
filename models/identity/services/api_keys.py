"""API keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import queries
from models.identity.caller import Caller
from models.identity.key_terms import KeyTerms, excess, unknown_scopes
from models.identity.secrets import LIVE, is_well_formed, new_api_key, stored_form, visible_prefix
from models.identity.tables import ApiKey
from models.kernel import crud
from models.kernel.clock import utc_now
from models.kernel.errors import Conflict, Fault, Forbidden, Invalid, Unauthorized
from models.kernel.paging import Page, Pagination, paginate
from models.kernel.schema import given
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
    row = rows[0]
    return Caller(
        kind="api_key", id=row["id"], role=None, scopes=frozenset(row["scopes"]),
        rate_limit_per_minute=row["rate_limit_per_minute"],
    )  # fmt: skip


async def create_api_key(
    session: AsyncSession,
    caller: Caller,
    *,
    name: str,
    scopes: Sequence[str],
    live: bool,
    expires_at: datetime | None,
    rate_limit_per_minute: int | None = None,
) -> NewApiKey:
    """Raises Invalid naming what does not exist or what the caller does not hold."""
    wanted = KeyTerms(frozenset(scopes), live, expires_at, rate_limit_per_minute)
    await _check(session, caller, wanted, past=_check_future(expires_at))
    secret = new_api_key(live=live)
    key = ApiKey(
        name=name, prefix=visible_prefix(secret), secret_hash=stored_form(secret), scopes=sorted(wanted.scopes),
        created_by=caller.id if caller.kind == "user" else None, expires_at=expires_at,
        rate_limit_per_minute=rate_limit_per_minute,
    )  # fmt: skip
    return NewApiKey(await crud.add(session, key), secret)


async def get_api_key(session: AsyncSession, id_: UUID) -> ApiKey:
    return await crud.get_live(session, ApiKey, id_)


async def update_api_key(
    session: AsyncSession, caller: Caller, id_: UUID, data: msgspec.Struct, match: crud.Match
) -> ApiKey:
    """Raises Forbidden for a key that may more than the caller, Invalid for what is beyond them."""
    key = await _own_key(session, caller, id_)
    changed = {name: value for name, value in given(data).items() if name in KeyTerms.__struct_fields__}
    if "scopes" in changed:
        changed["scopes"] = frozenset(changed["scopes"])
    wanted = msgspec.structs.replace(_terms_of(key), **changed)
    await _check(session, caller, wanted, past=_check_future(changed.get("expires_at")))
    return await crud.apply(session, key, data, match)


async def rotate_api_key(session: AsyncSession, caller: Caller, id_: UUID, overlap: timedelta) -> NewApiKey:
    """Give the key a new secret. The one it had opens for `overlap` more, the one before that no longer.

    Raises Forbidden as `update_api_key`.
    """
    key = await _own_key(session, caller, id_)
    secret = new_api_key(live=_is_live(key))
    if overlap:
        key.previous_prefix, key.previous_secret_hash = key.prefix, key.secret_hash
        key.previous_expires_at, key.previous_last_used_at = utc_now() + overlap, key.last_used_at
    else:
        _forget_previous(key)
    key.secret_hash, key.prefix, key.last_used_at = stored_form(secret), visible_prefix(secret), None
    await session.flush()
    return NewApiKey(key, secret)


async def expire_previous_secret(session: AsyncSession, caller: Caller, id_: UUID) -> ApiKey:
    """End the overlap of a rotation now. Raises Conflict when there is none, Forbidden as `update_api_key`."""
    key = await _own_key(session, caller, id_)
    if key.previous is None:
        raise Conflict("This key has no previous secret that still opens.")
    _forget_previous(key)
    await session.flush()
    return key


async def delete_api_key(session: AsyncSession, caller: Caller, id_: UUID, match: crud.Match) -> None:
    """Raises Forbidden as `update_api_key`."""
    await _own_key(session, caller, id_)
    await crud.delete(session, ApiKey, id_, match)


class ApiKeyPage(Page):
    sortable = {"createdAt": ApiKey.created_at, "name": ApiKey.name}
    searched = (ApiKey.name, ApiKey.prefix)


async def list_api_keys(session: AsyncSession, page: ApiKeyPage) -> tuple[list[ApiKey], Pagination]:
    return await paginate(session, queries.api_keys(), page)


async def _check(session: AsyncSession, caller: Caller, wanted: KeyTerms, *, past: list[Fault]) -> None:
    faults = past + (unknown_scopes(wanted) or excess(await _held_by(session, caller), wanted))
    if faults:
        raise Invalid.of(faults)


async def _own_key(session: AsyncSession, caller: Caller, id_: UUID) -> ApiKey:
    """Locked. Whoever holds the secret of a key that may more has more: nobody gets at one beyond themselves."""
    key = await crud.get_live(session, ApiKey, id_, lock=True)
    if beyond := excess(await _held_by(session, caller), _terms_of(key)):
        raise Forbidden(f"This key may more than you: {', '.join(fault.field for fault in beyond)}.")
    return key


async def _held_by(session: AsyncSession, caller: Caller) -> KeyTerms:
    """A person's rights do not end with time; a key's do."""
    if caller.kind != "api_key" or caller.id is None:
        return KeyTerms(caller.scopes)
    return _terms_of(await crud.get_live(session, ApiKey, caller.id))


def _terms_of(key: ApiKey) -> KeyTerms:
    return KeyTerms(frozenset(key.scopes), _is_live(key), key.expires_at, key.rate_limit_per_minute)


def _is_live(key: ApiKey) -> bool:
    return key.prefix.startswith(LIVE)


def _forget_previous(key: ApiKey) -> None:
    key.previous_prefix = key.previous_secret_hash = key.previous_expires_at = key.previous_last_used_at = None


def _check_future(expires_at: datetime | None) -> list[Fault]:
    return [Fault("expiresAt", "must be in the future")] if expires_at and expires_at <= utc_now() else []
