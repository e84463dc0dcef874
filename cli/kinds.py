"""`bellwork kinds`: what there is to do, how fast it goes, and what is paused."""

from typing import Annotated

import typer

from cli.database import run_on_database
from cli.options import check_kind
from cli.screen import say, show_rows
from cli.words import duration_of, limits_of, time_of
from models.jobs.kinds import JobKind, all_kinds, kind_named
from models.jobs.operations import Pause, pause_kind, read_pauses, resume_kind
from models.jobs.pace import Pace, PaceReader, Quantiles
from models.kernel.actor import SYSTEM
from models.kernel.session import Database

app = typer.Typer()
Name = Annotated[str, typer.Argument(metavar="KIND", help="Its name, as `bellwork kinds` shows it.")]
COLUMNS = (
    ("kind", "paused"), ("queue", "limits"), ("attempts", "time limit"), ("wait p50/p95", "run p50/p95"),
)  # fmt: skip


@app.callback(invoke_without_command=True)
def list_(context: typer.Context) -> None:
    """All kinds of jobs, and what is paused; pause and resume one.

    The last 200 jobs of a kind that succeeded tell how long one waits and runs: the median, and the 95th percentile.
    """
    if context.invoked_subcommand is None:
        show_rows(COLUMNS, run_on_database(_read))


@app.command()
def pause(name: Name) -> None:
    """Let no job of the kind start: they are accepted and wait; those that run, run on."""
    check_kind(name)

    async def act(database: Database) -> Pause:
        async with database.transaction() as session:
            await pause_kind(session, SYSTEM, kind_named(name).name)
            return (await read_pauses(session))[name]

    say(f"{name} is {_paused(run_on_database(act))}: its jobs are accepted and wait; those that run, run on.")


@app.command()
def resume(name: Name) -> None:
    """Let its jobs start again."""
    check_kind(name)

    async def act(database: Database) -> Pause | None:
        async with database.transaction() as session:
            before = (await read_pauses(session)).get(name)
            await resume_kind(session, kind_named(name).name)
            return before

    before = run_on_database(act)
    say(f"{name} runs again; it was {_paused(before)}." if before else f"{name} was not paused.")


async def _read(database: Database) -> list[list[str]]:
    pauses, paces = await read_pauses(database), PaceReader()
    return [_cells(kind, pauses.get(kind.name), await paces.pace(database, kind.name)) for kind in all_kinds()]


def _cells(kind: JobKind, pause: Pause | None, pace: Pace) -> list[str]:
    return [
        kind.name, _paused(pause), kind.queue, limits_of(kind.limits), str(kind.retry.max_attempts),
        duration_of(kind.time_limit_seconds), _quantiles(pace.wait), _quantiles(pace.run),
    ]  # fmt: skip


def _paused(pause: Pause | None) -> str:
    return f"paused since {time_of(pause.at)} by {pause.by}" if pause else ""


def _quantiles(seconds: Quantiles | None) -> str:
    return f"{duration_of(max(seconds.p50, 0))}/{duration_of(max(seconds.p95, 0))}" if seconds else ""
