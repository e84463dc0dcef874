"""`bellwork schedules`: what fires when, and what cannot."""

from typing import Annotated, Any

import typer

from cli.database import run_on_database
from cli.options import Kind, check_kind
from cli.screen import say, show_rows
from cli.words import time_of
from models.kernel.session import Database
from models.schedules.service import SchedulePage, list_schedules
from models.schedules.tables import Schedule


def schedules(
    failing: Annotated[bool, typer.Option("--failing", help="Only those that could not fire.")] = False,
    kind: Kind = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
) -> None:
    """The schedules that fire next, and why some could not."""
    page = SchedulePage(kind=kind, failing=failing or None, limit=limit, sort_by="nextFireAt", sort_order="asc")

    async def read(database: Database) -> Any:
        async with database.session() as session:
            return await list_schedules(session, page, owner=None)

    rows, pagination = run_on_database(read)
    if not rows:
        check_kind(kind)
    show_rows([("id", "name", "kind"), ("timing", "error"), ("next", "last", "skipped")], map(_cells, rows))
    say(f"{len(rows)} of {pagination.total}")


def _cells(schedule: Schedule) -> list[str]:
    timing = f"{schedule.cron or schedule.rrule} {schedule.timezone}"
    upcoming = "paused" if schedule.paused_at else time_of(schedule.next_fire_at)
    error = schedule.last_error or {}
    return [
        str(schedule.id), schedule.name, schedule.kind, timing,
        f"{error['code']}: {error['message']}" if error else "", upcoming, time_of(schedule.last_fire_at),
        time_of(schedule.last_skipped_at),
    ]  # fmt: skip
