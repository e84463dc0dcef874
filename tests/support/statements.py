"""What a database is asked, and who waits there for a lock."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy

from models.kernel.session import Database


@contextmanager
def noted_statements(database: Database) -> Iterator[list[str]]:
    """What is asked through sessions meanwhile."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = database.engine.sync_engine
    sqlalchemy.event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sqlalchemy.event.remove(engine, "before_cursor_execute", note)


async def waits_for_a_lock(database: Database, words: str) -> bool:
    """Whether a statement of this database with the words in it waits; other databases of the server have their own."""
    sql = """SELECT FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'"""
    return bool(await database.fetch(sql, words))
