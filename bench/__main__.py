"""`python -m bench [name …]`: measure ours beside a peer and a limit, print one table, write bench-output/."""

import argparse
import importlib
import sys
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from bench.harness import ROOT, Figure, Measured, machine, measure, stage
from cli.embedded.server import ServerError
from cli.platform import PlatformError
from cli.processes import ProcessError

NAMES = (
    "submit_durable_job",
    "read_job_status",
    "noop_end_to_end",
    "idle_latency_ms",
    "export_csv",
    "export_xlsx",
    "generate_meetings",
    "recalculate",
)
OUTPUT = ROOT / "bench-output"


def main() -> None:
    names, runs = _arguments()
    console = Console(stderr=True)
    try:
        with console.status("starting PostgreSQL and Valkey") as status, stage(status.update) as ready:
            described = machine(ready)
            measured, taken = [], {}
            for figure in map(_load, names):
                progress = _Progress(status, figure.name, runs)
                result, taken[figure.name] = measure(figure, ready, runs, progress)
                measured.append(result)
                console.print(_line(result))
                _write(described, measured, taken, ready.notes)
    except (PlatformError, ServerError, ProcessError) as error:
        sys.exit(str(error))
    Console().print(_table([(_load(result.name), result) for result in measured]))
    Console().print(f"Written to {(OUTPUT / 'results.json').relative_to(ROOT)}", highlight=False)


def _arguments() -> tuple[list[str], int]:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each contender (default 3)")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"there is no figure {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return given.names or list(NAMES), given.runs


def _load(name: str) -> Figure:
    figure: Figure = importlib.import_module(f"bench.{name}").FIGURE
    return figure


class _Progress:
    def __init__(self, status: Any, figure: str, runs: int) -> None:
        self._status, self._figure, self._runs = status, figure, runs

    def __call__(self, contender: str, number: int) -> None:
        which = f"run {number} of {self._runs}" if number else "warming up"
        self._status.update(f"{self._figure}: {contender}, {which}")


def _write(machine: dict[str, Any], measured: list[Measured], runs: Any, notes: Any) -> None:
    OUTPUT.mkdir(exist_ok=True)
    _store("results.json", {"machine": machine, "figures": measured})
    _store("runs.json", {"runs": runs, "notes": notes})


def _store(name: str, content: Any) -> None:
    (OUTPUT / name).write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def _line(result: Measured) -> str:
    return f"{result.name}: {_number(result.ours)} {result.unit} ({result.ratio_peer:.2f} × the peer)"


def _table(rows: list[tuple[Figure, Measured]]) -> Table:
    words = [f"{figure.name}: peer {figure.peer}; limit {figure.limit}" for figure, _ in rows]
    table = Table(
        title="Bellwork beside a peer and a limit (medians)", caption="\n".join(words), caption_justify="left"
    )
    for heading in ("figure", "unit", "ours", "peer", "limit", "to peer", "to limit"):
        table.add_column(heading, justify="left" if heading in ("figure", "unit") else "right", no_wrap=True)
    for figure, result in rows:
        unit = f"{result.unit} ↓" if figure.lower_is_better else result.unit
        values = [_number(value) for value in (result.ours, result.peer, result.limit)]
        table.add_row(result.name, unit, *values, f"{result.ratio_peer:.2f}", f"{result.ratio_limit:.2f}")
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


if __name__ == "__main__":
    main()
