"""Another broker by its URL alone: a real RabbitMQ where it is installed (Debian's package rabbitmq-server)."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from kombu.connection import Connection

from cli.embedded.ports import choose_port
from cli.platform import LocalPlatform
from models.jobs.service import enqueue, get_job
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


@asynccontextmanager
async def rabbitmq(folder: Path) -> AsyncIterator[str]:
    """A node of its own on free ports of the loopback; gives its URL."""
    port, distribution = choose_port(), choose_port()
    config = folder / "rabbitmq.conf"
    config.write_text(f"listeners.tcp.local = 127.0.0.1:{port}\nloopback_users = none\n")
    (folder / "enabled_plugins").write_text("[].\n")
    env = {
        **os.environ, "HOME": str(folder), "RABBITMQ_NODENAME": f"bellwork{port}@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"), "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(config.with_suffix("")), "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"), "ERL_EPMD_ADDRESS": "127.0.0.1",
    }  # fmt: skip
    url = f"amqp://guest:guest@127.0.0.1:{port}//"

    async def answers() -> bool:
        return await asyncio.to_thread(_connects, url)

    async with process(str(SERVER), cwd=folder, env=env, log=folder / "rabbitmq.log"):
        await eventually(answers, within=90)
        yield url


def _connects(url: str) -> bool:
    try:
        with Connection(url, connect_timeout=2) as connection:  # type: ignore[no-untyped-call]
            connection.connect()
            return True
    except OSError:
        return False


async def test_jobs_run_once_each_over_rabbitmq(platform: LocalPlatform, quiet_database: Database) -> None:
    with server_folder() as folder:
        async with rabbitmq(folder) as url:
            env = {**platform.env, "BELLWORK_DATABASE_URL": quiet_database.url, "BELLWORK_BROKER_URL": url}
            celery = ("-m", "celery", "-A", "tests.support.worker:celery", "worker", "--concurrency", "1")
            async with (
                process(sys.executable, "-m", "tests.support.scheduler",
                        cwd=platform.root, env=env, log=folder / "scheduler.log"),
                process(sys.executable, *celery, "--hostname", "rabbit@%h", "--queues", "default,bulk",
                        cwd=platform.root, env=env, log=folder / "worker.log"),
            ):  # fmt: skip
                await _run_jobs(quiet_database)


async def _run_jobs(database: Database) -> None:
    jobs = [await enqueue(database, SYSTEM, Effect(label="rabbit")) for _ in range(JOBS)]

    async def ended() -> bool:
        return all([(await get_job(database, job.id)).finished for job in jobs])

    await eventually(ended, within=60)
    assert {(await get_job(database, job.id)).status for job in jobs} == {"succeeded"}
    rows = await database.fetch("SELECT count(*) AS n, count(DISTINCT job_id) AS d FROM probe_effects")
    assert (rows[0]["n"], rows[0]["d"]) == (JOBS, JOBS)
