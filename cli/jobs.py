"""`bellwork jobs` and `bellwork queues`: what an operator does, straight on the database."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer

from cli.database import run_on_database
from cli.options import (
    JobId,
    Kind,
    MadeFrom,
    MadeTo,
    Owner,
    Parent,
    Schedule,
    Statuses,
    check_kind,
    instant_of,
    statuses_of,
)
from cli.screen import say, show_rows
from cli.words import duration_of, time_between, time_of
from models.jobs import operations
from models.jobs.dispatching import list_paused
from models.jobs.logs import count_lines
from models.jobs.records import NOTHING, AttemptRecord, JobRecord
from models.jobs.service import JobPage, get_job, list_attempts, list_jobs, retry_job
from models.jobs.statistics import JobStatistics, read_statistics
from models.jobs.waiting import JobPatch, lock_job, move_job
from models.kernel.session import Database
from models.kernel.validation import convert

app = typer.Typer(no_args_is_help=True, help="Look at jobs and act on them.")
JOBS = (("id", "kind"), ("status", "progress"), ("attempt",), ("created",), ("took",))
COUNTED = ("queued", "running", "retrying", "scheduled")
SHOWN = (
    "id", "kind", "queue", "owner", "status", "priority", "run_at", "start_by", "attempt", "max_attempts",
    "dedupe_key", "tags", "parent_id", "schedule_id", "request_id",
)  # fmt: skip


@app.command("list")
def list_(
    kind: Kind = None,
    status: Statuses = None,
    queue: Annotated[str | None, typer.Option(help="Only this queue.")] = None,
    owner: Owner = None,
    parent: Parent = None,
    schedule: Schedule = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only with this tag; again: or with that one.")] = None,
    error_code: Annotated[str | None, typer.Option(help="Only with this error, such as EXPIRED.")] = None,
    dedupe_key: Annotated[str | None, typer.Option(help="Only with this key.")] = None,
    request: Annotated[str | None, typer.Option(help="Only what this request (its X-Request-ID) asked for.")] = None,
    from_: MadeFrom = None,
    to: MadeTo = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
) -> None:
    """The newest jobs."""
    page = JobPage(
        kind=kind, status=statuses_of(status), queue=queue, owner=owner, parent_id=parent, schedule_id=schedule,
        tag=tag or None, error_code=error_code, dedupe_key=dedupe_key, request_id=request, from_=instant_of(from_),
        to=instant_of(to), limit=limit,
    )  # fmt: skip

    async def read(database: Database) -> Any:
        async with database.session() as session:
            return await list_jobs(session, page)

    rows, pagination = run_on_database(read)
    if not rows:
        check_kind(kind)
    show_rows(JOBS, map(_cells, rows))
    say(f"{len(rows)} of {pagination.total}")


@app.command()
def show(job_id: JobId) -> None:
    """One job: its state, payload, result, steps, and every attempt."""

    async def read(database: Database) -> Any:
        return (
            await get_job(database, job_id), await list_attempts(database, job_id), await count_lines(database, job_id)
        )  # fmt: skip

    job, attempts, lines = run_on_database(read)
    for name in SHOWN:
        _show_field(name, _text_of(getattr(job, name)))
    for name in ("payload", "steps", "result", "error"):
        raw = getattr(job, name)
        _show_field(name, "" if raw == NOTHING else bytes(raw).decode())
    if attempts:
        show_rows([("attempt", "outcome"), ("worker",), ("started",), ("took",), ("error",)], map(_attempt, attempts))
    if lines:
        say(f"It said {lines} lines: bellwork jobs logs {job_id}")


def _show_field(name: str, text: str) -> None:
    if text:
        say((f"{name.replace('_', ' '):<13} ", "bold"), text)


def _text_of(value: object) -> str:
    if isinstance(value, datetime):
        return time_of(value)
    return ", ".join(value) if isinstance(value, list) else str("" if value is None else value)


def _attempt(attempt: AttemptRecord) -> list[str]:
    error = msgspec.json.decode(bytes(attempt.error)) or {}
    took = time_between(attempt.started_at, attempt.finished_at)
    return [
        str(attempt.attempt), attempt.outcome or "", attempt.worker, time_of(attempt.started_at), took,
        error.get("code", ""),
    ]  # fmt: skip


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

    job = run_on_database(act)
    say(f"{job.status}: runs at {time_of(job.run_at)}")


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
    say(f"{job.status}: runs at {time_of(job.run_at)}, priority {job.priority}")


@app.command()
def explain(job_id: JobId) -> None:
    """Why a job is not running or not done, and what comes next."""
    explanation = run_on_database(lambda database: operations.explain_job(database, job_id))
    say((explanation.status, "bold"))
    for because in explanation.because:
        say(f"  {because.reason}: {because.detail}")
    say(f"  → {explanation.next}")


def queues() -> None:
    """Every queue: what waits, runs and is late, when a worker last took something; and paused kinds."""

    async def read(database: Database) -> Any:
        return await read_statistics(database), await list_paused(database)

    statistics, paused = run_on_database(read)
    headings = ("queue", *COUNTED, "oldest", "worker seen")
    show_rows([(heading,) for heading in headings], _queue_rows(statistics))
    if paused:
        say(f"paused: {', '.join(paused)}; `bellwork kinds` says since when")


def _queue_rows(statistics: JobStatistics) -> Iterator[list[str]]:
    counts = {(row["queue"], row["status"]): row for row in statistics.unfinished}
    seen: dict[str, str] = {}
    for row in statistics.lanes:  # the newest first
        seen.setdefault(row["queue"], f"{duration_of(round(row['silent_seconds']))} ago")
    for queue in sorted({queue for queue, _ in counts} | set(seen)):
        jobs = [counts.get((queue, status)) for status in COUNTED]
        oldest = duration_of(round(max(jobs[0]["oldest_seconds"], 0))) if jobs[0] else ""
        yield [queue, *(str(row["jobs"]) if row else "0" for row in jobs), oldest, seen.get(queue, "never")]


def _cells(job: JobRecord) -> list[str]:
    progress = "" if job.progress_current is None else f"{job.progress_current}/{job.progress_total or '?'}"
    took = time_between(job.started_at, job.finished_at)
    attempts = f"{job.attempt}/{job.max_attempts}"
    return [str(job.id), job.kind, job.status, progress, attempts, time_of(job.created_at), took]
