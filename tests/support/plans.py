"""What a statement has read, by PostgreSQL's own account."""

from collections.abc import Iterator
from typing import Any

import msgspec


def rows_read(explained: str) -> int:
    """Of `EXPLAIN (ANALYZE, FORMAT JSON)`; with what an index still has of rows that are gone."""
    (plan,) = msgspec.json.decode(explained)
    return sum(scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) for scan in _scans(plan["Plan"]))


def _scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Scan" in node["Node Type"]:
        yield node
    for child in node.get("Plans", []):
        yield from _scans(child)
