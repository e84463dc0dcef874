"""Having a provider asked who somebody is. The question waits encrypted in a row of its own, the answer too, so that
neither a job's arguments nor its result show them; whoever asked takes the answer out, and the row is gone.
"""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import provider_queries
from models.identity.jobs import CheckIdentity
from models.identity.provider_tokens import Identity
from models.identity.values import Provider
from models.jobs.lifecycle import cancel
from models.jobs.records import JobRecord
from models.jobs.service import enqueue
from models.kernel.actor import Actor
from models.kernel.crypto import KeyRing
from models.kernel.errors import Unauthorized, Unavailable
from models.kernel.ids import new_id
from models.kernel.session import Connection, Database, fetch


class Question(msgspec.Struct, frozen=True):
    provider: Provider
    credential: str


async def ask(
    database: Database, keys: KeyRing, actor: Actor, provider: Provider, credential: str
) -> tuple[UUID, JobRecord]:
    """Gives the question's id, and the job that will know."""
    id_ = new_id()
    async with database.transaction() as session:
        await fetch(session, provider_queries.ADD_CHECK, id_, provider, keys.encrypt(credential))
        return id_, await enqueue(session, actor, CheckIdentity(check_id=id_))


async def find_question(on: Connection, keys: KeyRing, id_: UUID) -> Question | None:
    """None when nobody waits for the answer any more, or it is there."""
    rows = await fetch(on, provider_queries.OPEN_CHECK, id_)
    return Question(Provider(rows[0]["provider"]), keys.decrypt(rows[0]["credential"])) if rows else None


async def settle(session: AsyncSession, id_: UUID, answer: Identity | str) -> None:
    """Who it is, or why the provider does not know them."""
    identity = msgspec.json.encode(answer).decode() if isinstance(answer, Identity) else None
    await fetch(session, provider_queries.SETTLE_CHECK, id_, identity, None if identity else answer)


async def take_answer(database: Database, id_: UUID, job: JobRecord) -> Identity:
    """Raises Unauthorized when the provider does not know them, Unavailable when it has not answered in time."""
    rows = await fetch(database, provider_queries.TAKE_CHECK, id_)
    if rows and rows[0]["refusal"] is not None:
        raise Unauthorized(rows[0]["refusal"])
    if not rows or rows[0]["identity"] is None:
        await cancel(database, job.id)
        raise Unavailable("The provider has not answered in time; try again.")
    return msgspec.json.decode(rows[0]["identity"], type=Identity)
