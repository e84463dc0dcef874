"""Reading all rows of a resource as they are at one moment, at constant memory however many there are."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from models.exports import queries
from models.exports.registry import Exportable
from models.kernel.reach import EVERYTHING, Reach
from models.kernel.session import Database

Report = Callable[[int, int], None]
CHUNK_ROWS = 1_000
READ_ONLY_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Snapshot:
    """`total` is exactly how many rows there are to read."""

    def __init__(self, session: AsyncSession, exportable: Exportable, rows: Select[Any], total: int) -> None:
        self.total = total
        self._session = session
        self._exportable = exportable
        self._rows = rows

    async def copy_csv(self, write: Callable[[bytes], Awaitable[None]]) -> int:
        """Send the rows as CSV under a line of names, and return how many there were."""
        sql, args = queries.in_driver_terms(queries.as_text(self._exportable, self._rows))
        connection = await self._session.connection()
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, asyncpg.Connection)
        try:
            tag = await driver.copy_from_query(sql, *args, output=write, format="csv", header=True)
        except BaseException:
            # The driver does not wait for the end of a COPY that it gives up: a rollback now would fail and hide why.
            await connection.invalidate()
            raise
        return int(tag.removeprefix("COPY "))

    async def chunks(self) -> AsyncGenerator[Sequence[Sequence[Any]], None]:
        """The rows as values, by a cursor.

        The transaction ends with the last row: what a writer still does then would be idle time in it, and
        PostgreSQL bounds that.
        """
        statement = queries.as_values(self._exportable, self._rows)
        connection = await self._session.connection()
        async with connection.stream(statement, execution_options={"yield_per": CHUNK_ROWS}) as result:
            async for chunk in result.partitions():
                yield chunk
        await self._session.close()


@asynccontextmanager
async def open_snapshot(
    database: Database, exportable: Exportable, filters: dict[str, Any], reach: Reach = EVERYTHING
) -> AsyncIterator[Snapshot]:
    """One transaction that sees what is committed now and nothing later. Raises Invalid for a bad filter."""
    rows = exportable.select(filters, reach)
    async with database.transaction() as session:
        connection = await session.connection(execution_options=READ_ONLY_SNAPSHOT)
        total = await connection.scalar(queries.count(rows)) or 0
        yield Snapshot(session, exportable, rows, total)
