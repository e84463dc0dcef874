"""`bellwork jobs logs`: what a job's handler said."""

import asyncio
from typing import Annotated

import typer

from cli.database import run_on_database
from cli.options import JobId
from cli.screen import say
from cli.watching import WATCH_SECONDS
from cli.words import time_of
from models.jobs.logs import LogLine, list_lines
from models.jobs.records import NOTHING
from models.jobs.rules import LogLevel
from models.jobs.service import get_job
from models.kernel.session import Database

STYLES = {LogLevel.INFO: "", LogLevel.WARNING: "yellow", LogLevel.ERROR: "red"}


def logs(
    job_id: JobId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
    level: Annotated[list[LogLevel] | None, typer.Option(help="Only this level; may be given again.")] = None,
    attempt: Annotated[int | None, typer.Option(min=1, help="Only of this attempt.")] = None,
) -> None:
    """The lines of a job's log, of all its attempts."""

    async def read(database: Database) -> int:
        last = 0
        while True:
            job = await get_job(database, job_id)  # before its lines: of one that has ended all are there
            while lines := await list_lines(database, job_id, after=last, levels=level, attempt=attempt):
                last = lines[-1].number
                for line in lines:
                    _show(line)
            if job.finished or not follow:
                return last
            await asyncio.sleep(WATCH_SECONDS)

    if not run_on_database(read):
        say("There are no such lines." if level or attempt else "Its handler has said nothing.")


def _show(line: LogLine) -> None:
    fields = "" if line.fields == NOTHING else bytes(line.fields).decode()
    text = f"{time_of(line.at)} {line.attempt} {line.level:<7} {line.message} {fields}"
    say((text.rstrip(), STYLES[line.level]))
