"""Applying and checking migrations. One process at a time; none waits long for a lock or holds one."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import models.all_contexts  # noqa: F401
from models.kernel.base import Base
from models.kernel.session import engine_of
from models.migrations import roles, trail

FOLDER = Path(__file__).parent
LOCK = 7215000
T = TypeVar("T")


def upgrade(owner_url: str, application_url: str | None = None) -> None:
    """Bring the schema to the newest revision, and the role of the application, when that is another than the owner,
    to the rights it needs. Waits for another process that is at it. Raises RoleError.
    """
    _on_connection(owner_url, lambda connection: _upgrade(connection, application_url))


def check(database_url: str) -> list[str]:
    """Where the schema in the database and the tables in code differ, one line each."""
    return _on_connection(database_url, _differences)


def current(database_url: str) -> tuple[str | None, str | None]:
    """The revision the database is at, and the newest there is."""
    return _on_connection(database_url, _revision), ScriptDirectory.from_config(_config()).get_current_head()


def create_revision(database_url: str, message: str, revision: str) -> None:
    """Write a migration for what differs, to be read and edited by a person."""
    _on_connection(database_url, lambda connection: _create_revision(connection, message, revision))


def _on_connection(database_url: str, work: Callable[[Connection], T]) -> T:
    async def run() -> T:
        engine = engine_of(database_url)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection, application_url: str | None) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    connection.execute(text("SET LOCAL lock_timeout = '5s'"))
    connection.execute(text("SET LOCAL statement_timeout = '60s'"))
    command.upgrade(_config(connection), "head")
    trail.install(connection)
    if application_url is not None:
        roles.grant(connection, application_url)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _differences(connection: Connection) -> list[str]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return [*map(str, compare_metadata(context, Base.metadata)), *trail.differences(connection)]


def _create_revision(connection: Connection, message: str, revision: str) -> None:
    command.revision(_config(connection), message=message, autogenerate=True, rev_id=revision)
