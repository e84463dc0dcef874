"""Connections and transactions. The only place that commits.

A process has one `Database`: an SQLAlchemy engine for everything, and beside it a small asyncpg pool for the few
statements that run thousands of times a second. Both speak the same SQL with `$1` parameters (see `fetch`).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import sqlalchemy.exc
import sqlalchemy.orm
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from models.kernel.origin import NOBODY, current_origin

Row = Mapping[Any, Any]

CONNECT_TIMEOUT_SECONDS = 5.0
STATEMENT_SECONDS = 30.0
ROLLBACK_SECONDS = 5.0
DEADLOCKS_SURVIVED = 2
# A hot statement finds its few rows by an index, whatever the planner thinks of a table that was empty a minute ago:
# a plan made then is kept for the connection's life. And it is planned once, not each time: for so short a statement
# the planning costs as much as the work.
BY_INDEX = {"enable_seqscan": "off", "jit": "off", "plan_cache_mode": "force_generic_plan"}
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
SET_ORIGIN = "SELECT set_config('bellwork.origin', $1, true)"


class Unreachable(OSError):
    """No connection to PostgreSQL could be made."""


async def _connect(*args: Any, **kwargs: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """Raises Unreachable in the place of errors that do not say what cannot be reached."""
    try:
        return await asyncpg.connect(*args, **kwargs)
    except OSError as error:
        raise Unreachable(*error.args) from error


class _Session(sqlalchemy.orm.Session):
    """One whose transactions say for whom they are."""


@event.listens_for(_Session, "after_begin")
def _tell_origin(session: sqlalchemy.orm.Session, _: Any, connection: sqlalchemy.Connection) -> None:
    session.info["driver_connection"] = connection.connection.driver_connection
    if origin := current_origin():
        connection.exec_driver_sql(SET_ORIGIN, (origin.encoded(),))


class Database:
    """The process's connections. Made inside the event loop that uses it, after any fork."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        application: str = "bellwork",
        idle_in_transaction_seconds: float = 60.0,
        by_index: bool = False,
        statement_seconds: float | None = STATEMENT_SECONDS,
        hot_seconds: float = STATEMENT_SECONDS,
    ) -> None:
        """PostgreSQL ends a transaction idle for `idle_in_transaction_seconds`: a paused process holds no locks.

        A statement of a session that takes longer than `statement_seconds` is given up, with its connection: without
        such a bound, who asks a server that is gone without a word (a cut line, a host that froze) waits for ever.
        A hot statement has `hot_seconds`. `by_index` is for a process all of whose statements are such as the hot ones.
        """
        self.url = url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._server_settings = {
            "application_name": application,
            "timezone": "UTC",
            "bellwork.origin": NOBODY.encoded(),
            "idle_in_transaction_session_timeout": f"{idle_in_transaction_seconds * 1000:.0f}",
        }
        self._hot_settings = self._server_settings | BY_INDEX
        self._pool_size = pool_size
        self._hot_seconds = hot_seconds
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._pool_lock = asyncio.Lock()
        self.engine = engine_of(
            self.url,
            self._hot_settings if by_index else self._server_settings,
            statement_seconds,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=CONNECT_TIMEOUT_SECONDS,
            pool_pre_ping=True,
        )
        self._sessions = async_sessionmaker(self.engine, sync_session_class=_Session, expire_on_commit=False)

    async def pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        """The pool for hot statements; opened on first use, so that a process starts while PostgreSQL is away."""
        if self._pool is None:
            async with self._pool_lock:
                if self._pool is None:
                    self._pool = await asyncpg.create_pool(
                        self.url,
                        connect=_connect,
                        min_size=1,
                        max_size=self._pool_size,
                        timeout=CONNECT_TIMEOUT_SECONDS,
                        command_timeout=self._hot_seconds,
                        server_settings=self._hot_settings,
                        reset=_keep_as_is,
                    )
        return self._pool

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is committed on leaving and rolled back on any error, a failed commit included."""
        async with self.transaction_on_demand() as transaction:
            yield transaction.session

    def transaction_on_demand(self) -> "TransactionOnDemand":
        """The same for who may not need a session, which costs more than many a job."""
        return TransactionOnDemand(self._sessions)

    def session(self) -> AsyncSession:
        """A session for reading; whoever opens it closes it."""
        return self._sessions()

    async def connect_raw(self) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection of its own, for LISTEN."""
        return await _connect(self.url, timeout=CONNECT_TIMEOUT_SECONDS)

    async def fetch(self, sql: str, *args: Any) -> Sequence[Row]:
        """One statement in a transaction of its own, on the pool for hot statements. Run again when PostgreSQL took it
        out of a deadlock: nothing of it has happened then, and what it met is over."""
        pool = await self.pool()
        for _ in range(DEADLOCKS_SURVIVED):
            with contextlib.suppress(asyncpg.DeadlockDetectedError):
                return cast(Sequence[Row], await pool.fetch(sql, *args))
        return cast(Sequence[Row], await pool.fetch(sql, *args))

    @asynccontextmanager
    async def statements(self) -> AsyncIterator["Statements"]:
        """A transaction of hot statements, without a session around them; committed on leaving."""
        pool = await self.pool()
        async with pool.acquire() as connection, connection.transaction():
            yield Statements(connection)

    async def execute(self, sql: str, *args: Any) -> str:
        pool = await self.pool()
        tag: str = await pool.execute(sql, *args)
        return tag

    async def ping(self) -> None:
        """Raises when PostgreSQL does not answer."""
        await self.fetch("SELECT 1")

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
        await self.engine.dispose()


def engine_of(
    url: str, server_settings: dict[str, str] | None = None, statement_seconds: float | None = None, **options: Any
) -> AsyncEngine:
    """An engine whose URL is read by asyncpg, which knows `sslmode` and its like. Its errors, which are logged, keep
    to themselves what the statement was run with.
    """

    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        return await _connect(
            url, timeout=CONNECT_TIMEOUT_SECONDS, command_timeout=statement_seconds, server_settings=server_settings
        )

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, hide_parameters=True, **options)


async def _keep_as_is(_: Any) -> None:
    """A lone statement leaves nothing to reset; asyncpg's own reset costs a second round trip after each."""


class TransactionOnDemand:
    """Has a session from the first time that it is asked for it; that is ended as `Database.transaction` says."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._session: AsyncSession | None = None

    @property
    def begun(self) -> bool:
        return self._session is not None

    @property
    def session(self) -> AsyncSession:
        if self._session is None:
            self._session = self._sessions()
        return self._session

    async def __aenter__(self) -> "TransactionOnDemand":
        return self

    async def __aexit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        if self._session is None:
            return
        try:
            if error is None:
                await self._session.commit()
        finally:
            await _close(self._session)


async def _close(session: AsyncSession) -> None:
    """Which rolls back what was not committed. A server that does not answer is not waited for: its connection is cut,
    and it sees that when it comes back. Who is cancelled meanwhile leaves it to go on."""
    closing = asyncio.ensure_future(session.close())
    await asyncio.wait([closing], timeout=ROLLBACK_SECONDS)
    if not closing.done():
        session.info["driver_connection"].terminate()
        await asyncio.wait([closing])
        closing.exception()  # which says no more than that
    else:
        await closing


class Statements:
    """Runs statements in the transaction of one of the pool's connections."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *args: Any) -> Sequence[Row]:
        rows: Sequence[Row] = await self._connection.fetch(sql, *args)
        return rows


Connection = AsyncSession | Database | Statements


async def commit_chunk(session: AsyncSession) -> None:
    """Keep what was written so far; the session goes on in a new transaction."""
    await session.commit()


async def fetch(on: Connection, sql: str, *args: Any) -> Sequence[Row]:
    """Run a statement with `$1` parameters inside a transaction, or alone on the database's pool."""
    if not isinstance(on, AsyncSession):
        return await on.fetch(sql, *args)
    result = await (await on.connection()).exec_driver_sql(sql, args)
    return result.mappings().all() if result.returns_rows else []


def is_away(error: BaseException) -> bool:
    """Whether the error says that PostgreSQL cannot be reached now (and the work is worth trying again)."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return error.connection_invalidated or is_away(_driver_error(error))
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        return True
    return isinstance(error, AWAY)


def is_from_database(error: BaseException) -> bool:
    """Whether the error is of PostgreSQL, its driver or its pool, and not of something else that cannot be reached."""
    return isinstance(error, (Unreachable, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError,
                              sqlalchemy.exc.SQLAlchemyError))  # fmt: skip


def is_serialization_failure(error: BaseException) -> bool:
    """Deadlock or serialization failure: the same transaction may pass when it is run again."""
    return sqlstate(error) in {"40001", "40P01"}


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of a driver's error, also when SQLAlchemy wrapped it."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        error = _driver_error(error)
    return getattr(error, "sqlstate", None)


def constraint(error: BaseException) -> str | None:
    """The name of the constraint an integrity error broke."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        error = _driver_error(error)
    return getattr(error, "constraint_name", None)


def table_and_detail(error: BaseException) -> tuple[str, str]:
    """The table a constraint was broken in, and PostgreSQL's own sentence about it."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        error = _driver_error(error)
    return getattr(error, "table_name", None) or "", getattr(error, "detail", None) or ""


def _driver_error(error: sqlalchemy.exc.DBAPIError) -> BaseException:
    wrapped = error.orig
    return (wrapped.__cause__ if wrapped is not None else None) or wrapped or Exception()
