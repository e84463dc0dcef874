"""Options that several commands take, and how their words are read."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from cli.screen import fail
from models.jobs.kinds import find_kind
from models.jobs.rules import JobStatus

JobId = Annotated[UUID, typer.Argument(help="The job's id, as the API and Flower show it.")]
Kind = Annotated[str | None, typer.Option(help="Only this kind; `bellwork kinds` lists them.")]
Owner = Annotated[str | None, typer.Option(help="Only this owner's, such as user:0198….")]
Parent = Annotated[UUID | None, typer.Option(help="Only jobs of this batch.")]
Schedule = Annotated[UUID | None, typer.Option(help="Only this schedule's.")]
MadeFrom = Annotated[
    str | None, typer.Option("--from", metavar="INSTANT", help="Only if made then or later: 2026-03-01T08:00:00Z.")
]
MadeTo = Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="Only if made then or earlier.")]
Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", metavar="STATE", help=f"Only in this state: {', '.join(JobStatus)}; several with commas."),
]


def instant_of(text: str | None) -> datetime | None:
    """Of an option."""
    try:
        instant = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"{text} is not an instant, such as 2026-03-01T08:00:00Z") from None
    if instant and instant.tzinfo is None:
        raise typer.BadParameter(f"{text} needs an offset, such as Z")
    return instant


def share_of(text: str) -> float:
    """Of an option: above 0, up to 1."""
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise typer.BadParameter(f"{text} is not a share, such as 0.2: above 0, and 1 at most")
    return share


def statuses_of(words: list[str] | None) -> list[JobStatus] | None:
    """Of an option that takes commas and may be given again."""
    names = ",".join(words).split(",") if words else []
    if unknown := [name for name in names if name not in list(JobStatus)]:
        raise typer.BadParameter(f"{', '.join(unknown)}: not one of {', '.join(JobStatus)}")
    return [JobStatus(name) for name in names] or None


def check_kind(kind: str | None) -> None:
    """Where nothing was found: a kind that is gone may have jobs, one that is misspelt has none."""
    if kind is not None and find_kind(kind) is None:
        fail(f"bellwork: There is no kind {kind}; `bellwork kinds` lists them.")
