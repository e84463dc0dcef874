"""Following a job to its end, as a process of its own: where its output goes decides what it shows."""

import asyncio
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from models.jobs.lifecycle import close, report_progress
from models.jobs.rules import Progress
from models.kernel.session import Database
from tasks.outcomes import after_success
from tests.cli.conftest import Bellwork
from tests.cli.test_jobs import claim_now, fail, waiting
from tests.support.client import ApiClient
from tests.support.servers import REPOSITORY


class Spectator:
    """Runs a command and reads what it shows, as far as it is asked to."""

    def __init__(self, process: subprocess.Popen[bytes], output: int) -> None:
        self.process = process
        self._output = output
        self.seen = ""

    async def sees(self, text: str) -> None:
        while text not in self.seen:
            more = await asyncio.to_thread(os.read, self._output, 4096)
            assert more, f"it ended without {text!r}: {self.seen}"
            self.seen += more.decode()

    async def sees_the_end(self) -> int:
        """The exit code."""
        return await asyncio.to_thread(self.process.wait)


@contextmanager
def spectator(job_id: str, *, in_terminal: bool) -> Iterator[Spectator]:
    reading, writing = pty.openpty() if in_terminal else os.pipe()
    command = [sys.executable, "-m", "cli.main", "jobs", "watch", job_id]
    env = {**os.environ, "COLUMNS": "120", "TERM": "xterm"}
    with subprocess.Popen(command, cwd=REPOSITORY, env=env, stdout=writing, stderr=writing) as process:
        os.close(writing)
        try:
            yield Spectator(process, reading)
        finally:
            process.kill()
            os.close(reading)


@pytest.mark.parametrize("in_terminal", [False, True], ids=["in a pipe", "in a terminal"])
async def test_each_step_of_a_running_job_is_shown_as_it_is_made(
    client: ApiClient, database: Database, in_terminal: bool
) -> None:
    job_id = await waiting(client)
    with spectator(job_id, in_terminal=in_terminal) as watching:
        await watching.sees("probe.echo scheduled")
        job = await claim_now(database, job_id)
        await watching.sees("probe.echo running")
        for step in range(1, 4):
            assert f"{step}/3" not in watching.seen
            await report_progress(database, job, Progress(step, 3, f"[/b] step {step}"))
            await watching.sees(f"{step}/3 [/b] step {step}")
        await close(database, job, after_success(b"{}", 0.1))
        await watching.sees("probe.echo succeeded")
        assert await watching.sees_the_end() == 0


async def test_a_job_that_fails_is_followed_to_its_error(client: ApiClient, database: Database) -> None:
    job_id = await waiting(client)
    with spectator(job_id, in_terminal=False) as watching:
        await watching.sees("probe.echo scheduled\n")
        await fail(database, job_id, "2026-05-01T12:00:00Z", message="[/b] is full")
        await watching.sees('probe.echo failed\n{"code": "DISK_FULL", "message": "[/b] is full"}\n')
        assert await watching.sees_the_end() == 1


async def test_of_a_job_that_has_ended_its_end_is_told(client: ApiClient, bellwork: Bellwork) -> None:
    job_id = await waiting(client)
    await client.expect(200, "POST", f"/jobs/{job_id}/cancel")
    assert (await bellwork("jobs", "watch", job_id, code=1)).startswith("probe.echo cancelled\n")
