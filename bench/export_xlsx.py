"""50,000 meetings with the names of what they belong to, as an Excel sheet of 22 columns.

The peer is xlsxwriter in its constant-memory mode fed from a cursor; the limit is our writer alone, fed from records
that are in memory already.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.exporting import in_a_process
from bench.harness import Contenders, Figure, Stage
from bench.peers import sheets
from bench.school import found_school, hold_meetings

MEETINGS = 50_000


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    found_school(stage, MEETINGS)
    hold_meetings(stage)
    yield Contenders(
        in_a_process(stage, FIGURE.name, "ours", sheets.xlsx_ours, "ours.xlsx"),
        in_a_process(stage, FIGURE.name, "peer", sheets.xlsx_by_xlsxwriter, "peer.xlsx"),
        in_a_process(stage, FIGURE.name, "limit", sheets.xlsx_from_memory, "limit.xlsx"),
    )


FIGURE = Figure("export_xlsx", "rows/s", "xlsxwriter constant_memory", "the writer from memory", contenders)
