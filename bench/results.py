"""What a figure comes to: medians, their quotients, and what was noted beside them."""

import statistics
from collections import defaultdict
from collections.abc import Mapping

import msgspec
from rich.table import Table


class Beside(msgspec.Struct, frozen=True):
    """Another contender's median, and ours divided by it."""

    value: float
    ratio: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """`details` holds, by contender, medians of what was taken beside the figure; a name ends in its unit."""

    name: str
    unit: str
    lower_is_better: bool
    ours: float
    peer: float | None
    limit: float | None
    ratio_peer: float | None
    ratio_limit: float | None
    others: dict[str, Beside]
    details: dict[str, dict[str, float]]
    notes: list[str]


class Taken:
    """The counted runs of one figure."""

    def __init__(self) -> None:
        self.values: defaultdict[str, list[float]] = defaultdict(list)
        self.details: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, contender: str, value: float, details: Mapping[str, float]) -> None:
        self.values[contender].append(value)
        for name, detail in details.items():
            self.details[contender][name].append(detail)

    def measured(self, name: str, unit: str, lower_is_better: bool, notes: list[str]) -> Measured:
        medians = {contender: statistics.median(values) for contender, values in self.values.items()}
        ours = medians["ours"]
        beside = {
            contender: Beside(round(median, 2), round(ours / median, 3) if median else 0.0)
            for contender, median in medians.items()
        }
        del beside["ours"]
        peer, limit = beside.pop("peer", None), beside.pop("limit", None)
        return Measured(
            name=name, unit=unit, lower_is_better=lower_is_better, ours=round(ours, 2),
            peer=peer.value if peer else None, limit=limit.value if limit else None,
            ratio_peer=peer.ratio if peer else None, ratio_limit=limit.ratio if limit else None,
            others=beside, details=self._details(), notes=notes,
        )  # fmt: skip

    def _details(self) -> dict[str, dict[str, float]]:
        return {
            contender: {name: round(statistics.median(values), 3) for name, values in details.items()}
            for contender, details in self.details.items()
        }


def table_of(results: list[Measured], legend: list[str]) -> Table:
    table = Table(
        title="Bellwork beside a peer and a limit (medians)", caption="\n".join(legend), caption_justify="left"
    )
    for heading in ("figure", "unit", "ours", "peer", "limit", "to peer", "to limit"):
        table.add_column(heading, justify="left" if heading in ("figure", "unit") else "right", no_wrap=True)
    for result in results:
        unit = f"{result.unit} ↓" if result.lower_is_better else result.unit
        values = [_number(value) for value in (result.ours, result.peer, result.limit)]
        table.add_row(result.name, unit, *values, _ratio(result.ratio_peer), _ratio(result.ratio_limit))
        for name, other in result.others.items():
            table.add_row(f"  {name}", "", "", _number(other.value), "", _ratio(other.ratio), "")
    return table


def lines_of(result: Measured) -> list[str]:
    """The figure, and indented below it all that was taken beside it."""
    to_peer = "" if result.ratio_peer is None else f" ({result.ratio_peer:.2f} × the peer)"
    lines = [f"{result.name}: {_number(result.ours)} {result.unit}{to_peer}"]
    for contender, details in result.details.items():
        lines.append(f"  {contender}: " + ", ".join(f"{name} {_number(value)}" for name, value in details.items()))
    return lines + [f"  {note}" for note in result.notes]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
