"""Erasing a person, a chunk at a time: what is done is not found again, so that it can be cut off and done again.

What names the person is looked for in everything else first, and goes from their own rows last: until then an attempt
can find them. Nothing in the trail of changes shows the values that go (see `Origin.erasing`).
"""

from collections.abc import AsyncIterator, Callable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.events.service import emit
from models.identity.services.users import keep_an_admin
from models.kernel.actor import Actor
from models.kernel.crypto import KeyRing
from models.privacy import events, person_queries
from models.privacy.holdings import Holding, holdings
from models.privacy.person_queries import change, run
from models.privacy.persons import Person, PersonKind, find_person

AT_ONCE = 500


async def shut_out(session: AsyncSession, kind: PersonKind, id_: UUID) -> Person:
    """From now on a user cannot log in, whatever becomes of the rest. Raises Conflict for the last administrator."""
    person = await find_person(session, kind, id_)
    if kind is PersonKind.USER:
        await keep_an_admin(session, id_)
        await change(session, person_queries.SHUT_OUT, person.parameters)
    return person


async def sweep(session: AsyncSession, kind: PersonKind, id_: UUID, person: Person) -> AsyncIterator[int]:
    """Erase what is not the person's own rows; gives the number of rows after each chunk, to be kept."""
    for statement in _statements():
        while changed := await change(session, statement, person.parameters | {"most": AT_ONCE}):
            yield changed
    found = await run(session, person_queries.IDS_IN_TRAIL, person.parameters)
    entity_ids = [*map(str, person.ids), *(row["entity_id"] for row in found)]
    asked = person.parameters | {"entity": kind, "subject": str(id_), "entity_ids": entity_ids, "most": AT_ONCE}
    while masked := (await run(session, person_queries.ERASE_IN_TRAIL, asked))[0]["masked"]:
        yield masked


def _statements() -> list[str]:
    mentioning = [each for each in holdings() if each.personal.mentions and not each.is_trail]
    theirs = [each for each in holdings() if each.personal.whose and not _goes_last(each)]
    erasing = [each for each in theirs if each.personal.ends or each.personal.erased]
    return [*map(person_queries.erase_some, erasing), *map(person_queries.mask_some, mentioning)]


def _goes_last(holding: Holding) -> bool:
    return bool(holding.personal.names) and holding.personal.whose is not None


async def erase_names(session: AsyncSession, person: Person) -> int:
    """The person's own rows, by which they were found."""
    erased = 0
    for holding in filter(_goes_last, holdings()):
        while changed := await change(
            session, person_queries.erase_some(holding), person.parameters | {"most": AT_ONCE}
        ):
            erased += changed
    return erased


async def tell_of_it(session: AsyncSession, actor: Actor, kind: PersonKind, id_: UUID) -> None:
    await emit(session, actor, events.ERASED[kind], id_, events.PersonErased(id=id_))


async def forget_answers(
    session: AsyncSession, keys: KeyRing, after: tuple[str, str], holds: Callable[[bytes], bool]
) -> tuple[str, str] | None:
    """Of a chunk of the stored answers those that hold something; gives where it ends, None after the last."""
    asked = {"caller": after[0], "key": after[1], "most": AT_ONCE}
    rows = await run(session, person_queries.ANSWERS, asked)
    found = [row for row in rows if holds(_opened(keys, row["body"]))]
    if found:
        gone = {"callers": [row["caller"] for row in found], "keys": [row["key"] for row in found]}
        await change(session, person_queries.FORGET_ANSWERS, gone)
    return (rows[-1]["caller"], rows[-1]["key"]) if len(rows) == AT_ONCE else None


def _opened(keys: KeyRing, body: bytes) -> bytes:
    """What no key opens holds nothing."""
    try:
        return keys.decrypt_bytes(body)
    except ValueError:
        return b""


async def list_files(session: AsyncSession, after: UUID) -> Sequence[tuple[UUID, str]]:
    rows = await run(session, person_queries.FILES, {"after": after, "most": AT_ONCE})
    return [(row["id"], row["file_key"]) for row in rows]


async def forget_file(session: AsyncSession, id_: UUID) -> None:
    await change(session, person_queries.FORGET_FILE, {"id": id_})
