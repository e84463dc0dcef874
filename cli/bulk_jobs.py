"""`bellwork jobs cancel` and `redrive`: for many jobs they show which, and do it with `--go`."""

from typing import Annotated
from uuid import UUID

import typer

from cli.database import run_on_database
from cli.options import (
    Kind,
    MadeFrom,
    MadeTo,
    Owner,
    Parent,
    Schedule,
    Statuses,
    check_kind,
    instant_of,
    share_of,
    statuses_of,
)
from cli.screen import say, show_rows
from models.events.endings import cancel_job
from models.jobs.cancelling import group_to_cancel, request_cancel
from models.jobs.jobs import CancelFilter, Redrive, RedriveFilter
from models.jobs.records import JobRecord
from models.jobs.redriving import Failed, FailedGroup, count_failed, group_failed, request_redrive
from models.jobs.rules import UNFINISHED
from models.kernel.actor import SYSTEM
from models.kernel.session import Database

Ids = Annotated[list[UUID] | None, typer.Option("--id", help="Only this job; may be given again.")]
Go = Annotated[bool, typer.Option("--go", help="Do it; without, only show what it would be.")]
ONLY_SHOWN = "Nothing has been done yet: --go does it."


def redrive(
    kind: Kind = None,
    error_code: Annotated[str | None, typer.Option(help="Only jobs that failed with this code.")] = None,
    owner: Owner = None,
    ids: Ids = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="INSTANT", help="Only if it failed then or later.")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="INSTANT", help="Only if it failed then or earlier.")] = None,
    canary: Annotated[int, typer.Option(min=0, max=1000, help="How many to try before the rest.")] = 5,
    per_second: Annotated[int, typer.Option(min=1, max=1000, help="How many of the rest to retry in a second.")] = 50,
    failure_share: Annotated[
        float,
        typer.Option(parser=share_of, metavar="SHARE", help="Stop when more than this share of them fail again."),
    ] = 0.2,
    go: Go = False,
) -> None:
    """Retry failed jobs: shows them by kind and error, does it with --go.

    A job does it: a few first, then the rest at a rate; it stops by itself when too many fail again.
    """
    wanted = RedriveFilter(
        kind=kind, error_code=error_code, owner=owner, ids=ids or None, from_=instant_of(from_), to=instant_of(to)
    )

    async def read(database: Database) -> tuple[list[FailedGroup], Failed]:
        return await group_failed(database, wanted), await count_failed(database, wanted)

    groups, failed = run_on_database(read)
    if not groups:
        check_kind(kind)
    show_rows([("kind", "error"), ("jobs", "skipped"), ("example",)], map(_failed_cells, groups))
    if groups:
        say(f"{failed.jobs} failed, of which {failed.skipped} would be skipped")
    if not go:
        _only_shown(failed.jobs)
        return
    args = Redrive(filter=wanted, canary=canary, per_second=per_second, stop_at_failure_share=failure_share)
    _tell_watch(run_on_database(lambda database: request_redrive(database, SYSTEM, args)))


def cancel(
    job_ids: Annotated[
        list[UUID] | None, typer.Argument(help="The job's id; several need --go, as a filter does.")
    ] = None,
    kind: Kind = None,
    status: Statuses = None,
    owner: Owner = None,
    parent: Parent = None,
    schedule: Schedule = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    from_: MadeFrom = None,
    to: MadeTo = None,
    running: Annotated[bool, typer.Option("--running", help="Ask those that run to stop as well.")] = False,
    go: Go = False,
) -> None:
    """Cancel a job; or many: shows them by kind and state, does it with --go.

    At once before it runs, at its next checkpoint while it runs. Of many, those that wait, unless --running or --status
    says otherwise; a job does it, ahead of what waits.
    """
    wanted = CancelFilter(
        kind=kind, status=statuses_of(status), owner=owner, parent_id=parent, schedule_id=schedule, tag=tag,
        from_=instant_of(from_), to=instant_of(to), running=running,
    )  # fmt: skip
    if job_ids and wanted == CancelFilter() and len(job_ids) == 1 and not go:
        _cancel_one(job_ids[0])
        return
    wanted.ids = job_ids or None
    groups = run_on_database(lambda database: group_to_cancel(database, wanted))
    if not groups:
        check_kind(kind)
    show_rows([("kind",), ("state",), ("jobs",)], ([group.kind, group.status, str(group.jobs)] for group in groups))
    if not go:
        _only_shown(sum(group.jobs for group in groups if group.status in UNFINISHED))
        return
    _tell_watch(run_on_database(lambda database: request_cancel(database, SYSTEM, wanted)))


def _failed_cells(group: FailedGroup) -> list[str]:
    kind = group.kind + (" (paused)" if group.paused else "")
    return [kind, group.code or "", str(group.jobs), str(group.skipped), (group.example or "")[:60]]


def _only_shown(jobs: int) -> None:
    say(ONLY_SHOWN if jobs else "There are no such jobs.")


def _tell_watch(job: JobRecord) -> None:
    say(f"bellwork jobs watch {job.id}")


def _cancel_one(job_id: UUID) -> None:
    async def act(database: Database) -> JobRecord:
        async with database.transaction() as session:
            return await cancel_job(session, job_id)

    job = run_on_database(act)
    say(f"{job.status}: {job.cancel_verdict or ('too_late' if job.finished else 'requested')}")
