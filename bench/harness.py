"""What every figure shares: one platform for ours, peers and limits, and interleaved runs."""

import asyncio
import importlib.metadata
import os
import platform as host
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import asyncpg
import httpx
import redis
import uvloop

from bench.cpu import cpu_seconds
from bench.profiles import profiled
from bench.results import Measured, Taken
from cli.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.embedded.ports import choose_port
from cli.embedded.privileges import remove_home
from cli.platform import LocalPlatform
from cli.processes import ProcessGroup, ProcessSpec
from cli.procfile import read_procfile
from models.identity.caller import Caller
from models.identity.permissions import Role
from models.identity.services.api_keys import create_api_key
from models.jobs.rules import Queue
from models.kernel.session import Database, Row

ROOT = Path(__file__).parents[1]
SETTINGS = {
    "BELLWORK_ENV": "test",
    "BELLWORK_API_PORT": "0",
    "BELLWORK_FLOWER_PORT": "0",
    "BELLWORK_LOG_LEVEL": "INFO",
    "BELLWORK_RATE_LIMIT_GENERAL": "100000000",
}
SERVERS = frozenset({EmbeddedPostgres.name, EmbeddedValkey.name})
MANY_FILES = 20_000
QUEUES = [*(queue.value for queue in Queue), "celery", "held"]
KEPT = {"users", "api_keys", "alembic_version"}
JOB_TABLES = {"jobs", "job_attempts"}
T = TypeVar("T")
Run = Callable[[], float]


class Contenders(NamedTuple):
    """Each call is one run and returns its figure. `others` are further peers, by name."""

    ours: Run
    peer: Run | None = None
    limit: Run | None = None
    others: Mapping[str, Run] = {}

    def all(self) -> dict[str, Run]:
        named = {"ours": self.ours, "peer": self.peer, "limit": self.limit}
        return {**{name: run for name, run in named.items() if run is not None}, **self.others}


@dataclass(frozen=True)
class Figure:
    """`contenders` gets everything ready and cleans up after the last run.

    Where `repeated` is False, one run counts, with none before it: for what takes minutes.
    """

    name: str
    unit: str
    peer: str
    limit: str
    contenders: Callable[["Stage"], AbstractContextManager[Contenders]]
    lower_is_better: bool = False
    repeated: bool = True


@dataclass
class Stage:
    """The servers, with what figures do to them. Everything asynchronous runs on one loop."""

    platform: LocalPlatform
    runner: asyncio.Runner
    database: Database
    output: Path
    scale: float = 1.0
    profile: bool = False
    kept: UUID | None = None
    run_name: str = ""
    recorded: dict[str, float] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    _groups: list[ProcessGroup] = field(default_factory=list)

    @property
    def api(self) -> str:
        return self.platform.urls["api"]

    @property
    def redis_url(self) -> str:
        """Ours; peers have the next database of the same server."""
        return self.platform.settings["BELLWORK_REDIS_URL"]

    @property
    def peer_redis_url(self) -> str:
        return os.environ["BENCH_PEER_REDIS_URL"]

    def scaled(self, size: int) -> int:
        """A size of a figure, made smaller by `--scale`."""
        return max(round(size * self.scale), 10)

    @property
    def peer_database_url(self) -> str:
        return os.environ["BENCH_PEER_DATABASE_URL"]

    def run(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return self.runner.run(awaited())

    def sql(self, statement: str, *args: Any) -> list[Row]:
        """Without the time limit of the platform's own statements, for filling tables takes its time; and without
        triggers, so neither with the trail of changes nor with checks of references."""
        return self.run(_fetch(self.platform.owner_url, statement, *args))

    def peer_sql(self, statement: str, *args: Any) -> list[Row]:
        return self.run(_fetch(self.peer_database_url, statement, *args))

    def empty(self) -> None:
        """Nothing in any table, no message in any queue; users, their keys and jobs up to `kept` stay."""
        names = {row["tablename"] for row in self.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        if self.kept is not None:
            names -= JOB_TABLES
            self.sql("DELETE FROM job_attempts WHERE job_id > $1", self.kept)
            self.sql("DELETE FROM jobs WHERE id > $1", self.kept)
        self.sql(f"TRUNCATE {', '.join(names - KEPT)} RESTART IDENTITY CASCADE")
        for url in (self.redis_url, self.peer_redis_url):
            with redis.from_url(url) as client:
                client.delete(*QUEUES)

    def empty_peers(self) -> None:
        """Nothing is left of any peer. None of their processes may run."""
        with redis.from_url(self.peer_redis_url) as client:
            client.flushdb()
        self.sql("DROP DATABASE IF EXISTS peers WITH (FORCE)")
        self.sql("CREATE DATABASE peers")

    def api_key(self) -> str:
        async def create() -> str:
            root = Caller(kind="system", role=Role.ADMIN, scopes=frozenset({"*"}))
            async with self.database.transaction() as session:
                return (
                    await create_api_key(session, root, name="bench", scopes=["*"], live=True, expires_at=None)
                ).secret

        return self.run(create())

    @contextmanager
    def processes(self, *names: str, **ports: str) -> Iterator[dict[str, str]]:
        """Run these lines of bench/Procfile; gives the base URLs of `peer` and `limit`.

        A process with a URL is ready when that answers, our workers when their logs say so; the others get their time
        by the run that is not counted.
        """
        urls = {name: f"http://127.0.0.1:{choose_port(None)}" for name in ("peer", "limit")}
        env = {
            **os.environ,
            "BENCH_PEER_PORT": urls["peer"].rpartition(":")[2],
            "BENCH_LIMIT_PORT": urls["limit"].rpartition(":")[2],
        }
        commands = read_procfile(ROOT / "bench/Procfile", env)
        group = ProcessGroup(self.platform.state_dir / "log", ROOT)
        ready = {"web": self.api + "/health/ready", "peer-web": urls["peer"] + "/", "limit-web": urls["limit"] + "/"}
        try:
            group.start([ProcessSpec(name, commands[name], env, self._readiness(name, ready)) for name in names])
            self._groups.append(group)
            yield urls
        finally:
            group.stop()
            self._groups = [each for each in self._groups if each is not group]

    def _readiness(self, name: str, urls: dict[str, str]) -> Callable[[], bool] | None:
        if name in urls:
            return partial(_answers, urls[name])
        if name.startswith("worker"):
            return partial(_listens, self.platform.state_dir / "log" / f"{name}.log")
        return None

    @property
    def pids(self) -> dict[str, int]:
        """The servers and the processes that run now."""
        place = self.platform
        servers = {server.name: server.pid for server in (place.postgres, place.valkey) if server is not None}
        running = {name: group.pid(name) for group in self._groups for name in group.names}
        return {name: pid for name, pid in {**running, **servers}.items() if pid is not None}

    def pause(self, *names: str) -> None:
        """Freeze processes with their children, until `resume`."""
        self._signal(names, signal.SIGSTOP)

    def resume(self, *names: str) -> None:
        self._signal(names, signal.SIGCONT)

    def _signal(self, names: tuple[str, ...], number: int) -> None:
        for name in names:
            os.killpg(self.pids[name], number)

    @contextmanager
    def cost(self, jobs: int) -> Iterator[None]:
        """Record the CPU time that each process spends on one of so many jobs; with `--profile`, where it goes."""
        with profiled(self.pids, self.output / "profiles" / self.run_name, wanted=self.profile):
            before = cpu_seconds(self.pids, SERVERS)
            yield
            after = cpu_seconds(self.pids, SERVERS)
        costs = {name: (after[name] - before.get(name, 0.0)) / jobs * 1000 for name in after}
        self.record(**{f"{name} CPU ms": cost for name, cost in costs.items()}, **{"all CPU ms": sum(costs.values())})

    def record(self, **details: float) -> None:
        """Keep what was taken beside the figure of this run; names end in their unit."""
        self.recorded |= details

    def note(self, figure: str, text: str) -> None:
        notes = self.notes.setdefault(figure, [])
        if text not in notes:
            notes.append(text)


@contextmanager
def stage(
    output: Path, on_progress: Callable[[str], None], *, scale: float = 1.0, profile: bool = False
) -> Iterator[Stage]:
    """PostgreSQL and Valkey with their usual durability, in a folder that is removed afterwards."""
    _open_many_files()
    folder = output / "servers"
    _remove(folder)
    place = LocalPlatform(ROOT, state_dir=folder, settings=SETTINGS, fsync=True, on_progress=on_progress)
    with place, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        place.start(processes=[])
        redis_url = place.settings["BELLWORK_REDIS_URL"]
        os.environ.update(
            place.settings, BENCH_PEER_REDIS_URL=redis_url.rpartition("/")[0] + "/1",
            BENCH_PEER_DATABASE_URL=place.owner_url.rpartition("/")[0] + "/peers",
        )  # fmt: skip
        database = Database(place.owner_url, pool_size=5, application="bellwork-bench", statement_seconds=None)
        try:
            yield Stage(place, runner, database, output, scale, profile)
        finally:
            runner.run(database.close())
            place.stop()
            _remove(folder)


def _open_many_files() -> None:
    """A shell's usual 1,024 are too few for a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, MANY_FILES)
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _remove(folder: Path) -> None:
    for server in (EmbeddedPostgres, EmbeddedValkey):
        remove_home(folder / server.name)
    shutil.rmtree(folder, ignore_errors=True)


def measure(figure: Figure, stage: Stage, runs: int, on_run: Callable[[str, int], None]) -> tuple[Measured, Taken]:
    """Ours, peer, limit, ours, peer, limit …, after one run of each that is not counted."""
    taken = Taken()
    with figure.contenders(stage) as contenders:
        for number in range(runs + 1) if figure.repeated else (1,):
            for name, run in contenders.all().items():
                on_run(name, number)
                stage.recorded.clear()
                stage.run_name = f"{figure.name}-{name}".replace(" ", "-")
                try:
                    value = run()
                except Exception as error:
                    error.add_note(f"{figure.name}: in run {number} of {name}")
                    raise
                if number:
                    taken.add(name, value, stage.recorded)
    notes = stage.notes.get(figure.name, [])
    return taken.measured(figure.name, figure.unit, figure.lower_is_better, notes), taken


def machine(stage: Stage) -> dict[str, Any]:
    with redis.from_url(stage.redis_url) as client:
        info = client.info("server")
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{host.system()} {host.release()}",
        "load_before": round(os.getloadavg()[0], 2),
        "python": host.python_version(),
        "postgresql": stage.sql("SHOW server_version")[0]["server_version"],
        "valkey": info.get("valkey_version", info["redis_version"]),
        "durability": "fsync on, synchronous_commit on; append-only file synced each second",
        "libraries": {
            name: importlib.metadata.version(name)
            for name in ("celery", "litestar", "granian", "fastapi", "uvicorn", "asyncpg")
        },
    }


def _cpu_model() -> str:
    if sys.platform == "darwin":
        return subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True
        ).stdout.strip()
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), host.machine())


async def _fetch(url: str, statement: str, *args: Any) -> list[Row]:
    connection = await asyncpg.connect(url, server_settings={"session_replication_role": "replica"})
    try:
        return list(await connection.fetch(statement, *args))
    finally:
        await connection.close()


def until(done: Callable[[], bool], pause: float = 0.02, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done after {seconds:g} s")
        time.sleep(pause)


def _listens(log: Path) -> bool:
    return " ready." in log.read_text()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
