"""Rows as CSV in UTF-8: as PostgreSQL writes it, straight onto the disk."""

import codecs
from pathlib import Path

from models.exports.snapshot import Report, Snapshot
from models.kernel.files import translate_full_disk

BUFFER_BYTES = 1024 * 1024


async def write_csv(snapshot: Snapshot, path: Path, report: Report, *, bom: bool = False) -> int:
    """Return the number of rows. Raises OSError when the disk is full."""
    lines = -1
    with translate_full_disk(), path.open("wb", buffering=BUFFER_BYTES) as file:
        if bom:
            file.write(codecs.BOM_UTF8)

        async def take(data: bytes) -> None:
            # A line feed within a cell makes this an estimate; the driver's tag gives the number in the end.
            nonlocal lines
            lines += data.count(b"\n")
            file.write(data)
            report(max(0, min(lines, snapshot.total)), snapshot.total)

        return await snapshot.copy_csv(take)
