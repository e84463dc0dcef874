"""`bellwork jobs redrive`: shown first, and done with `--go`."""

from typing import Annotated
from uuid import UUID

import typer

from cli.jobs import app, console, run_on_database, table_of
from models.jobs.jobs import Redrive, RedriveFilter
from models.jobs.redriving import group_failed, request_redrive
from models.kernel.actor import SYSTEM

Kind = Annotated[str | None, typer.Option(help="Only this kind.")]
Owner = Annotated[str | None, typer.Option(help="Only this owner's, such as user:0198….")]
Ids = Annotated[list[UUID] | None, typer.Option("--id", help="Only this job; may be given again.")]
Go = Annotated[bool, typer.Option("--go", help="Do it; without, only show what it would be.")]


@app.command()
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
