"""100,000 meetings of 1,000 cycles: planned around holidays, checked against the instructors' other meetings, stored.

The peer stores the same rows, planned beforehand, with the ORM's `add_all`; the limit is COPY of them into the same
table with all its constraints.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.harness import Contenders, Figure, Stage
from bench.school import found_school
from models.cycles.services.generation import generate_meetings
from models.cycles.tables import Meeting
from models.cycles.values import OnConflict
from models.kernel.actor import SYSTEM

MEETINGS = 100_000
COLUMNS = (
    "id", "cycle_id", "number", "instructor_id", "instructor_number", "starts_at", "ends_at", "timezone", "local_date",
)  # fmt: skip
Rows = list[tuple[Any, ...]]


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    found_school(stage, MEETINGS)
    stage.run(_generate(stage))
    rows = [tuple(row.values()) for row in stage.sql(f"SELECT {', '.join(COLUMNS)} FROM meetings")]
    stage.sql("CREATE UNLOGGED TABLE bare_meetings (LIKE meetings INCLUDING DEFAULTS)")
    try:
        stage.note(FIGURE.name, f"COPY into a bare table {stage.run(_copy(stage, rows, 'bare_meetings')):,.0f} rows/s")
        yield Contenders(
            lambda: stage.run(_generate(stage)),
            lambda: stage.run(_add_all(stage, rows)),
            lambda: stage.run(_copy(stage, rows, "meetings")),
        )
    finally:
        stage.sql("DROP TABLE bare_meetings")


async def _generate(stage: Stage) -> float:
    await stage.database.execute("TRUNCATE meetings, events CASCADE")
    cycles = [row["id"] for row in await stage.database.fetch("SELECT id FROM cycles")]
    started = time.perf_counter()
    async with stage.database.transaction() as session:
        done = await generate_meetings(session, SYSTEM, cycles, OnConflict.SKIP, lambda *_: None, lambda *_, **__: None)
    return done.created / (time.perf_counter() - started)


async def _add_all(stage: Stage, rows: Rows) -> float:
    await stage.database.execute("TRUNCATE meetings CASCADE")
    started = time.perf_counter()
    async with stage.database.transaction() as session:
        session.add_all([Meeting(**dict(zip(COLUMNS, row, strict=True))) for row in rows])
    return len(rows) / (time.perf_counter() - started)


async def _copy(stage: Stage, rows: Rows, table: str) -> float:
    await stage.database.execute("TRUNCATE meetings CASCADE")
    pool = await stage.database.pool()
    started = time.perf_counter()
    await pool.copy_records_to_table(table, records=rows, columns=COLUMNS, timeout=300)
    return len(rows) / (time.perf_counter() - started)


FIGURE = Figure("generate_meetings", "rows/s", "ORM add_all", "COPY of the same rows", contenders)
