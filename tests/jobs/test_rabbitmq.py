"""Another broker by its URL alone: a real RabbitMQ where it is installed (Debian's package rabbitmq-server)."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from kombu.connection import Connection

from cli.embedded.ports import choose_port
from cli.platform import LocalPlatform
from models.jobs.service import enqueue_many, get_job
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from tests.support.client import eventually
from tests.support.probes import Effect
from tests.support.servers import server_folder

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
JOBS = 20

pytestmark = [
    pytest.mark.skipif(not SERVER.exists(), reason="RabbitMQ is not installed (apt-get install rabbitmq-server)"),
    pytest.mark.skipif(shutil.which("epmd") is None, reason="Erlang's epmd is not installed"),
    pytest.mark.timeout(180),
]


@asynccontextmanager
async def process(*command: str, cwd: Path, env: dict[str, str], log: Path) -> AsyncIterator[None]:
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(*command, cwd=cwd, env=env, stdout=output, stderr=output)
    try:
        yield
    finally:
        child.terminate()
        await child.wait()


class RabbitMQ:
    """A node of its own on free ports of the loopback. What its queues held is gone when it starts again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        port, distribution = choose_port(), choose_port()
        config = folder / "rabbitmq.conf"
        config.write_text(f"listeners.tcp.local = 127.0.0.1:{port}\nloopback_users = none\n")
        (folder / "enabled_plugins").write_text("[].\n")
        self._env = {
            **os.environ, "HOME": str(folder), "RABBITMQ_NODENAME": f"bellwork{port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(folder / "data"), "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(config.with_suffix("")), "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"), "ERL_EPMD_ADDRESS": "127.0.0.1",
        }  # fmt: skip
        self.url = f"amqp://guest:guest@127.0.0.1:{port}//"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async def answers() -> bool:
            return await asyncio.to_thread(_connects, self.url)

        shutil.rmtree(self._folder / "data", ignore_errors=True)
        async with process(str(SERVER), cwd=self._folder, env=self._env, log=self._folder / "rabbitmq.log"):
            await eventually(answers, within=90)
            yield


def _connects(url: str) -> bool:
    try:
        with Connection(url, connect_timeout=2) as connection:  # type: ignore[no-untyped-call]
            connection.connect()
            return True
    except OSError:
        return False


async def test_jobs_run_once_each_over_rabbitmq_also_when_it_loses_them(
    platform: LocalPlatform, quiet_database: Database
) -> None:
    with server_folder() as folder:
        rabbitmq = RabbitMQ(folder)
        env = {**platform.env, "BELLWORK_DATABASE_URL": quiet_database.url, "BELLWORK_BROKER_URL": rabbitmq.url}
        celery = ("-m", "celery", "-A", "tests.support.worker:celery", "worker", "--concurrency", "1")
        async with (
            process(sys.executable, "-m", "tests.support.scheduler",
                    cwd=platform.root, env=env, log=folder / "scheduler.log"),
            process(sys.executable, *celery, "--hostname", "rabbit@%h", "--queues", "default,bulk",
                    cwd=platform.root, env=env, log=folder / "worker.log"),
        ):  # fmt: skip
            async with rabbitmq.running():
                await _run(quiet_database, await _ask(quiet_database))
                await eventually(lambda: _served(quiet_database), within=60)
            waiting = await _ask(quiet_database)
            await eventually(lambda: _misses_broker(quiet_database), within=60)
            async with rabbitmq.running():
                await _run(quiet_database, waiting)
    rows = await quiet_database.fetch("SELECT count(*) AS n, count(DISTINCT job_id) AS d FROM probe_effects")
    assert (rows[0]["n"], rows[0]["d"]) == (2 * JOBS, 2 * JOBS)


async def _ask(database: Database) -> list[UUID]:
    return await enqueue_many(database, SYSTEM, [Effect(label="rabbit") for _ in range(JOBS)])


async def _run(database: Database, jobs: list[UUID]) -> None:
    async def ended() -> bool:
        return all([(await get_job(database, job)).finished for job in jobs])

    await eventually(ended, within=60)
    assert {(await get_job(database, job)).status for job in jobs} == {"succeeded"}


async def _served(database: Database) -> bool:
    """Canaries come by the queues, too."""
    rows = await database.fetch("SELECT queue FROM lanes WHERE worker LIKE 'rabbit@%'")
    return {row["queue"] for row in rows} == {"default", "bulk"}


async def _misses_broker(database: Database) -> bool:
    return bool(await database.fetch("SELECT FROM schedulers_seen WHERE broker_away"))
