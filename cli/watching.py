"""`bellwork jobs watch`: a live bar in a terminal, elsewhere a line for each thing that has changed."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import typer
from rich.progress import BarColumn, Progress, TimeElapsedColumn

from cli.database import run_on_database
from cli.options import JobId
from cli.screen import Words, console, say
from models.jobs.records import JobRecord
from models.jobs.rules import JobStatus
from models.jobs.service import get_job
from models.kernel.session import Database

WATCH_SECONDS = 0.5
BAR_WIDTH = 20
Tell = Callable[[JobRecord], None]


def watch(job_id: JobId) -> None:
    """Follow a job with a live bar until it ends; exits 1 when it does not succeed."""
    job = run_on_database(lambda database: _follow(database, job_id))
    if job.status != JobStatus.SUCCEEDED:
        say(bytes(job.error).decode())
        raise typer.Exit(1)


async def _follow(database: Database, job_id: UUID) -> JobRecord:
    job = await get_job(database, job_id)
    with _bar() if console.is_terminal else _lines() as tell:
        while True:
            tell(job)
            if job.finished:
                return job
            await asyncio.sleep(WATCH_SECONDS)
            job = await get_job(database, job_id)


@contextmanager
def _bar() -> Iterator[Tell]:
    columns = (Words("state"), BarColumn(BAR_WIDTH), Words("progress"), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=None, state="", progress="")

        def tell(job: JobRecord) -> None:
            bar.update(
                task, completed=job.progress_current or 0, total=job.progress_total, state=_state(job),
                progress=_progress(job),
            )  # fmt: skip

        yield tell


@contextmanager
def _lines() -> Iterator[Tell]:
    told = ""

    def tell(job: JobRecord) -> None:
        nonlocal told
        now = f"{_state(job)} {_progress(job)}".rstrip()
        if now != told:
            told = now
            say(now)

    yield tell


def _state(job: JobRecord) -> str:
    return f"{job.kind} {job.status}"


def _progress(job: JobRecord) -> str:
    if job.progress_current is None:
        return ""
    return f"{job.progress_current}/{job.progress_total or '?'} {job.progress_message or ''}".rstrip()
