"""How a command works on the configured database: what goes wrong ends it in a sentence."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import asyncpg
import sqlalchemy.exc

import models.all_contexts  # noqa: F401
from cli.environment import adopt_settings
from cli.screen import fail
from models.kernel.errors import DomainError
from models.kernel.session import Database, is_away, sqlstate
from models.kernel.settings import SettingsError, load_settings
from models.kernel.signals import Nudger

UNDEFINED = {"42P01", "42703", "42883"}  # a table, a column, a function
T = TypeVar("T")


def run_on_database(work: Callable[[Database], Awaitable[T]]) -> T:
    """Do the work, and wake who waits for it."""
    adopt_settings(Path())

    async def run() -> T:
        database = Database(load_settings().asyncpg_dsn, pool_size=2, application="bellwork-cli")
        nudger = Nudger(database)
        try:
            done = await work(database)
            nudger.nudge()
            await nudger.settle()
            return done
        finally:
            await database.close()

    with faults_told():
        return asyncio.run(run())


@contextmanager
def faults_told() -> Iterator[None]:
    """Ends the command for what a caller, the settings or PostgreSQL are to blame for; what else is raised is ours."""
    try:
        yield
    except (DomainError, SettingsError, OSError, asyncpg.PostgresError, sqlalchemy.exc.SQLAlchemyError,
            asyncpg.InterfaceError) as error:  # fmt: skip
        fail(f"bellwork: {_sentence(error)}")


def _sentence(error: Exception) -> str:
    if isinstance(error, DomainError):
        return " ".join([error.detail, *(f"{fault.field} {fault.message}." for fault in error.errors)])
    if isinstance(error, SettingsError):
        missing = ", ".join(str(error).splitlines())
        return f"{missing}; set it in the environment or in .env, or start a platform here: make up"
    if is_away(error):
        return f"PostgreSQL cannot be reached ({_reason(error)}); `bellwork doctor` says what to do."
    if sqlstate(error) in UNDEFINED:
        return f"the tables are not of this version ({_reason(error)}): bellwork migrate"
    return f"PostgreSQL refused: {_reason(error)}."


def _reason(error: Exception) -> str:
    """The driver's own words, without those of SQLAlchemy around them."""
    cause: object = error
    while isinstance(cause, sqlalchemy.exc.DBAPIError) and cause.orig is not None:
        cause = cause.orig.__cause__ or cause.orig
    return (str(cause).splitlines() or [type(cause).__name__])[0].rstrip(".")
