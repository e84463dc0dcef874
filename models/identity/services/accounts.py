"""Users."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import queries
from models.identity.passwords import hash_password
from models.identity.permissions import Role
from models.identity.tables import User
from models.kernel import crud
from models.kernel.session import Connection, fetch


async def get_user(session: AsyncSession, id_: UUID) -> User:
    """Raises NotFound."""
    return await crud.get_live(session, User, id_)


async def create_user(session: AsyncSession, *, email: str, name: str, role: Role, password: str) -> User:
    return await crud.add(session, User(email=email, name=name, role=role, password_hash=await hash_password(password)))


async def has_admin(on: Connection) -> bool:
    return bool(await fetch(on, queries.ANY_ADMIN))
