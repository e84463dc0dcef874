"""`bellwork jobs cancel` and `redrive`: for many jobs they show which, and do it with `--go`."""

from typing import Annotated
from uuid import UUID

import typer

from cli.jobs import Statuses, console, instant_of, run_on_database, statuses_of, table_of
from models.events.endings import cancel_job
from models.jobs.cancelling import group_to_cancel, request_cancel
from models.jobs.jobs import CancelFilter, Redrive, RedriveFilter
from models.jobs.records import JobRecord
from models.jobs.redriving import group_failed, request_redrive
from models.kernel.actor import SYSTEM
from models.kernel.session import Database

Kind = Annotated[str | None, typer.Option(help="Only this kind.")]
Owner = Annotated[str | None, typer.Option(help="Only this owner's, such as user:0198….")]
Ids = Annotated[list[UUID] | None, typer.Option("--id", help="Only this job; may be given again.")]
Go = Annotated[bool, typer.Option("--go", help="Do it; without, only show what it would be.")]


def redrive(
    kind: Kind = None,
    error_code: Annotated[str | None, typer.Option(help="Only jobs that failed with this code.")] = None,
    owner: Owner = None,
    ids: Ids = None,
    canary: Annotated[int, typer.Option(min=0, help="How many to try before the rest.")] = 5,
    per_second: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    go: Go = False,
) -> None:
    """Retry failed jobs: shows them by kind and error, and with --go makes the job that does it."""
    wanted = RedriveFilter(kind=kind, error_code=error_code, owner=owner, ids=ids or None)
    table = table_of("kind", "error", "jobs", "skipped", "example")
    for group in run_on_database(lambda database: group_failed(database, wanted)):
        paused = " (paused)" if group.paused else ""
        table.add_row(
            group.kind + paused, group.code or "", str(group.jobs), str(group.skipped), (group.example or "")[:60]
        )
    console.print(table)
    if go:
        args = Redrive(filter=wanted, canary=canary, per_second=per_second)
        job = run_on_database(lambda database: request_redrive(database, SYSTEM, args))
        console.print(f"bellwork jobs watch {job.id}")


def cancel(
    job_ids: Annotated[
        list[UUID] | None, typer.Argument(help="The job's id; several need --go, as a filter does.")
    ] = None,
    kind: Kind = None,
    status: Statuses = None,
    owner: Owner = None,
    parent: Annotated[UUID | None, typer.Option(help="Only jobs of this batch.")] = None,
    schedule: Annotated[UUID | None, typer.Option(help="Only this schedule's.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="Only if made then or later: 2026-03-01T08:00:00Z.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Only if made then or earlier.")] = None,
    running: Annotated[bool, typer.Option("--running", help="Ask those that run to stop as well.")] = False,
    go: Go = False,
) -> None:
    """Cancel a job: at once before it runs, at its next checkpoint while it runs. Or many: shows them by kind and
    state, and with --go makes the job that does it."""
    wanted = CancelFilter(
        kind=kind, status=statuses_of(status), owner=owner, parent_id=parent, schedule_id=schedule, tag=tag,
        from_=instant_of(from_), to=instant_of(to), running=running,
    )  # fmt: skip
    if job_ids and wanted == CancelFilter() and len(job_ids) == 1 and not go:
        _cancel_one(job_ids[0])
        return
    wanted.ids = job_ids or None
    table = table_of("kind", "state", "jobs")
    for group in run_on_database(lambda database: group_to_cancel(database, wanted)):
        table.add_row(group.kind, group.status, str(group.jobs))
    console.print(table)
    if go:
        job = run_on_database(lambda database: request_cancel(database, SYSTEM, wanted))
        console.print(f"bellwork jobs watch {job.id}")


def _cancel_one(job_id: UUID) -> None:
    async def act(database: Database) -> JobRecord:
        async with database.transaction() as session:
            return await cancel_job(session, job_id)

    job = run_on_database(act)
    console.print(f"{job.status}: {job.cancel_verdict or ('too_late' if job.finished else 'requested')}")
