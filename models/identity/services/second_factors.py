"""The optional second step of a login for those who work here: codes of an authenticator, and codes for its loss."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import account_queries, totp
from models.identity.caller import Caller
from models.identity.permissions import Role
from models.identity.rules import CODES_PER_ACCOUNT
from models.identity.services.guesses import count_tries, forgive
from models.identity.services.passwords import check_password
from models.identity.tables import User
from models.kernel import crud
from models.kernel.clock import utc_now
from models.kernel.crypto import KeyRing, digest
from models.kernel.errors import Conflict, Forbidden, Unauthorized
from models.kernel.session import Database, Row, fetch

_WRONG = "The code is wrong, or was used before."
_NONE = "There is no second step to confirm; enrol first."


class Enrolment(msgspec.Struct, frozen=True):
    """`uri` is for a QR code, `secret` for typing; shown now and never again."""

    secret: str
    uri: str


class SecondStep(msgspec.Struct, frozen=True):
    confirmed_at: datetime | None
    recovery_codes_left: int


async def enrol(session: AsyncSession, database: Database, keys: KeyRing, caller: Caller, password: str) -> Enrolment:
    """A new secret, not in force before it is confirmed.

    Raises Forbidden for who does not work here and for a wrong password, Conflict when there is one in force.
    """
    if caller.role == Role.STUDENT:
        raise Forbidden("The second step is for those who work here.")
    user = await check_password(session, database, caller, password)
    secret = totp.new_secret()
    if not await fetch(session, account_queries.ENROL, user.id, keys.encrypt(secret)):
        raise Conflict("There is a second step already; disable it first.")
    return Enrolment(secret, totp.provisioning_uri(secret, user.email))


async def confirm(session: AsyncSession, database: Database, keys: KeyRing, caller: Caller, code: str) -> list[str]:
    """Put the secret in force; gives the recovery codes, once. Raises Conflict, Forbidden and RateLimited."""
    user_id = caller.require_person()
    factor = await _find(session, user_id)
    if factor is None or factor["confirmed_at"] is not None:
        raise Conflict(_NONE)
    await _check_code(session, database, keys, user_id, code)
    return await _new_codes(session, user_id)


async def renew_recovery_codes(
    session: AsyncSession, database: Database, keys: KeyRing, caller: Caller, password: str, code: str
) -> list[str]:
    """New ones instead of those so far. Raises as `disable`."""
    await _check_both(session, database, keys, caller, password, code)
    return await _new_codes(session, caller.require_person())


async def disable(
    session: AsyncSession, database: Database, keys: KeyRing, caller: Caller, password: str, code: str
) -> None:
    """Raises Forbidden for a wrong password or code, Conflict without a second step, RateLimited."""
    await _check_both(session, database, keys, caller, password, code)
    await fetch(session, account_queries.REMOVE_SECOND_FACTOR, caller.require_person())


async def reset(session: AsyncSession, caller: Caller, user_id: UUID) -> None:
    """For someone who has lost everything. Raises Conflict for oneself, who must show password and code."""
    user = await crud.get_live(session, User, user_id)
    if user.id == caller.id:
        raise Conflict("Disable your own second step by your password and a code.")
    await fetch(session, account_queries.REMOVE_SECOND_FACTOR, user.id)


async def second_step_of(session: AsyncSession, caller: Caller) -> SecondStep:
    user_id = caller.require_person()
    factor = await _find(session, user_id)
    codes = await fetch(session, account_queries.COUNT_RECOVERY_CODES, user_id)
    return SecondStep(factor["confirmed_at"] if factor else None, codes[0]["left"])


async def spend(session: AsyncSession, keys: KeyRing, user_id: UUID, code: str) -> None:
    """Use up a code of the authenticator, or a recovery code. Raises Unauthorized for a wrong or spent one."""
    factor = await _find(session, user_id)
    if factor is None or not (
        await _spend_step(session, keys, user_id, factor, code) or await _spend_code(session, user_id, code)
    ):
        raise Unauthorized(_WRONG)


def guesses_at(user_id: UUID) -> str:
    return f"code:{user_id}"


async def _check_both(
    session: AsyncSession, database: Database, keys: KeyRing, caller: Caller, password: str, code: str
) -> None:
    user = await check_password(session, database, caller, password)
    factor = await _find(session, user.id)
    if factor is None or factor["confirmed_at"] is None:
        raise Conflict(_NONE)
    await _check_code(session, database, keys, user.id, code)


async def _check_code(session: AsyncSession, database: Database, keys: KeyRing, user_id: UUID, code: str) -> None:
    """As `spend`, counted, and Forbidden: who asks is logged in."""
    await count_tries(database, {guesses_at(user_id): CODES_PER_ACCOUNT})
    try:
        await spend(session, keys, user_id, code)
    except Unauthorized:
        raise Forbidden(_WRONG) from None
    await forgive(database, wholly=guesses_at(user_id))


async def _find(session: AsyncSession, user_id: UUID) -> Row | None:
    rows = await fetch(session, account_queries.SECOND_FACTOR, user_id)
    return rows[0] if rows else None


async def _spend_step(session: AsyncSession, keys: KeyRing, user_id: UUID, factor: Row, code: str) -> bool:
    step = totp.matching_step(keys.decrypt(factor["secret"]), totp.plain(code), utc_now())
    if step is None:
        return False
    return bool(await fetch(session, account_queries.SPEND_STEP, user_id, step, factor["secret"]))


async def _spend_code(session: AsyncSession, user_id: UUID, code: str) -> bool:
    return bool(await fetch(session, account_queries.SPEND_RECOVERY_CODE, user_id, digest(totp.plain(code))))


async def _new_codes(session: AsyncSession, user_id: UUID) -> list[str]:
    codes = totp.new_recovery_codes()
    hashes = [digest(totp.plain(code)) for code in codes]
    await fetch(session, account_queries.REPLACE_RECOVERY_CODES, user_id, hashes)
    return codes
