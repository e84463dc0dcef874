"""`bellwork jobs` and `bellwork queues`: what an operator does, straight on the database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import models.all_contexts  # noqa: F401
from cli.environment import adopt_settings
from models.jobs import operations
from models.jobs.dispatching import list_paused
from models.jobs.logs import count_lines
from models.jobs.records import JobRecord
from models.jobs.rules import JobStatus
from models.jobs.service import JobPage, get_job, list_attempts, list_jobs, retry_job
from models.jobs.statistics import read_statistics
from models.jobs.waiting import JobPatch, lock_job, move_job
from models.kernel.errors import DomainError
from models.kernel.session import Database
from models.kernel.settings import SettingsError, load_settings
from models.kernel.signals import Nudger
from models.kernel.validation import convert

app = typer.Typer(no_args_is_help=True, help="Look at jobs and act on them.")
console = Console(highlight=False)
T = TypeVar("T")
JobId = Annotated[UUID, typer.Argument(help="The job's id, as the API and Flower show it.")]
Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", metavar="|".join(JobStatus), help="Only in this state; any of several with commas."),
]
WATCH_SECONDS = 0.5


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Option(help="Only this kind.")] = None,
    status: Statuses = None,
    queue: Annotated[str | None, typer.Option(help="Only this queue.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only this owner's, such as user:0198….")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only with this tag; again: or with that one.")] = None,
    error_code: Annotated[str | None, typer.Option(help="Only with this error, such as EXPIRED.")] = None,
    dedupe_key: Annotated[str | None, typer.Option(help="Only with this key.")] = None,
    schedule: Annotated[UUID | None, typer.Option(help="Only this schedule's.")] = None,
    request: Annotated[str | None, typer.Option(help="Only what this request (its X-Request-ID) asked for.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
) -> None:
    """The newest jobs."""
    page = JobPage(
        kind=kind, status=statuses_of(status), queue=queue, owner=owner, tag=tag or None, error_code=error_code,
        dedupe_key=dedupe_key, schedule_id=schedule, request_id=request, limit=limit,
    )  # fmt: skip

    async def read(database: Database) -> Any:
        async with database.session() as session:
            return await list_jobs(session, page)

    rows, pagination = run_on_database(read)
    table = table_of("id", "kind", "status", "attempt", "progress", "created", "took")
    for job in rows:
        table.add_row(*_cells(job))
    console.print(table)
    console.print(f"{len(rows)} of {pagination.total}")


@app.command()
def show(job_id: JobId) -> None:
    """One job: its state, payload, result, steps, and every attempt."""

    async def read(database: Database) -> Any:
        return (
            await get_job(database, job_id), await list_attempts(database, job_id), await count_lines(database, job_id)
        )  # fmt: skip

    job, attempts, lines = run_on_database(read)
    for name in (
        "id", "kind", "queue", "owner", "status", "priority", "run_at", "start_by", "attempt", "max_attempts",
        "dedupe_key", "tags", "request_id",
    ):  # fmt: skip
        console.print(f"[bold]{name.replace('_', ' '):<13}[/bold] {getattr(job, name)}")
    for name in ("payload", "steps", "result", "error"):
        console.print(f"[bold]{name:<13}[/bold] {bytes(getattr(job, name)).decode()}", markup=True)
    table = table_of("attempt", "worker", "started", "took", "outcome", "error")
    for each in attempts:
        error = msgspec.json.decode(bytes(each.error)) or {}
        took = _seconds(each.started_at, each.finished_at)
        table.add_row(
            str(each.attempt), each.worker, time_of(each.started_at), took, each.outcome or "", error.get("code", "")
        )
    console.print(table)
    if lines:
        console.print(f"It said {lines} lines: bellwork jobs logs {job_id}")


@app.command()
def watch(job_id: JobId) -> None:
    """Follow a job with a live bar until it ends; exits 1 when it does not succeed."""

    async def follow(database: Database) -> JobRecord:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[message]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(str(job_id), total=None, message="")
            while True:
                job = await get_job(database, job_id)
                bar.update(
                    task, description=f"{job.kind} {job.status}", completed=job.progress_current or 0,
                    total=job.progress_total, message=job.progress_message or "",
                )  # fmt: skip
                if job.finished:
                    return job
                await asyncio.sleep(WATCH_SECONDS)

    job = run_on_database(follow)
    if job.status != JobStatus.SUCCEEDED:
        console.print(bytes(job.error).decode(), markup=False)
        raise typer.Exit(1)


@app.command()
def retry(
    job_id: JobId,
    at: Annotated[str | None, typer.Option(help="Not before then, such as 2026-03-01T08:00:00Z.")] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Forget what it has done: its steps are done again, mails sent again.")
    ] = False,
) -> None:
    """Run a failed or cancelled job again; of a batch, those of its jobs that failed or were cancelled."""
    run_at = instant_of(at)

    async def act(database: Database) -> JobRecord:
        async with database.transaction() as session:
            return await retry_job(session, await get_job(session, job_id), run_at=run_at, from_start=from_start)

    console.print(f"{run_on_database(act).status}")


@app.command()
def move(
    job_id: JobId,
    now: Annotated[bool, typer.Option("--now", help="Run it now; also ends its wait between attempts.")] = False,
    at: Annotated[str | None, typer.Option(help="Run it then, such as 2026-03-01T08:00:00Z.")] = None,
    priority: Annotated[int | None, typer.Option(min=0, max=9, help="The higher is taken first.")] = None,
    start_by: Annotated[str | None, typer.Option(help="Let it fail if it has not started by then; or `never`.")] = None,
) -> None:
    """Change when a job that waits is to run."""
    if now and at:
        raise typer.BadParameter("--now and --at exclude each other")
    if not (now or at or start_by) and priority is None:
        raise typer.BadParameter("nothing to change: --now, --at, --priority or --start-by")
    named = {"runAt": at, "priority": priority, "startBy": start_by}
    changes: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    changes |= {"runAt": None} if now else {}
    changes |= {"startBy": None} if start_by == "never" else {}

    async def act(database: Database) -> JobRecord:
        patch = convert(changes, JobPatch)
        async with database.transaction() as session:
            return await move_job(session, await lock_job(session, job_id), patch)

    job = run_on_database(act)
    console.print(f"{job.status}: runs at {time_of(job.run_at)}, priority {job.priority}")


@app.command()
def explain(job_id: JobId) -> None:
    """Why a job is not running or not done, and what comes next."""
    explanation = run_on_database(lambda database: operations.explain_job(database, job_id))
    console.print(f"[bold]{explanation.status}[/bold]")
    for because in explanation.because:
        console.print(f"  {because.reason}: {because.detail}", markup=False)
    console.print(f"  → {explanation.next}", markup=False)


def queues() -> None:
    """Every queue: what waits, runs and is late, when a worker last took something; and paused kinds."""

    async def read(database: Database) -> Any:
        return await read_statistics(database), await list_paused(database)

    statistics, paused = run_on_database(read)
    table = table_of("queue", "queued", "running", "retrying", "scheduled", "oldest", "worker seen")
    counts = {(row["queue"], row["status"]): row for row in statistics.unfinished}
    seen: dict[str, str] = {}
    for row in statistics.lanes:  # the newest first
        seen.setdefault(row["queue"], f"{row['silent_seconds']:.0f} s ago")
    for queue in sorted({queue for queue, _ in counts} | set(seen)):
        jobs = [counts.get((queue, status)) for status in ("queued", "running", "retrying", "scheduled")]
        oldest = f"{max(jobs[0]['oldest_seconds'], 0):.0f} s" if jobs[0] else ""
        numbers = [str(row["jobs"]) if row else "0" for row in jobs]
        table.add_row(queue, *numbers, oldest, seen.get(queue, "never"))
    console.print(table)
    if paused:
        console.print("paused: " + ", ".join(paused))


def run_on_database(work: Callable[[Database], Awaitable[T]]) -> T:
    """Do the work on the configured database; a fault ends the command in one line."""

    adopt_settings(Path())

    async def run() -> T:
        database = Database(load_settings().asyncpg_dsn, pool_size=2, application="bellwork-cli")
        nudger = Nudger(database)
        try:
            done = await work(database)
            nudger.nudge()
            await nudger.settle()
            return done
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except (DomainError, SettingsError, OSError) as error:
        console.print(f"bellwork: {getattr(error, 'detail', error)}", markup=False, style="red")
        for fault in getattr(error, "errors", ()):
            console.print(f"  {fault.field} {fault.message}", markup=False, style="red")
        raise typer.Exit(1) from None


def instant_of(text: str | None) -> datetime | None:
    """Of an option."""
    try:
        instant = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"{text} is not an instant") from None
    if instant and instant.tzinfo is None:
        raise typer.BadParameter(f"{text} needs an offset, such as Z")
    return instant


def statuses_of(words: list[str] | None) -> list[JobStatus] | None:
    """Of an option that takes commas and may be given again."""
    names = ",".join(words).split(",") if words else []
    if unknown := [name for name in names if name not in list(JobStatus)]:
        raise typer.BadParameter(f"{', '.join(unknown)}: not one of {', '.join(JobStatus)}")
    return [JobStatus(name) for name in names] or None


def _cells(job: JobRecord) -> list[str]:
    progress = "" if job.progress_current is None else f"{job.progress_current}/{job.progress_total or '?'}"
    took = _seconds(job.started_at, job.finished_at)
    attempts = f"{job.attempt}/{job.max_attempts}"
    return [str(job.id), job.kind, job.status, attempts, progress, time_of(job.created_at), took]


def table_of(*headings: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def time_of(instant: datetime | None) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if instant else ""


def _seconds(start: datetime | None, end: datetime | None) -> str:
    return f"{(end - start).total_seconds():.2f} s" if start and end else ""
