"""300,000 meetings with the names of what they belong to, as a CSV file.

Ours makes texts safe for spreadsheets and times readable on the way; the peer is a cursor with Python's csv module;
the limit is COPY of the bare values into the file.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.exporting import in_a_process
from bench.harness import Contenders, Figure, Stage
from bench.peers import sheets
from bench.school import found_school, hold_meetings

MEETINGS = 300_000


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    found_school(stage, MEETINGS)
    hold_meetings(stage)
    yield Contenders(
        in_a_process(stage, FIGURE.name, "ours", sheets.csv_ours, "ours.csv"),
        in_a_process(stage, FIGURE.name, "peer", sheets.csv_by_cursor, "peer.csv"),
        in_a_process(stage, FIGURE.name, "limit", sheets.csv_by_copy, "limit.csv"),
    )


FIGURE = Figure("export_csv", "rows/s", "cursor and csv module", "bare COPY to a file", contenders)
