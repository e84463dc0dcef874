"""Asking for what is held of a person, and for it to be erased."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.exports.service import ensure_file_of_person
from models.identity.services.users import keep_an_admin
from models.identity.tables import User
from models.jobs.records import JobRecord
from models.jobs.service import JobOptions, enqueue
from models.kernel.actor import Actor
from models.kernel.errors import NotFound
from models.people.tables import Customer
from models.privacy.jobs import Erase, ExportData
from models.privacy.persons import PersonKind


async def request_data(session: AsyncSession, actor: Actor, kind: PersonKind, id_: UUID) -> JobRecord:
    """Raises NotFound."""
    await _check(session, kind, id_)
    job = await enqueue(session, actor, ExportData(person=kind, id=id_))
    await ensure_file_of_person(session, job, str(kind), id_)
    return job


async def request_erasure(session: AsyncSession, actor: Actor, kind: PersonKind, id_: UUID) -> JobRecord:
    """Raises NotFound, and Conflict for the last administrator who can log in."""
    if kind is PersonKind.USER:
        await keep_an_admin(session, id_)
    await _check(session, kind, id_)
    return await enqueue(session, actor, Erase(person=kind, id=id_), JobOptions(dedupe_key=str(id_)))


async def _check(session: AsyncSession, kind: PersonKind, id_: UUID) -> None:
    """Also those who were deleted before."""
    table = User if kind is PersonKind.USER else Customer
    if await session.get(table, id_) is None:
        raise NotFound.thing(kind, id_)
