"""Where it happens: servers with their usual durability, two processes of each sort, and the counter outside."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx
from redis import Redis

from cli.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.embedded.ports import choose_port
from cli.environment import given_settings
from cli.platform import LocalPlatform, PlatformError
from cli.processes import ProcessGroup, ProcessSpec
from cli.procfile import read_procfile
from models.identity.caller import Caller
from models.identity.permissions import Role
from models.identity.services.api_keys import create_api_key
from models.kernel.session import Database
from tests.chaos.plan import Plan
from tests.chaos.tables import CREATE_EFFECTS, CREATE_HISTORY

ROOT = Path(__file__).parents[2]
OWNERS = 3
T = TypeVar("T")


class Stage:
    """`processes` are named as in the Procfile; servers are stopped and started through `with_servers` only."""

    def __init__(self, platform: LocalPlatform, keeper: ThreadPoolExecutor) -> None:
        self._platform = platform
        self._keeper = keeper
        self.api_keys: list[str] = []
        self.apis: list[str] = []
        self.counter = f"http://127.0.0.1:{choose_port()}"

    @property
    def processes(self) -> ProcessGroup:
        return self._platform.processes

    @property
    def postgres(self) -> EmbeddedPostgres:
        assert self._platform.postgres is not None
        return self._platform.postgres

    @property
    def valkey(self) -> EmbeddedValkey:
        assert self._platform.valkey is not None
        return self._platform.valkey

    async def with_servers(self, work: Callable[..., T], *args: Any) -> T:
        """In the thread that lives as long as the servers should."""
        return await asyncio.get_running_loop().run_in_executor(self._keeper, work, *args)

    async def sql(self, statement: str, *args: Any) -> list[asyncpg.Record]:
        """On a connection of its own, since no pool is sure to survive."""
        connection = await asyncpg.connect(self.postgres.url, timeout=10)
        try:
            return list(await connection.fetch(statement, *args, timeout=60))
        finally:
            await connection.close(timeout=5)

    def flush(self) -> None:
        with Redis.from_url(self.valkey.url) as broker:
            broker.flushall()

    def pids(self, name: str) -> list[int]:
        """The process and all of its group, the process itself first; empty while it is down."""
        leader = self.processes.pid(name)
        if leader is None:
            return []
        listing = subprocess.run(["ps", "-A", "-o", "pid=,pgid="], capture_output=True, text=True, check=True).stdout
        rows = [tuple(map(int, line.split())) for line in listing.splitlines()]
        return [leader, *(pid for pid, group in rows if group == leader and pid != leader)]

    async def prepare(self) -> None:
        connection = await asyncpg.connect(self.postgres.url, timeout=10)
        await connection.execute(CREATE_EFFECTS + CREATE_HISTORY)
        await connection.close()
        database = Database(self.postgres.url, pool_size=1)
        root = Caller(kind="system", role=Role.ADMIN, scopes=frozenset({"*"}))
        async with database.transaction() as session:
            for number in range(OWNERS):
                key = await create_api_key(
                    session, root, name=f"chaos {number}", scopes=["*"], live=True, expires_at=None
                )
                self.api_keys.append(key.secret)
        await database.close()

    def start_processes(self) -> None:
        ports = [choose_port() for _ in range(2)]
        self.apis = [f"http://127.0.0.1:{port}" for port in ports]
        env = {
            **self._platform.env, "CHAOS_COUNTER_URL": self.counter,
            "CHAOS_PORT_A": str(ports[0]), "CHAOS_PORT_B": str(ports[1]),
        }  # fmt: skip
        commands = read_procfile(self._platform.procfile, env)
        self.processes.start([ProcessSpec(name, commands[name], env, self._readiness(name)) for name in commands])

    def _readiness(self, name: str) -> Callable[[], bool] | None:
        if name.startswith("api"):
            return partial(_answers, self.apis["ab".index(name[-1])] + "/health/ready")
        if name.startswith("worker"):
            return partial(_says, self._platform.state_dir / "log" / f"{name}.log", " ready.")
        return partial(_answers, self.counter + "/calls") if name == "counter" else None


@asynccontextmanager
async def running_stage(plan: Plan, folder: Path, tell: Callable[[str], None]) -> AsyncIterator[Stage]:
    """Raises PlatformError when the environment names servers: this suite kills those it uses."""
    servers = ("BELLWORK_DATABASE_URL", "BELLWORK_REDIS_URL", "BELLWORK_BROKER_URL")
    if named := [name for name in servers if given_settings(ROOT).get(name)]:
        raise PlatformError(f"the chaos suite kills the servers it uses; run it without {', '.join(named)}")
    platform = LocalPlatform(
        ROOT, state_dir=folder, procfile=ROOT / "tests/chaos/Procfile", settings=plan.settings, on_progress=tell
    )
    with ThreadPoolExecutor(1, "keeper-of-servers") as keeper:
        stage = Stage(platform, keeper)
        try:
            await stage.with_servers(partial(platform.start, processes=[]))
            await stage.prepare()
            await asyncio.to_thread(stage.start_processes)
            yield stage
        finally:
            await stage.with_servers(platform.stop)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _says(log: Path, text: str) -> bool:
    return text in log.read_text()
