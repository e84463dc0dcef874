"""`bellwork schedules`: what fires when, and what cannot."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.jobs import console, run_on_database, table_of, time_of
from models.kernel.session import Database
from models.schedules.service import SchedulePage, list_schedules
from models.schedules.tables import Schedule


def schedules(
    failing: Annotated[bool, typer.Option("--failing", help="Only those that could not fire.")] = False,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
) -> None:
    """The schedules that fire next, and why some could not."""
    page = SchedulePage(kind=kind, failing=failing or None, limit=limit, sort_by="nextFireAt", sort_order="asc")

    async def read(database: Database) -> Any:
        async with database.session() as session:
            return await list_schedules(session, page, owner=None)

    rows, pagination = run_on_database(read)
    table = table_of("id", "name", "kind", "timing", "next", "last", "skipped", "error")
    for schedule in rows:
        table.add_row(*map(escape, _cells(schedule)))
    console.print(table)
    console.print(f"{len(rows)} of {pagination.total}")


def _cells(schedule: Schedule) -> list[str]:
    timing = f"{schedule.cron or schedule.rrule} {schedule.timezone}"
    upcoming = "paused" if schedule.paused_at else time_of(schedule.next_fire_at)
    error = schedule.last_error or {}
    return [
        str(schedule.id), schedule.name, schedule.kind, timing, upcoming, time_of(schedule.last_fire_at),
        time_of(schedule.last_skipped_at), f"{error['code']}: {error['message']}" if error else "",
    ]  # fmt: skip
