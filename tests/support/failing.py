"""Making PostgreSQL refuse at the last moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.kernel.session import Database

CREATE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused at commit'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON {table}
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@asynccontextmanager
async def failing_commits(database: Database, table: str) -> AsyncIterator[None]:
    """Every statement on the table passes, and every transaction that wrote to it fails in its COMMIT."""
    await database.execute(CREATE.format(table=table))
    try:
        yield
    finally:
        await database.execute(f"DROP TRIGGER refuse ON {table}; DROP FUNCTION refuse()")
