"""The first administrator of a new deployment."""

import secrets

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity.permissions import Role
from models.identity.services.accounts import create_user, has_admin
from models.kernel.errors import Conflict
from models.kernel.session import Database

FIRST_ADMIN = "admin@bellwork.example"


async def ensure_admin(database_url: str, email: str = FIRST_ADMIN) -> tuple[str, str] | None:
    """Create an administrator with a random password when there is none; returns email and password, once."""
    database = Database(database_url, pool_size=1, application="bellwork-cli")
    try:
        async with database.transaction() as session:
            if await has_admin(session):
                return None
            return email, await _add_admin(session, email)
    finally:
        await database.close()


async def create_admin(database_url: str, email: str) -> str:
    """Create a further administrator; returns the random password, once. Raises Conflict when the email is taken."""
    database = Database(database_url, pool_size=1, application="bellwork-cli")
    try:
        async with database.transaction() as session:
            return await _add_admin(session, email)
    except IntegrityError:
        raise Conflict(f"There is a user {email} already.") from None
    finally:
        await database.close()


async def _add_admin(session: AsyncSession, email: str) -> str:
    password = secrets.token_urlsafe(15)
    await create_user(session, email=email, name="Administrator", role=Role.ADMIN, password=password)
    return password
