"""Real PostgreSQL and Valkey for the whole session, real workers when a test asks for them, clean tables for each."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import asyncpg
import httpx
import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession

from cli.platform import LocalPlatform
from models.kernel.base import Base
from models.kernel.session import Database
from models.kernel.settings import Settings, get_settings
from models.migrations.run import upgrade
from tests.support.client import ApiClient
from tests.support.identity_providers import PROVIDER_SETTINGS
from tests.support.servers import REPOSITORY, server_folder

TEST_SETTINGS = {
    "BELLWORK_ENV": "test",
    "BELLWORK_API_PORT": "0",
    "BELLWORK_FLOWER_PORT": "0",
    "BELLWORK_JOB_LEASE_SECONDS": "3",
    "BELLWORK_JOB_REDELIVER_SECONDS": "2",
    "BELLWORK_DISPATCH_POLL_SECONDS": "0.2",
    "BELLWORK_WEBHOOK_RETRY_SECONDS": "0.2,0.2,0.2,0.2",
    "BELLWORK_DATABASE_POOL_SIZE": "5",
    **PROVIDER_SETTINGS,
    **{f"BELLWORK_RATE_LIMIT_{name}": "1000000" for name in ("GENERAL", "SEARCH", "MAIL", "UPLOAD", "LOGIN")},
}


@pytest.fixture(scope="session")
def platform() -> Iterator[LocalPlatform]:
    """The servers with their tables made; processes are started by `workers`."""
    with server_folder() as folder:
        procfile = REPOSITORY / "tests/support/Procfile"
        with LocalPlatform(REPOSITORY, state_dir=folder, procfile=procfile, settings=TEST_SETTINGS, fsync=False) as it:
            it.start(processes=[])
            os.environ.update(it.settings)
            get_settings.cache_clear()
            yield it


@pytest.fixture(scope="session")
def settings(platform: LocalPlatform) -> Settings:
    return get_settings()


@pytest.fixture(scope="session")
async def database(platform: LocalPlatform) -> AsyncIterator[Database]:
    """As the owner of the tables; the processes and `app` log in as the application."""
    from tests.support.probes import CREATE_EFFECTS

    database = Database(platform.owner_url, pool_size=5, application="bellwork-tests")
    await database.execute(CREATE_EFFECTS)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def workers(platform: LocalPlatform, database: Database) -> LocalPlatform:
    """A scheduler and two worker processes, for the rest of the session."""
    platform.start_processes(["scheduler", "worker"])
    return platform


@pytest.fixture(scope="session")
def web(workers: LocalPlatform) -> LocalPlatform:
    """The platform with the API as a process."""
    workers.start_processes(["web"])
    return workers


@pytest.fixture
async def clean(database: Database) -> None:
    """Nothing in any table."""
    await empty(database)


@pytest.fixture(scope="session")
async def quiet_server(platform: LocalPlatform, database: Database) -> AsyncIterator[Database]:
    """A second database in the same server, which no scheduler and no worker knows."""
    await database.execute("CREATE DATABASE quiet")
    url = platform.owner_url.rpartition("/")[0] + "/quiet"
    await asyncio.to_thread(upgrade, url)
    quiet = Database(url, pool_size=5, application="bellwork-tests")
    from tests.support.probes import CREATE_EFFECTS

    await quiet.execute(CREATE_EFFECTS)
    yield quiet
    await quiet.close()


@pytest.fixture
async def quiet_database(quiet_server: Database) -> Database:
    """For tests that do the scheduler's and the worker's part themselves; nothing is in any table."""
    await empty(quiet_server)
    return quiet_server


@pytest.fixture
async def session(database: Database, clean: None) -> AsyncIterator[AsyncSession]:
    """A transaction that is committed at the end of the test."""
    async with database.transaction() as session:
        yield session


@pytest.fixture(scope="session")
async def app(platform: LocalPlatform, settings: Settings) -> AsyncIterator[Litestar]:
    import tests.support.probes  # noqa: F401
    from api.app import create_app

    app = create_app(settings)
    started, ending = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        """In one task, as the server does it."""
        async with app.lifespan():
            started.set()
            await ending.wait()

    life = asyncio.create_task(live())
    await started.wait()
    yield app
    ending.set()
    await life


@pytest.fixture(scope="session")
async def quiet_app(quiet_server: Database, settings: Settings) -> AsyncIterator[Litestar]:
    """Over the quiet database: what is asked of it stays as it is asked."""
    import tests.support.probes  # noqa: F401
    from api.app import create_app

    app = create_app(settings.model_copy(update={"database_url": quiet_server.url}))
    yield app
    await app.state.quota.close()
    await app.state.nudger.settle()
    await app.state.database.close()


@pytest.fixture
async def anonymous(app: Litestar, clean: None) -> AsyncIterator[ApiClient]:
    """Calls the API in this process, without credentials."""
    async with calling(app) as client:
        yield client


@pytest.fixture
async def client(anonymous: ApiClient, database: Database) -> ApiClient:
    """An administrator's client."""
    return await sign_in(anonymous, database, "admin")


@pytest.fixture
async def quiet_anonymous(quiet_app: Litestar, quiet_database: Database) -> AsyncIterator[ApiClient]:
    """Calls an API whose jobs stay queued and whose schedules do not fire, without credentials."""
    from models.jobs.pace import PaceReader

    quiet_app.state.pace = PaceReader()  # the one before remembers another test's jobs
    async with calling(quiet_app) as client:
        yield client


@pytest.fixture
async def quiet_client(quiet_anonymous: ApiClient, quiet_database: Database) -> ApiClient:
    return await sign_in(quiet_anonymous, quiet_database, "admin")


def calling(app: Litestar) -> ApiClient:
    transport = httpx.ASGITransport(cast(Any, app), raise_app_exceptions=False)
    return ApiClient(transport=transport, base_url="http://test/api/v1")


async def empty(database: Database) -> None:
    """Delete what is there; most tests touch few tables, and truncating all of them takes longer than most tests.

    As a replica would: no trigger writes the trail of it, or looks for what refers to the rows.
    """
    names = ["probe_effects", *(table.name for table in reversed(Base.metadata.sorted_tables))]
    filled = " UNION ALL ".join(f"SELECT '{name}' AS name WHERE EXISTS (SELECT FROM {name})" for name in names)
    while full := {row["name"] for row in await database.fetch(filled)}:
        try:
            deletions = (f"DELETE FROM {name}" for name in names if name in full)
            await database.execute(";".join(["SET LOCAL session_replication_role = replica", *deletions]))
        except (asyncpg.DeadlockDetectedError, asyncpg.ForeignKeyViolationError):
            # What the workers still do for the test before is in the way.
            continue


async def sign_in(client: ApiClient, database: Database, role: str) -> ApiClient:
    """The same client, with the access token of a new user of the role."""
    from models.identity.services.sessions import open_session
    from models.identity.tables import User
    from models.identity.values import Client

    async with database.transaction() as session:
        user = User(email=f"{role}@example.com", name=role.title(), role=role)
        session.add(user)
        await session.flush()
        opened = await open_session(session, get_settings(), user.id, None, Client("127.0.0.1", "127.0.0.1"))
    client.headers["Authorization"] = f"Bearer {opened.access_token}"
    return client
