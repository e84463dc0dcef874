"""The first administrator of a new deployment."""

import secrets

from models.identity.permissions import Role
from models.identity.service import create_user, has_admin
from models.kernel.session import Database

FIRST_ADMIN = "admin@bellwork.example"


async def ensure_admin(database_url: str, email: str = FIRST_ADMIN) -> tuple[str, str] | None:
    """Create an administrator with a random password when there is none; returns email and password, once."""
    database = Database(database_url, pool_size=1, application="bellwork-cli")
    try:
        async with database.transaction() as session:
            if await has_admin(session):
                return None
            password = secrets.token_urlsafe(15)
            await create_user(session, email=email, name="Administrator", role=Role.ADMIN, password=password)
            return email, password
    finally:
        await database.close()
