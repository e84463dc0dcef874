"""What is held of a person, table by table."""

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from models.privacy import person_queries
from models.privacy.holdings import holdings
from models.privacy.person_queries import run, stream
from models.privacy.persons import Person


def rows_by_table(session: AsyncSession, person: Person) -> list[tuple[str, AsyncIterator[str]]]:
    """Of every table that has something of somebody its name, and the person's rows as JSON."""
    return [
        (holding.table, stream(session, person_queries.given_rows(holding), person.parameters))
        for holding in holdings()
        if holding.personal.given
    ]


async def own_files(session: AsyncSession, person: Person) -> Sequence[RowMapping]:
    return await run(session, person_queries.OWN_FILES, person.parameters)
