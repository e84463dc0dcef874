"""What processes cost: CPU seconds and memory out of /proc. Where there is none, nothing is known.

Unlike time on the wall this hardly changes with what else the machine does.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class _Stat(NamedTuple):
    """User and system time in clock ticks, with that of children that have ended."""

    parent: int
    ticks: int
    pages: int


def cpu_seconds(roots: Mapping[str, int], whole: frozenset[str] = frozenset()) -> dict[str, float]:
    """CPU time so far of each process of `roots` (names and pids): of the process itself, and of its children.

    Those in `whole` count as one with their children: the many processes of PostgreSQL.
    """
    stats = _stats()
    spent: dict[str, float] = {}
    for name, pid in roots.items():
        if pid not in stats:
            continue
        own, below = stats[pid].ticks, sum(stats[child].ticks for child in _below(pid, stats))
        if name in whole or not below:
            spent[name] = (own + below) / _TICKS
        else:
            spent |= {f"{name} parent": own / _TICKS, f"{name} children": below / _TICKS}
    return spent


def resident_mb(roots: Mapping[str, int]) -> dict[str, float]:
    """Memory in RAM of each process of `roots` with its children; what forked processes share counts for each."""
    stats = _stats()
    return {
        name: sum(stats[each].pages for each in (pid, *_below(pid, stats))) * _PAGE / 2**20
        for name, pid in roots.items()
        if pid in stats
    }


def _stats() -> dict[int, _Stat]:
    found = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            # The program's name may hold spaces and brackets; what counts comes after it.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        found[int(folder.name)] = _Stat(int(fields[1]), sum(map(int, fields[11:15])), int(fields[21]))
    return found


def _below(pid: int, stats: Mapping[int, _Stat]) -> Iterator[int]:
    for child, stat in stats.items():
        if stat.parent == pid:
            yield child
            yield from _below(child, stats)
